# Sourced by the scripts of the chart, with "new" or "old": real helm, with a home of its own, so that nothing of the user's is read or
# written. Sets HELM, and OLD_HELM for "old"; makes the directory $work, which goes when the script ends.
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
export HELM_CACHE_HOME=$work/helm HELM_CONFIG_HOME=$work/helm HELM_DATA_HOME=$work/helm KUBECONFIG=/dev/null
tools=$(hack/kubetools) || die "the chart needs helm: see above"
HELM=$tools/helm
if [ "$1" = old ]; then
  tools=$(hack/kubetools 1.30) || die "the chart needs helm 3 too: see above"
  OLD_HELM=$tools/helm
fi
