# Sourced by hack/publish: what was made is run, since nothing else shows what trimming and compiling took away.

CHECKS=0 FAILED_CHECKS=0
# expect WHAT PATTERN COMMAND...: COMMAND exits with 0 and prints a line that PATTERN, an extended regular expression, finds.
expect() {
  local what=$1 pattern=$2 printed code=0; shift 2
  CHECKS=$((CHECKS + 1))
  printed=$("$@" 2>&1) || code=$?
  if [ $code != 0 ] || ! grep -qE -- "$pattern" <<<"$printed"; then
    FAILED_CHECKS=$((FAILED_CHECKS + 1))
    say "$what: exit code $code, and it should print what \"$pattern\" finds. It printed:"; head -n 20 <<<"$printed" >&2
  fi
}

# The programs that were made, each put behind RUN's words.
run_programs() {   # run_programs WHAT DIRECTORY RUN...
  local what=$1 directory=$2; shift 2
  expect "$what: hostdev-operator --help" 'kubevirt-snippet' "$@" "$directory/hostdev-operator" --help
  expect "$what: hostdev-operator --version" "^$VERSION" "$@" "$directory/hostdev-operator" --version
  expect "$what: hostdev-device-plugin --help" 'inventory' "$@" "$directory/hostdev-device-plugin" --help
  expect "$what: kubectl-hostdev --help" 'explain' "$@" "$directory/kubectl-hostdev" --help
  expect "$what: kubectl_complete-hostdev" '^devices' env PATH="$directory:$PATH" "$@" "$directory/kubectl_complete-hostdev" dev
  expect "$what: the plugin's archive" '^./kubectl_complete-hostdev$' tar -tzf "${directory%/*}/$(plugin_archive "${directory##*linux-}")"
}

# The agent's reading commands, on this machine as it is: what devices it has does not matter.
run_reading() {   # run_reading WHAT DIRECTORY DESIRED RUN...
  local what=$1 directory=$2 desired=$3; shift 3
  expect "$what: inventory" 'IOMMU' "$@" "$directory/hostdev-device-plugin" inventory
  expect "$what: inventory -o json" '"devices"|"functions"|"host"' "$@" "$directory/hostdev-device-plugin" inventory -o json
  expect "$what: plan" 'HostDevice/gpu' "$@" "$directory/hostdev-device-plugin" plan --desired "$desired"
}

# An image's file system and nothing else, but for /dev, /proc and /sys, which a container has as well.
unpack_image() {   # unpack_image ARCHIVE ROOT
  local layers layer
  mkdir -p "$2"
  layers=$(tar -xOf "$1" manifest.json | grep -oE '"Layers":\[[^]]*' | grep -oE 'blobs/sha256/[0-9a-f]+')
  for layer in $layers; do tar -xOf "$1" "$layer" | tar -xz -C "$2"; done
  mkdir -p "$2"/{dev,proc,sys}
}
in_image() {   # in_image ROOT PROGRAM ARGUMENT...
  unshare --mount --propagation private sh -c 'mount --rbind /dev "$0/dev" && mount --rbind /proc "$0/proc" && mount --rbind /sys "$0/sys" && exec chroot "$0" "$@"' "$@"
}

# containerd takes every archive of this machine's kind, unpacks it, and knows it by its name.
check_containerd() {   # check_containerd OUT WORK
  local out=$1 work=$2 project waited=0
  install_packages "checking the images" containerd
  cat >"$work/containerd.toml" <<TOML
version = 2
root = "$work/containerd/root"
state = "$work/containerd/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "$work/containerd.sock"
TOML
  containerd --config "$work/containerd.toml" >"$work/containerd.log" 2>&1 & CONTAINERD=$!
  while [ ! -S "$work/containerd.sock" ]; do
    if [ $((waited += 1)) -gt 100 ] || ! kill -0 $CONTAINERD 2>/dev/null; then tail -n 5 "$work/containerd.log" >&2; die "containerd does not start here: see above"; fi
    sleep 0.2
  done
  for project in ${PROGRAMS//,/ }; do
    has_image "$project" || continue
    expect "ctr images import $project" 'hostdev' ctr -a "$work/containerd.sock" images import --snapshotter native "$out/$(image_file "$project" "$(own_arch)")"
    expect "ctr images list $project" "^docker.io/library/hostdev-$project:$VERSION .*linux/$(own_arch)" ctr -a "$work/containerd.sock" images list
    expect "ctr images import $project for all" '^$' ctr -a "$work/containerd.sock" images import --no-unpack --all-platforms "$out/$(image_file "$project")"
    expect "ctr images list $project for all" "^docker.io/library/hostdev-$project:$VERSION .* linux/${ARCHES//,/,linux\/} " ctr -a "$work/containerd.sock" images list
  done
  kill $CONTAINERD; wait $CONTAINERD 2>/dev/null || :
}

# What is told of the files: every bill of materials is whole, the statement is about every file, and the sums are right.
check_told() {   # check_told OUT
  local out=$1 file lacking
  for file in "$out"/linux-*/*.cdx.json "$out"/*.cdx.json; do
    [ -f "$file" ] || continue
    expect "${file#"$out"/}" '^true$' jq '
      .bomFormat == "CycloneDX" and .specVersion == "1.6" and (.serialNumber | test("^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")) and .metadata.timestamp and (.components | length > 3)
      and ([.components[] | select(((.name and .version and .purl and .licenses[0]) | not) or (.type != "library"))] == [])
      and ([.components[] | select(.purl | startswith("pkg:nuget/")) | select(.hashes[0].content | test("^[0-9a-f]{128}$") | not)] == [])
      and (([.components[].purl] | unique | length) == (.components | length))
      and ((.dependencies | map(.ref) | sort) == (([.components[].purl] + [.metadata.component["bom-ref"]]) | sort))
      and ((.metadata.component.type == "application") or ([.components[] | select(.purl | startswith("pkg:deb/")) | .copyright | length > 0] | length > 3 and all))' "$file"
    # The packages that were looked at: packages.sha512 has their hashes, as NuGet writes them.
    lacking=$(jq -r '.components[] | select(.purl | startswith("pkg:nuget/")) | select(.name | test("^Microsoft\\.(AspNetCore|NETCore)\\.App\\.Runtime\\.") | not) | "\(.name)/\(.version) \(.hashes[0].content)"' "$file" \
      | while read -r name sum; do grep -qF "$name $(printf '%s' "$sum" | sed 's/../\\x&/g' | xargs -0 printf '%b' | base64 -w 0)" packages.sha512 || echo "$name"; done)
    expect "${file#"$out"/} has the packages of packages.sha512" '^$' echo "$lacking"
  done
  expect "the provenance" '^true$' jq '._type == "https://in-toto.io/Statement/v1" and .predicateType == "https://slsa.dev/provenance/v1"
    and (.predicate.buildDefinition | .buildType and .externalParameters and .resolvedDependencies[0].digest.gitCommit) and .predicate.runDetails.builder.id' "$out/$(provenance_file)"
  lacking=$(cd "$out" && find . -type f ! -name SHA256SUMS ! -name "$(provenance_file)" -printf '%P\n' | LC_ALL=C sort \
    | while read -r file; do jq -e --arg name "$file" --arg sum "$(digest_of "$file")" 'any(.subject[]; .name == $name and .digest.sha256 == $sum)' "$(provenance_file)" >/dev/null || echo "$file"; done)
  expect "what the provenance says nothing of" '^$' echo "$lacking"
  expect "the release notes" "^# Hostdev $VERSION$" cat "$out/RELEASE_NOTES.md"
  CHECKS=$((CHECKS + 1))
  (cd "$out" && sha256sum --quiet -c SHA256SUMS >&2) || FAILED_CHECKS=$((FAILED_CHECKS + 1))
}

check_published() {   # check_published OUT
  local out=$1 arch work project root
  work=$(mktemp -d)
  for arch in ${ARCHES//,/ }; do
    if wants deb && [ -f "$out/$(deb_file "$arch")" ]; then check_deb "$arch" "$out" "$work"; fi
    if [ "$arch" = "$(own_arch)" ]; then
      run_programs "$arch" "$out/linux-$arch"
      run_reading "$arch" "$out/linux-$arch" examples/single-machine.yaml
    else
      install_packages "running programs for $arch" qemu-user-static
      wants images || continue   # an image has the libraries that they need
    fi
    wants images || continue
    if [ "$(id -u)" != 0 ]; then say "not root: the programs are not run in their images, and containerd does not see them"; continue; fi
    for project in ${PROGRAMS//,/ }; do
      has_image "$project" || continue
      root=$work/$project-$arch
      unpack_image "$out/$(image_file "$project" "$arch")" "$root"
      cp examples/single-machine.yaml "$root/desired.yaml"
      if [ "$arch" != "$(own_arch)" ]; then
        cp "$(command -v "qemu-$(uname_of "$arch")-static")" "$root/qemu"
        expect "$arch image: hostdev-$project --help" 'Usage:' in_image "$root" /qemu "/hostdev-$project" --help
        continue
      fi
      expect "$arch image: hostdev-$project --help" 'Usage:' in_image "$root" "/hostdev-$project" --help
    done
    if [ "$arch" = "$(own_arch)" ]; then
      run_reading "$arch image" "" desired.yaml in_image "$work/device-plugin-$arch"
      check_containerd "$out" "$work"
    fi
  done
  check_told "$out"
  if wants images || wants chart; then check_registry "$out" "$work"; fi
  if wants chart; then expect "helm template of the package" '^kind: DaemonSet' "$(hack/kubetools)/helm" template hostdev "$out/hostdev-$VERSION.tgz"; fi
  rm -rf "$work"
  [ $FAILED_CHECKS = 0 ] || die "$FAILED_CHECKS of $CHECKS checks of what was made failed: see above"
  say "$CHECKS checks of what was made: all passed"
}
uname_of() { case $1 in amd64) echo x86_64;; arm64) echo aarch64;; esac; }
