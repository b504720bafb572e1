# Sourced by hack/lab and hack/publish: an apt of their own, with sources, lists and cache in a directory, so that the machine's stay as they are.

# The mirror that the machine's own apt uses for a release. apt tells only what its indexes know, and a fresh machine has none.
mirror_of() { apt-get indextargets --format '$(RELEASE) $(REPO_URI)' | awk -v release="$1" '$1 == release && !found++ { print $2 }'; }

# private_apt WORK ARCHITECTURE: makes WORK/apt/apt.conf, for APT_CONFIG. Packages of the machine count as installed where they have its architecture, and nothing does elsewhere.
private_apt() {
  local key=/usr/share/keyrings/debian-archive-keyring.gpg debian=${DEBIAN_MIRROR:-} security=${DEBIAN_SECURITY_MIRROR:-}
  if [ -z "$debian$(mirror_of bookworm)" ] || [ -z "$security$(mirror_of bookworm-security)" ]; then
    say "apt has no package indexes yet, running apt-get update"
    apt-get -qq update || die "apt-get update failed: mend the machine's package sources"
  fi
  debian=${debian:-$(mirror_of bookworm)}; security=${security:-$(mirror_of bookworm-security)}
  [ -n "$debian" ] || die "apt has no source for bookworm: add one, or set DEBIAN_MIRROR to a mirror's URL"
  [ -n "$security" ] || die "apt has no source for bookworm-security: add one, or set DEBIAN_SECURITY_MIRROR to a mirror's URL"

  mkdir -p "$1"/apt/{lists/partial,cache/archives/partial}
  cat >"$1/apt/sources.list" <<SOURCES
deb [signed-by=$key] $debian bookworm main
deb [signed-by=$key] $debian bookworm-updates main
deb [signed-by=$key] $debian bookworm-backports main
deb [signed-by=$key] $security bookworm-security main
SOURCES
  if [ "$2" = "$(dpkg --print-architecture)" ]; then cp /var/lib/dpkg/status "$1/apt/status"; else : >"$1/apt/status"; fi
  cat >"$1/apt/apt.conf" <<CONF
Dir::State "$1/apt"; Dir::State::status "$1/apt/status"; Dir::Cache "$1/apt/cache";
Dir::Etc::sourcelist "$1/apt/sources.list"; Dir::Etc::sourceparts "-";
APT::Architecture "$2"; APT::Architectures { "$2"; };
APT::Install-Recommends "0"; Acquire::Languages "none"; Acquire::Retries "3"; APT::Sandbox::User "root";
CONF
}
