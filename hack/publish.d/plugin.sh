# Sourced by hack/publish: the kubectl plugin as krew installs it, an archive for each architecture and a manifest that names them.

plugin_archive() { echo "kubectl-hostdev-$VERSION-linux-$1.tar.gz"; }

# publish_plugin ARCH OUT: the program, what kubectl asks for completions, and the licence. The same files are the same archive.
publish_plugin() {
  local arch=$1 out=$2 work
  work=$(mktemp -d)
  install -m 755 "$out/linux-$arch/kubectl-hostdev" kubectl/kubectl_complete-hostdev "$work/"
  install -m 755 kubectl/kubectl_complete-hostdev "$out/linux-$arch/"
  install -m 644 LICENSE "$work/"
  tar -C "$work" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --format=gnu -cf - . | gzip -n9 >"$out/$(plugin_archive "$arch").new"
  mv "$out/$(plugin_archive "$arch").new" "$out/$(plugin_archive "$arch")"
  rm -rf "$work"
}

# publish_krew OUT: of all architectures whose archives are there.
publish_krew() {
  local out=$1 arch
  {
    cat <<YAML
# kubectl krew install --manifest=hostdev.yaml --archive=kubectl-hostdev-$VERSION-linux-ARCH.tar.gz, or without --archive from where uri says.
apiVersion: krew.googlecontainertools.github.com/v1alpha2
kind: Plugin
metadata:
  name: hostdev
spec:
  version: v$VERSION
  shortDescription: Host devices of nodes, and who has them
  description: |
    Lists the PCI, USB, SCSI and mediated devices that Hostdev's agents report,
    with the pod and VM that has each, says where some are free, and why one is
    not offered or a pod is pending. It reads the API and needs no access to nodes.
  caveats: |
    Reading needs the ClusterRole hostdev-view, and get and list on Pods for the names of VMs.
    For completions put kubectl_complete-hostdev on the PATH too.
  platforms:
YAML
    for arch in amd64 arm64; do
      [ -f "$out/$(plugin_archive $arch)" ] || continue
      cat <<YAML
  - selector: {matchLabels: {os: linux, arch: $arch}}
    uri: $DOWNLOADS/$(plugin_archive $arch)
    sha256: $(sha256sum "$out/$(plugin_archive $arch)" | cut -d ' ' -f 1)
    bin: kubectl-hostdev
YAML
    done
  } >"$out/hostdev.yaml.new"
  mv "$out/hostdev.yaml.new" "$out/hostdev.yaml"
}
