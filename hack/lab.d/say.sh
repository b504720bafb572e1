# Sourced by the scripts of hack: how they speak.

# One statement on one line, on stderr, so that stdout stays the command's own.
say() { echo "${0##*/}: $*" >&2; }

# A failure names the fix; the second argument is the exit code.
die() { say "$1"; exit "${2:-1}"; }
