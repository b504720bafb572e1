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

# run_tests FLAVOUR XUNIT-ARGUMENT...: one boot; results as the suite lab-FLAVOUR. Fails where a test failed.
run_tests() {
  local flavour=$1 suite=lab-$1 code=0 without=() began=$SECONDS; shift
  [ "$flavour" = cdev ] || without=(-trait- Vfio=cdev)
  forget_results "$suite"; rm -f "$RUN/results.xml"
  say "$suite: booting the node"
  # A test that is skipped here is skipped everywhere: it counts as failed.
  run_node "$flavour" "$TESTS" -trait Where=Lab "${without[@]}" -parallel none -failSkips -reporter verbose -noColor -noLogo -xml /labio/results.xml "$@" \
    > >(grep --line-buffered -v '\[STARTING\]$') || code=$?
  wait $! || :   # what is still on its way through grep
  [ ! -e "$RUN/results.xml" ] || cp "$RUN/results.xml" "$RESULTS/$suite.xml"
  cp "$RUN/stdout" "$RESULTS/$suite.log"
  judge "$suite" "$code" $((SECONDS - began)) $(($# > 0)) || code=1
  say "$suite: $passed passed, $failed failed, $((SECONDS - began)) s of which boot ${BOOT_SECONDS:-?} s"
  [ -s "$RESULTS/$suite.xml" ] || say_files "$suite: the node's side of it"
  [ "$code" = 0 ]
}
