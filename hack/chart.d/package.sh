#!/usr/bin/env bash
# Makes the chart's package, which "helm install" and "helm push" take, and prints its path.
#
#   hack/chart.d/package.sh [--version VERSION] DIRECTORY
#
#   --version  of the package and of the images that it asks for, in place of the one in Chart.yaml
#
# The package has the CRDs of crds/.
set -euo pipefail
invoked=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. hack/lab.d/say.sh
version=()
directory=
while [ $# -gt 0 ]; do
  case $1 in
    --help|-h) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' hack/chart.d/package.sh; exit 0;;
    --version) version=(--version "${2:?--version takes a version}" --app-version "$2"); shift 2;;
    -*) die "unknown option $1: see hack/chart.d/package.sh --help" 2;;
    *) [ -z "$directory" ] || die "one directory, not $directory and $1: see hack/chart.d/package.sh --help" 2; directory=$1; shift;;
  esac
done
[ -n "$directory" ] || die "which directory? See hack/chart.d/package.sh --help" 2
case $directory in /*) ;; *) directory=$invoked/$directory;; esac
. hack/chart.d/helm.sh new

cp -r charts/hostdev "$work/hostdev"
for crd in crds/*.yaml; do cp "$crd" "$work/hostdev/templates/crd-${crd##*/}"; done
# As old as the commit: the same one is the same package.
find "$work/hostdev" -exec touch -d "@${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 315532800)}" {} +
mkdir -p "$directory"
"$HELM" package "$work/hostdev" --destination "$work/out" "${version[@]}" >/dev/null || die "helm could not make the package: see above"
package=$(basename "$work"/out/*.tgz)
mv "$work/out/$package" "$directory/$package"
echo "$directory/$package"
