#!/usr/bin/env bash
# Checks the chart with real helm: lint, every switch both ways, wrong values, the package. Findings go to stdout, one on a line; the exit
# code is 1 if that could not be done.
#
#   hack/chart.d/chart.sh [--write | --keep DIRECTORY]
#
#   --write  writes what is made of others anew: the CRDs in the chart, which are those of crds/; the table of values in its README and its
#            icon, which is docs/icon.svg; and tests/testdata/chart, parts of what is rendered
#   --keep   leaves everything that was rendered there, with the values of each case
#
# helm 4 and helm 3 (hack/kubetools) must render the same. What helm does not check is checked by hack/chart.d/check; its cases are in
# hack/chart.d/cases.yaml.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. hack/lab.d/say.sh
CHART=charts/hostdev
TESTDATA=tests/testdata/chart
write='' keep=''
case ${1:-} in
  --help|-h) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' hack/chart.d/chart.sh; exit 0;;
  --write) write=yes;;
  --keep) keep=${2:?--keep takes a directory};;
  ?*) die "unknown option $1: see hack/chart.d/chart.sh --help" 2;;
esac
. hack/chart.d/helm.sh old

# made FILE IN-PLACE: IN-PLACE is FILE, or becomes it by --write.
made() {
  [ -z "$write" ] || { mkdir -p "${2%/*}"; cp "$1" "$2"; }
  cmp -s "$1" "$2" || echo "$2 is not up to date: run hack/chart.d/chart.sh --write, and look at the difference"
}

# documents WHAT FILE: those documents of a rendered file that WHAT, an awk condition on $0, says.
documents() { awk "BEGIN { RS = \"(^|\\n)---\\n\" } NF && ($1) { sub(/\\n+\$/, \"\"); print \"---\\n\" \$0 }" "$2"; }

# Real files: helm prints a line for every symbolic link.
for crd in crds/*.yaml; do made "$crd" "$CHART/templates/crd-${crd##*/}"; done
for copy in "$CHART"/templates/crd-*.yaml; do [ -e "crds/${copy##*/crd-}" ] || echo "$copy is no CRD of crds/ any more: delete it"; done

dotnet build hack/chart.d/check -c Release -v quiet -nologo >"$work/log" 2>&1 \
  || { cat "$work/log" >&2; die "hack/chart.d/check does not build: see above"; }
hack/chart.d/check/bin/Release/net10.0/hostdev-chart-check values "$CHART/values.yaml" >"$work/values.md" || die "the values could not be read: see above"
sed -e '/^<!-- made of values.yaml/r '"$work/values.md" -e '/^<!-- made of values.yaml/,/^<!-- end of values/{/^|/d}' "$CHART/README.md" >"$work/README.md"
made "$work/README.md" "$CHART/README.md"
# A data: URI, as the only one that is right wherever the chart is read: in quotes, where a line's end with a backslash is nothing.
{
  sed '/^icon:/,$d' "$CHART/Chart.yaml"
  printf 'icon: "data:image/svg+xml;base64,\\\n'
  base64 -w 130 docs/icon.svg | sed -e 's/^/  /' -e '$!s/$/\\/' -e '$s/$/"/'
} >"$work/Chart.yaml"
made "$work/Chart.yaml" "$CHART/Chart.yaml"

rendered=$work/rendered
mkdir -p "$rendered/testdata"
hack/chart.d/check/bin/Release/net10.0/hostdev-chart-check "$CHART" hack/chart.d/cases.yaml "$rendered" "$HELM" "$OLD_HELM" \
  || die "the chart could not be checked: see above"
for values in default all-off filled; do
  for helm in "$HELM" "$OLD_HELM"; do
    "$helm" lint --strict --quiet "$CHART" --values "$rendered/$values.values.json" >"$work/log" 2>&1 || sed "s/^/helm lint: /" "$work/log"
  done
done

[ ! -f "$rendered/all-on.yaml" ] || hack/chart.d/alerts.sh "$rendered/all-on.yaml" || die "the alerts could not be checked: see above"

# A version as a build of a commit has it: a "+" is good in a version and bad in a label and in a tag.
package=$(hack/chart.d/package.sh --version 1.2.3-rc.1+build.7 "$work/package") || die "the chart cannot be packaged: see above"
"$HELM" template hostdev "$package" >"$work/package.yaml" || echo "the package does not render: see above"
grep -E '^ *(helm.sh/chart|app.kubernetes.io/version|image): .*\+' "$work/package.yaml" | sort -u | sed 's/^/a "+" in the package: /' || :
for crd in crds/*.yaml; do
  tar -xzOf "$package" "hostdev/templates/crd-${crd##*/}" 2>&1 | cmp -s - "$crd" || echo "the package has not $crd"
done

if [ -f "$rendered/default.yaml" ] && [ -f "$rendered/filled.yaml" ]; then
  documents '/\nkind: (ServiceAccount|(Cluster)?Role(Binding)?)\n/' "$rendered/default.yaml" >"$rendered/testdata/rbac.yaml"
  documents '/\nkind: ValidatingAdmissionPolicy/' "$rendered/default.yaml" >"$rendered/testdata/admission.yaml"
  documents '!/\nkind: CustomResourceDefinition\n/' "$rendered/filled.yaml" >"$rendered/testdata/filled.yaml"
  documents '/\nkind: (DaemonSet|Service)\n/' "$rendered/all-on.yaml" >"$rendered/testdata/localhost.yaml"
  for file in "$rendered"/testdata/*; do made "$file" "$TESTDATA/${file##*/}"; done
fi
[ -z "$keep" ] || { mkdir -p "$keep"; cp -r "$rendered"/* "$keep"; }
versions="$("$HELM" version --template '{{.Version}}') and $("$OLD_HELM" version --template '{{.Version}}')"
say "rendered the chart in $(find "$rendered" -maxdepth 1 -name '*.yaml' | wc -l) ways, by helm $versions"
