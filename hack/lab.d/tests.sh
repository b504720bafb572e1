# Sourced by hack/lab: the project's own tests in the node. .NET starts slowly there, so the whole suite is one process.

# Sets TESTS. Compiled ahead of time (ReadyToRun) where the package source has the compiler: it saves about half of the start in the node.
# Its own artifacts directory, so that the RID-specific restore does not disturb the solution's.
publish_tests() {
  local log=$REPOSITORY/artifacts/lab/publish.log began=$SECONDS
  local publish=(dotnet publish "$REPOSITORY/tests/Hostdev.Tests.csproj" -c Release -r linux-x64 --self-contained false --artifacts-path "$REPOSITORY/artifacts/lab" -v quiet -nologo)
  mkdir -p "${log%/*}" "$RESULTS"
  say "building the tests"
  if ! "${publish[@]}" -p:PublishReadyToRun=true >"$log" 2>&1; then
    grep -qiE 'crossgen|NETSDK1094' "$log" || { cat "$log" >&2; die "the tests do not build: see above"; }
    say "the package source has no ReadyToRun compiler, building without it"
    "${publish[@]}" >"$log" 2>&1 || { cat "$log" >&2; die "the tests do not build: see above"; }
  fi
  TESTS=$REPOSITORY/artifacts/lab/publish/Hostdev.Tests/release_linux-x64/hostdev-tests
  [ -x "$TESTS" ] || die "publishing left no $TESTS: see $log"
  say "the tests are built, $((SECONDS - began)) s"
}

# The ways the node is booted for tests: plain ones by what vfio offers, and hosts that lack something, for which a few tests are marked Boot=NAME.
#   cdev, stock    every device there, every module loaded; in cdev our programs are those of HOSTDEV_PROGRAMS, where it is set: native ones
#   no-iommu       intel_iommu=off
#   no-intremap    intremap=off
#   no-vfio        vfio-pci is not loaded; iommu=pt, as tuned hosts have it
#   systemd        process 1 is systemd, and vfio-pci is not loaded: a machine that is set up by hand, from the package of HOSTDEV_PUBLISHED
BOOTS="cdev stock no-iommu no-intremap no-vfio systemd"

# boot_options BOOT: sets BOOT_FLAVOUR, BOOT_INIT, BOOT_MODULES, BOOT_KARGS, BOOT_PROGRAMS and WHICH, the tests that are for it.
boot_options() {
  BOOT_FLAVOUR=cdev BOOT_INIT=$INIT BOOT_MODULES=$MODULES BOOT_KARGS= BOOT_PROGRAMS= WHICH=(-trait "Boot=$1")
  case $1 in
    cdev) BOOT_PROGRAMS=${HOSTDEV_PROGRAMS:-};;&
    cdev|stock) BOOT_FLAVOUR=$1 WHICH=(-trait Where=Lab -trait- Needs=Nested -trait- Boot=no-iommu -trait- Boot=no-intremap -trait- Boot=no-vfio -trait- Boot=systemd);;&
    stock) WHICH+=(-trait- Vfio=cdev);;
    no-iommu) BOOT_KARGS=intel_iommu=off;;
    no-intremap) BOOT_KARGS=intremap=off;;
    no-vfio) BOOT_KARGS=iommu=pt;;&
    systemd) BOOT_INIT=systemd;;&
    no-vfio|systemd) BOOT_MODULES=${LAB_MODULES/ vfio-pci vfio_iommu_type1/};;
  esac
  [ "$NESTED" = 0 ] || WHICH=(-trait Needs=Nested)
}

# run_tests SUITE BOOT XUNIT-ARGUMENT...: one boot; its results are the suite's. Fails where a test failed.
run_tests() {
  local suite=$1 code=0 began=$SECONDS; boot_options "$2"; shift 2
  forget_results "$suite"; rm -f "$RUN/results.xml"
  if [ $# -gt 0 ] && ! "$TESTS" "${WHICH[@]}" "$@" -noColor -noLogo -list methods 2>/dev/null | grep -q .; then   # a boot for nothing
    echo "0 0 0 no test matches" >"$RESULTS/$suite.result"
    return
  fi
  say "$suite: booting the node"
  # A test that is skipped here is skipped everywhere: it counts as failed.
  MODULES=$BOOT_MODULES EXTRA_KARGS=$BOOT_KARGS PROGRAMS=$BOOT_PROGRAMS INIT=$BOOT_INIT run_node "$BOOT_FLAVOUR" "$TESTS" "${WHICH[@]}" -parallel none -failSkips -reporter verbose -noColor -noLogo -xml /labio/results.xml "$@" \
    > >(grep --line-buffered -v '\[STARTING\]$') || code=$?
  wait $! || :   # what is still on its way through grep
  [ ! -e "$RUN/results.xml" ] || cp "$RUN/results.xml" "$RESULTS/$suite.xml"
  cp "$RUN/stdout" "$RESULTS/$suite.log"
  judge "$suite" "$code" $((SECONDS - began)) $(($# > 0)) || code=1
  say "$suite: $passed passed, $failed failed, $((SECONDS - began)) s of which boot ${BOOT_SECONDS:-?} s"
  [ -s "$RESULTS/$suite.xml" ] || say_files "$suite: the node's side of it"
  [ "$code" = 0 ]
}

# run_unstable_again BOOT: the node's processors are emulated and may stand still for seconds. So the few tests that failed are run once more, in a fresh boot: what passes
# there counts as passed and is named as unstable above the table; what fails twice has failed.
run_unstable_again() {
  local suite=lab-$1 passed failed seconds remark total again=()
  mapfile -t again < <(failed_methods "$suite")
  read -r passed failed seconds remark <"$RESULTS/$suite.result"
  [ ${#again[@]} -gt 0 ] && [ ${#again[@]} -le 5 ] && [ -z "$remark" ] || return 1
  total=$((passed + failed))
  say "$suite: ${#again[@]} failed: once more in a fresh boot"
  run_tests "$suite-again" "$1" $(printf -- '-method %s ' "${again[@]}") || return 1
  mv "$RESULTS/$suite.xml" "$RESULTS/$suite-first.xml"
  failures "$suite-first" | sed "s/^$suite-first: FAILED/$suite: UNSTABLE (passed when it was run again)/" >"$RESULTS/$suite.unstable"
  echo "$total 0 $seconds ${#again[@]} unstable" >"$RESULTS/$suite.result"
}
