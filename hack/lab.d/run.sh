# Sourced by hack/lab: boots the node, runs one command in it, brings back its output and exit code.

EXIT_TIMEOUT=124   # as timeout(1) has it
EXIT_NODE=125      # the node, not the command, failed

NODE=
end_node() { wait "$NODE" 2>/dev/null || :; NODE=; }   # 2: the shell reports on the killed
stop_node() { [ -z "$NODE" ] || { kill -KILL "$NODE" 2>/dev/null || :; end_node; }; }
node_runs() { kill -0 "$NODE" 2>/dev/null; }
reached() { grep -aq "^LAB: $1 at" "$RUN/console"; }
# Says something, and where this run's files are, which now stay.
say_files() { KEEP_RUN=1; say "$*; files are in $RUN (console, qemu.log, stdout, stderr)"; }

# What goes into the node by way of /labio.
prepare_run() {   # prepare_run FLAVOUR COMMAND...
  local flavour=$1; shift
  rm -f "$RUN"/{exit-code,dmesg,monitor}
  : >"$RUN/stdout"; : >"$RUN/stderr"; : >"$RUN/console"
  cp "$PARTS/node-init" "$RUN/node-init"
  { printf '%q ' exec "$@"; echo; } >"$RUN/command"
  printf '%s=%q\n' LAB_MODULES "${MODULES:-$LAB_MODULES}" LAB_DIRECTORY "$PWD" LAB_INIT "$INIT" >"$RUN/environment"
  printf 'export %s=%q\n' HOSTDEV_LAB 1 HOSTDEV_LAB_VFIO "$flavour" HOSTDEV_PROGRAMS "${PROGRAMS:-}" HOSTDEV_PUBLISHED "${HOSTDEV_PUBLISHED:-}" \
    HOSTDEV_LAB_QEMU "$STATE/root" >>"$RUN/environment"
}

# The node ends with this script, however the script ends.
start_node() {
  local kargs="console=ttyS0 loglevel=4 panic=-1 intel_iommu=on nokaslr mitigations=off audit=0 random.trust_cpu=on no_timer_check nohz=off highres=off $KARGS ${EXTRA_KARGS:-}"
  : >"$RUN/console"
  (cd "$RUN" && LD_LIBRARY_PATH=$STATE/root/usr/lib/x86_64-linux-gnu exec setpriv --pdeathsig KILL \
    "$STATE/root/usr/bin/qemu-system-x86_64" -L "$STATE/root/usr/share/qemu" -L "$STATE/root/usr/share/seabios" \
    -kernel "$STATE/root/boot/vmlinuz-$KERNEL" -initrd "$STATE/initramfs.gz" -append "$kargs" "${QEMU[@]}") </dev/null >"$RUN/qemu.log" 2>&1 &
  NODE=$!
}

SILENCE=40   # seconds: a boot says something every few, on a busy machine every ten or so

# Whether the boot that began at second $1 goes no further; sets why, and what it said last and when.
hangs() {
  local size
  size=$(stat -c %s "$RUN/console")
  [ "$size" = "$said" ] || said=$size heard=$SECONDS
  if [ $((SECONDS - heard)) -ge $SILENCE ]; then why="was silent for $SILENCE s"; return 0; fi
  [ $((SECONDS - $1)) -ge "$BOOT_TIMEOUT" ] && why="took more than $BOOT_TIMEOUT s"
}

# About one boot in sixty stops before the command, on a busy machine one in ten; it is tried again, which is safe because the command has not begun.
boot_node() {
  local try began why said heard
  for try in 1 2 3; do
    start_node; began=$SECONDS heard=$SECONDS said=0 why=stopped
    while node_runs && ! reached command && ! hangs $began; do sleep 0.2; done
    if reached command; then BOOTED=$SECONDS BOOT_SECONDS=$((SECONDS - began)); return 0; fi
    stop_node
    cp "$RUN/console" "$RUN/console.boot$try"
    say "boot $try of 3 $why; last words: $(cat "$RUN/qemu.log" "$RUN/console" | grep -av 'has no peer' | tail -n 2 | tr -d '\r' | tr '\n' ' ')"
  done
  say_files "the node did not boot"
  return $EXIT_NODE
}

# run_node FLAVOUR COMMAND...: returns the command's exit code, EXIT_TIMEOUT or EXIT_NODE. RUN is the directory shared as /labio.
run_node() {
  local flavour=$1 streams=() pid; shift
  prepare_run "$flavour" "$@"
  hardware "$flavour" "$MEMORY"
  boot_node || return
  tail -f -q -s 0.2 -c +1 --pid="$NODE" "$RUN/stdout" & streams+=($!)
  tail -f -q -s 0.2 -c +1 --pid="$NODE" "$RUN/stderr" >&2 & streams+=($!)
  while node_runs && [ $((SECONDS - BOOTED)) -lt "$TIMEOUT" ]; do sleep 0.2; done
  local timed_out=0
  if node_runs; then timed_out=1; stop_node; else end_node; fi
  for pid in "${streams[@]}"; do wait "$pid" || :; done
  [ "$VERBOSE" = 0 ] || { cat "$RUN/console" >&2; say_files "boot $BOOT_SECONDS s, command $((SECONDS - BOOTED)) s"; }
  if grep -aq 'Kernel panic' "$RUN/console"; then
    grep -a -A 12 -m 1 'Kernel panic' "$RUN/console" >&2
    say_files "the node's kernel panicked"; return $EXIT_NODE
  fi
  if [ $timed_out = 1 ]; then say_files "the command was still running after $TIMEOUT s (--timeout SECONDS gives it more)"; return $EXIT_TIMEOUT; fi
  if [ ! -s "$RUN/exit-code" ]; then
    tail -qn 5 "$RUN/qemu.log" "$RUN/console" >&2
    say_files "the node died before the command ended"; return $EXIT_NODE
  fi
  return "$(<"$RUN/exit-code")"
}
