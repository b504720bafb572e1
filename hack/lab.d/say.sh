# Sourced by hack/lab, hack/test and hack/verify: how they speak, and how they read results.

# One statement on one line, on stderr, so that stdout stays the command's own.
say() { echo "${0##*/}: $*" >&2; }

# A failure names the fix; the second argument is the exit code.
die() { say "$1"; exit "${2:-1}"; }

# read_results FILE: sets passed, failed (errors and skipped tests count as failed where strict=1 is set) from an xunit v3 XML report.
# Returns 1 where the report is missing or was cut short, as after a crash.
read_results() {
  local counts
  passed=0 failed=0
  [ -s "$1" ] && [ "$(tail -c 13 "$1")" = '</assemblies>' ] || return 1
  counts=$(grep -o '<assembly [^>]*>' "$1" | awk '
    function count(name) { return match($0, " " name "=\"[0-9]+\"") ? substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 4) : 0 }
    { passed += count("passed"); failed += count("failed") + count("errors") }
    END { print passed + 0, failed + 0 }')
  read -r passed failed <<<"$counts"
}
