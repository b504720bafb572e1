# Sourced by hack/lab: the project's own tests in the node. .NET starts slowly there, so the whole suite is one process.

RESULTS=$REPOSITORY/artifacts/results

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

# run_tests FLAVOUR XUNIT-ARGUMENT...: one boot, one report in artifacts/results/lab-FLAVOUR.xml.
run_tests() {
  local flavour=$1 report code=0 without=() began=$SECONDS; shift
  report=$RESULTS/lab-$flavour.xml
  [ "$flavour" = cdev ] || without=(-trait- Vfio=cdev)
  rm -f "$report" "$RUN/results.xml"
  say "$flavour: booting the node"
  # A test that is skipped here is skipped everywhere: it counts as failed.
  run_node "$flavour" "$TESTS" -trait Where=Lab "${without[@]}" -parallel none -failSkips -reporter verbose -noColor -noLogo -xml /labio/results.xml "$@" \
    > >(grep --line-buffered -v '\[STARTING\]$') || code=$?
  wait $! || :   # what is still on its way through grep
  [ ! -e "$RUN/results.xml" ] || cp "$RUN/results.xml" "$report"
  if ! read_results "$report"; then
    say_files "$flavour: the test process ended with exit code $code and left no report: it crashed or was stopped"
    say "$flavour: the last test that began: $(sed -n 's/^ *\(.*\) \[STARTING\]$/\1/p' "$RUN/stdout" | tail -n 1)"
    return 1
  fi
  say "$flavour: $passed passed, $failed failed, $((SECONDS - began)) s of which boot ${BOOT_SECONDS:-?} s"
  if [ "$code" != 0 ] && [ "$failed" = 0 ]; then
    say_files "$flavour: no test failed but the test process ended with exit code $code"
    return 1
  fi
  [ "$failed" = 0 ]
}
