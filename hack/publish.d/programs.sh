# Sourced by hack/publish: the one file of each program. Dockerfile runs it too, in an image that has this folder, say.sh and the sources.

own_arch() { case $(uname -m) in x86_64) echo amd64;; aarch64) echo arm64;; *) uname -m;; esac; }
rid_of() { case $1 in amd64) echo linux-x64;; arm64) echo linux-arm64;; *) die "$1 is neither amd64 nor arm64" 2;; esac; }
form_of() { case $1 in true) echo native;; false) echo ready-to-run;; *) die "native: write true or false, not $1" 2;; esac; }
# What GNU calls an architecture: the prefix of its tools.
triple_of() { case $1 in amd64) echo x86_64-linux-gnu;; arm64) echo aarch64-linux-gnu;; esac; }

# What a project's one file is called: kubectl finds its plugins by theirs.
program_of() { case $1 in kubectl) echo kubectl-hostdev;; *) echo "hostdev-$1";; esac; }
# Whether it runs in the cluster, from an image; the plugin runs where its user is.
has_image() { [ "$1" != kubectl ]; }

# form_properties ARCH FORM: one property on a line.
form_properties() {
  case $2 in
    native)
      echo -p:PublishAot=true
      [ "$1" = "$(own_arch)" ] || echo "-p:ObjCopyName=$(triple_of "$1")-objcopy";;
    ready-to-run) printf '%s\n' -p:PublishTrimmed=true -p:PublishReadyToRun=true -p:PublishSingleFile=true;;
  esac
}

# install_packages PURPOSE PACKAGE...: Debian's, where they are missing.
install_packages() {
  local purpose=$1 package missing=(); shift
  for package; do
    [ "$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null)" = "install ok installed" ] || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  [ "$(id -u)" = 0 ] || die "$purpose needs ${missing[*]}: run as root: apt-get install ${missing[*]}"
  say "installing ${missing[*]}"
  { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends "${missing[@]}"; } >/dev/null \
    || die "apt-get could not install ${missing[*]}, which $purpose needs: install them by hand"
}

# ensure_compiler ARCH FORM: what native compiling links with.
ensure_compiler() {
  local triple; triple=$(triple_of "$1")
  [ "$2" = native ] || return 0
  if command -v dpkg-query >/dev/null; then
    install_packages "compiling" clang zlib1g-dev
    [ "$1" = "$(own_arch)" ] || install_packages "compiling for $1" "gcc-${triple//_/-}" "binutils-${triple//_/-}" "libc6-dev-$1-cross"
  fi
  command -v clang >/dev/null || die "native compiling needs clang and zlib's headers: install them (Debian: clang zlib1g-dev), or use --form ready-to-run"
  [ "$1" = "$(own_arch)" ] || command -v "$triple-objcopy" >/dev/null || die "compiling for $1 needs $triple-gcc and $triple-objcopy: install them, or leave $1 out of --arch"
}

restore_program() {   # restore_program PROJECT ARCH FORM
  local properties; mapfile -t properties < <(form_properties "$2" "$3")
  dotnet restore "$1" -r "$(rid_of "$2")" "${properties[@]}" --artifacts-path artifacts/publish.build
}

# compile_program PROJECT ARCH FORM DIRECTORY. A build of its own, so that another form's restore leaves the solution's as it is; the analyzers run in the solution's.
compile_program() {
  local properties; mapfile -t properties < <(form_properties "$2" "$3")
  ensure_compiler "$2" "$3"
  dotnet publish "$1" -c Release -r "$(rid_of "$2")" --self-contained "${properties[@]}" -p:DebugType=none -p:RunAnalyzers=false -p:PublishDocumentationFile=false \
    -p:PublishReferencesDocumentationFiles=false --artifacts-path artifacts/publish.build -o "$4" -v quiet -nologo
}

# What decides about a program: its sources, how it is compiled, and the compiler.
program_version() {   # program_version PROJECT ARCH FORM
  {
    echo "$2 $3 $(dotnet --version) $([ "$3" != native ] || clang --version | head -n 1)"
    find kube crds telemetry planning projection "$1" hack/publish.d/programs.sh Directory.*.props BannedSymbols.txt .editorconfig \( -name bin -o -name obj \) -prune -o -type f -print0 \
      | LC_ALL=C sort -z | xargs -0 sha256sum
  } | sha256sum | cut -c1-16
}

# publish_program PROJECT ARCH FORM OUT: from the cache where its sources did not change. A warning is a failure: what is trimmed away is missed on somebody's node.
publish_program() {
  local project=$1 arch=$2 form=$3 out=$4/linux-$2 began=$SECONDS program kept log
  program=$(program_of "$project")
  ensure_compiler "$arch" "$form"
  kept=artifacts/publish.cache/$project-$arch-$form-$(program_version "$project" "$arch" "$form")
  log=artifacts/publish.build/$project-$arch-$form.log
  mkdir -p "$out" artifacts/publish.build
  if [ ! -x "$kept/$program" ]; then
    say "compiling $program for $arch, $form"
    rm -rf artifacts/publish.cache/"$project-$arch-$form"-* "$kept.new"
    compile_program "$project" "$arch" "$form" "$kept.new" >"$log" 2>&1 || { grep -E 'error|warning' "$log" | sort -u >&2; die "$program does not compile for $arch: the whole log is $log"; }
    if grep -E 'warning' "$log" | sort -u >&2; then die "$program compiles for $arch with warnings, see above: the whole log is $log"; fi
    mv "$kept.new" "$kept"
    say "$program for $arch: $(($(stat -c %s "$kept/$program") / 100000))e5 bytes, $((SECONDS - began)) s"
  fi
  install -m 755 "$kept/$program" "$out/"
}
