# Sourced by hack/lab: makes the state directory, once for each version of the scripts that make it.

# The hash of everything that decides what set-up makes; hardware and command line may change without a new set-up.
setup_version() { cat "$PARTS"/{apt,packages,modules,initramfs,setup}.sh "$PARTS"/vgpu-standin/* | sha256sum | cut -c1-12; }

# Sets STATE and KERNEL. Another hack/lab that sets up at the same time is waited for.
ensure_setup() {
  BASE=$(realpath -m "${HOSTDEV_LAB_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/hostdev-lab-project}")
  STATE=$BASE/$(setup_version)
  mkdir -p "$BASE/runs"
  if [ ! -s "$STATE/kernel" ]; then
    require_debian
    exec 9>"$BASE/lock"
    flock --nonblock 9 || { say "another hack/lab is setting up, waiting for it"; flock 9; }
    [ -s "$STATE/kernel" ] || set_up
    exec 9>&-
  fi
  KERNEL=$(<"$STATE/kernel")
  touch "$STATE"
}

# Everything is made in place, because build files name their directory; the file "kernel" comes last and says that the rest is whole.
set_up() {
  local began=$SECONDS
  say "setting up in $STATE (about two minutes, once)"
  set -E; trap 'say "set-up failed in ${FUNCNAME[0]}, line $LINENO: $BASH_COMMAND"' ERR   # whatever has no message of its own
  rm -rf "$STATE"; mkdir -p "$STATE"
  install_build_tools
  download_packages "$STATE"
  unpack_packages "$STATE"
  build_modules "$STATE"
  build_initramfs "$STATE"
  rm -rf "$STATE"/{debs,apt,src,initramfs,build-stock,build-cdev} "$STATE"/root/usr/{src,share/doc,share/man}
  trap - ERR
  echo "$KERNEL" >"$STATE/kernel"
  # What nobody used for a week: other versions, and the files of failed runs.
  find "$BASE" "$BASE/runs" -mindepth 1 -maxdepth 1 -type d ! -name runs ! -path "$STATE" -mtime +7 -exec rm -rf {} +
  say "set-up took $((SECONDS - began)) s and $(du -sh "$STATE" | cut -f1)"
}
