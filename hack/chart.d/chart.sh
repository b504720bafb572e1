#!/usr/bin/env bash
# Renders the chart with its switches both ways and checks the result. Findings go to stdout, one on a line; the exit code is 1 if that could not be done.
#
#   hack/chart.d/chart.sh [--write | --keep DIRECTORY]
#
#   --write  writes tests/testdata/chart anew: parts of what is rendered, for tests that have no renderer
#   --keep   leaves everything that was rendered there
#
# Needs Debian's packages below; as root they are installed. There is no helm among them: hack/chart.d/render says what it does otherwise than helm.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. hack/lab.d/say.sh
PACKAGES="golang-go golang-github-masterminds-sprig-dev golang-github-xeipuuv-gojsonschema-dev golang-k8s-sigs-yaml-dev python3-kubernetes python3-yaml"
TESTDATA=tests/testdata/chart
write= keep=
case ${1:-} in
  --write) write=yes;;
  --keep) keep=${2:?--keep takes a directory};;
  ?*) die "unknown option $1: see the head of ${BASH_SOURCE[0]}" 2;;
esac

install_packages() {
  local package missing=()
  for package in $PACKAGES; do
    [ "$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null)" = "install ok installed" ] || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  [ "$(id -u)" = 0 ] || die "the chart cannot be checked without ${missing[*]}: run as root on Debian 12: apt-get install ${missing[*]}"
  say "installing ${missing[*]}"
  { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends "${missing[@]}" >/dev/null; } >&2 \
    || die "apt-get could not install ${missing[*]}, without which the chart cannot be checked: install them by hand"
}

# documents WHAT FILE: those documents of a rendered file that WHAT, an awk condition on $0, says.
documents() { awk "BEGIN { RS = \"(^|\\n)---\\n\" } NF && ($1) { sub(/\\n+\$/, \"\"); print \"---\\n\" \$0 }" "$2"; }

command -v dpkg-query >/dev/null || die "the chart cannot be checked here: its renderer is made of Debian's packages ($PACKAGES)"
install_packages
rendered=$(mktemp -d); trap 'rm -rf "$rendered"' EXIT
# The machine's own Go settings lead elsewhere.
env -u GOFLAGS GO111MODULE=off GOPATH=/usr/share/gocode /usr/bin/go run hack/chart.d/render/main.go charts/hostdev hack/chart.d/cases.yaml "$rendered" \
  || die "the chart cannot be rendered: see above"
/usr/bin/python3 hack/chart.d/check.py "$rendered"/*.yaml || die "what the chart renders to cannot be checked: see above"
unformatted=$(/usr/bin/gofmt -l hack/chart.d/render)
[ -z "$unformatted" ] || echo "not formatted, run gofmt -w: $unformatted"

mkdir "$rendered/testdata"
documents '/\nkind: (ServiceAccount|(Cluster)?Role(Binding)?)\n/' "$rendered/default.yaml" >"$rendered/testdata/rbac.yaml"
documents '/\nkind: ValidatingAdmissionPolicy/' "$rendered/default.yaml" >"$rendered/testdata/admission.yaml"
documents '!/\nkind: CustomResourceDefinition\n/' "$rendered/filled.yaml" >"$rendered/testdata/filled.yaml"
for file in "$rendered"/testdata/*; do
  name=${file##*/}
  [ -z "$write" ] || { mkdir -p $TESTDATA; cp "$file" "$TESTDATA/$name"; }
  cmp -s "$file" "$TESTDATA/$name" || echo "$TESTDATA/$name is not what the chart renders to: run hack/chart.d/chart.sh --write, and look at the difference"
done
[ -z "$keep" ] || { mkdir -p "$keep"; cp -r "$rendered"/* "$keep"; }
say "rendered the chart in $(find "$rendered" -maxdepth 1 -name '*.yaml' | wc -l) ways: by Go's text/template with sprig, an approximation of helm"
