# Sourced by hack/lab and hack/test: what became of a suite of tests. $RESULTS/SUITE.xml is its xunit report,
# $RESULTS/SUITE.result our judgement of it: passed, failed, seconds, and a remark where there is one.

RESULTS=$REPOSITORY/artifacts/results

forget_results() { mkdir -p "$RESULTS"; rm -f "$RESULTS/$1"{,-again,-first}.{xml,result,log} "$RESULTS/$1".unstable; }   # forget_results SUITE

# read_report FILE: sets passed and failed. Fails where the report is missing or was cut short, as after a crash.
read_report() {
  local counts
  passed=0 failed=0
  [ -s "$1" ] && [ "$(tail -c 13 "$1")" = '</assemblies>' ] || return 1
  counts=$(grep -o '<assembly [^>]*>' "$1" | awk '
    function count(name) { return match($0, " " name "=\"[0-9]+\"") ? substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 4) : 0 }
    { passed += count("passed"); failed += count("failed") + count("errors") }
    END { print passed + 0, failed + 0 }')
  read -r passed failed <<<"$counts"
}

# What began and did not end, by the log of a verbose run.
unfinished() {   # unfinished FILE
  sed -nE 's/^ *(.*) \[(STARTING|FINISHED)\].*/\2 \1/p' "$1" \
    | awk '{ name = substr($0, 10) } /^STARTING/ { begun[name] } /^FINISHED/ { delete begun[name] } END { for (name in begun) printf "%s ", name }'
}

# judge SUITE EXIT-CODE SECONDS FILTERED: whatever went wrong beside the tests counts as one failure more. Fails where something failed.
judge() {
  local suite=$1 code=$2 seconds=$3 filtered=$4 remark=
  if ! read_report "$RESULTS/$suite.xml"; then
    remark="the test process ended with exit code $code and left no report: it crashed or was stopped in $(unfinished "$RESULTS/$suite.log")"
  elif [ $((passed + failed)) = 0 ] && [ "$filtered" = 0 ]; then
    remark="no test ran"
  elif [ "$code" != 0 ] && [ "$failed" = 0 ]; then
    remark="no test failed, but the test process ended with exit code $code"
  fi
  [ -z "$remark" ] || { failed=$((failed + 1)); say "$suite: $remark"; }
  echo "$passed $failed $seconds $remark" >"$RESULTS/$suite.result"
  [ "$failed" = 0 ]
}

# failures SUITE: each failed test of the report with the first lines of what it said. On standard output, nothing where nothing failed.
failures() {
  [ ! -s "$RESULTS/$1.unstable" ] || cat "$RESULTS/$1.unstable"
  [ -s "$RESULTS/$1.xml" ] || return 0
  awk -v suite="$1" 'BEGIN { RS = "<test " }
    function plain(text) { gsub(/&quot;/, "\"", text); gsub(/&lt;/, "<", text); gsub(/&gt;/, ">", text); gsub(/&amp;/, "\\&", text); gsub(/\\"/, "\"", text); return text }
    /^[^>]* result="Fail"/ {
      name = ""
      if (match(" " $0, / name="[^"]*"/)) name = substr(" " $0, RSTART + 7, RLENGTH - 8)
      text = ""
      if (match($0, /<message><!\[CDATA\[[^\]]*/)) text = substr($0, RSTART + 18, RLENGTH - 18)
      printf "%s: FAILED %s\n", suite, plain(name)
      lines = split(text, line, "\n")
      for (i = 1; i <= lines && i <= 6; i++) printf "    %s\n", plain(line[i])
    }' "$RESULTS/$1.xml"
}

# failed_methods SUITE: the full names of the test methods that failed, each once.
failed_methods() {
  [ -s "$RESULTS/$1.xml" ] || return 0
  awk 'BEGIN { RS = "<test " }
    function of(name) { return match($0, " " name "=\"[^\"]*\"") ? substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 4) : "" }
    /^[^>]* result="Fail"/ { print of("type") "." of("method") }' "$RESULTS/$1.xml" | sort -u
}
