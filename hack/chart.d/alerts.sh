#!/usr/bin/env bash
# Checks the alerts of a rendered chart with promtool: that Prometheus takes them, that each fires when it should (alerts.test.yaml), and
# that each has a runbook. Findings go to stdout, one on a line; the exit code is 1 if that could not be done.
#
#   hack/chart.d/alerts.sh RENDERED.yaml
#
# It must hold a PrometheusRule. Needs what hack/promtool needs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. hack/lab.d/say.sh
case ${1:-} in
  --help|-h) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' hack/chart.d/alerts.sh; exit 0;;
  "") die "give the file of a rendered chart: see hack/chart.d/alerts.sh --help" 2;;
esac
promtool=$(hack/promtool) || die "the alerts need promtool: see above"
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT

# What is below spec of the object is what a file of rules has.
awk 'BEGIN { RS = "(^|\n)---\n" } /\nkind: PrometheusRule\n/ { sub(/^.*\nspec:\n/, ""); gsub(/(^|\n)  /, "\n"); print }' "$1" >"$work/alerts.yaml"
grep -q 'alert:' "$work/alerts.yaml" || { echo "$1 has no alerts"; exit; }
"$promtool" check rules "$work/alerts.yaml" >"$work/log" 2>&1 || sed 's/^/promtool check rules: /' "$work/log"
cp hack/chart.d/alerts.test.yaml "$work"
"$promtool" test rules "$work/alerts.test.yaml" >"$work/log" 2>&1 || sed 's/^/promtool test rules: /' "$work/log"

while read -r alert; do
  grep -qx "## $alert" docs/runbooks.md || echo "docs/runbooks.md has no heading $alert"
  grep -qF "alertname=\"$alert\"" hack/chart.d/alerts.test.yaml || echo "hack/chart.d/alerts.test.yaml does not let $alert fire"
done < <(sed -n 's/^ *- alert: //p' "$work/alerts.yaml")
while read -r heading; do
  grep -q "alert: $heading\$" "$work/alerts.yaml" || echo "docs/runbooks.md is about $heading, which is no alert"
done < <(sed -n 's/^## //p' docs/runbooks.md)
say "$(grep -c 'alert:' "$work/alerts.yaml") alerts checked with promtool"
