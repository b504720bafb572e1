# Sourced by hack/publish: the agent as a Debian package, for a machine that follows a file (README, "On one machine"). What is in it stands in packaging/.

deb_file() { echo "hostdev-device-plugin_${VERSION}_$1.deb"; }   # deb_file ARCH

# publish_deb ARCH OUT: of the program that is there. The same program makes the same package.
publish_deb() {
  local arch=$1 out=$2 root size epoch
  command -v dpkg-deb >/dev/null || die "a .deb is made by dpkg-deb, and there is none here: use Debian, or --only programs,chart"
  root=$(mktemp -d)
  chmod 755 "$root"
  install -D -m 755 "$out/linux-$arch/hostdev-device-plugin" "$root/usr/bin/hostdev-device-plugin"
  install -D -m 644 packaging/hostdev-device-plugin.service "$root/usr/lib/systemd/system/hostdev-device-plugin.service"
  install -D -m 644 packaging/debian/desired.yaml "$root/etc/hostdev/desired.yaml"
  local doc=$root/usr/share/doc/hostdev-device-plugin
  install -D -m 644 docs/guide.md "$doc/guide.md"
  install -D -m 644 examples/single-machine.yaml "$doc/examples/single-machine.yaml"
  install -D -m 644 packaging/debian/copyright "$doc/copyright"
  install -D -m 644 "$(sbom_file device-plugin "$arch")" "$doc/hostdev-device-plugin.cdx.json"
  install -D -m 644 packaging/debian/lintian-overrides "$root/usr/share/lintian/overrides/hostdev-device-plugin"
  epoch=$(image_epoch)
  gzip -9nc CHANGELOG.md >"$doc/CHANGELOG.md.gz"
  printf 'hostdev-device-plugin (%s) unstable; urgency=medium\n\n  * CHANGELOG.md.gz says what is new.\n\n -- The maintainers of Hostdev <maintainers@hostdev.io>  %s\n' \
    "$VERSION" "$(LC_ALL=C date -u -R -d "@$epoch")" | gzip -9n >"$doc/changelog.gz"
  mkdir -p "$root/usr/share/man/man8"
  gzip -9nc packaging/hostdev-device-plugin.8 >"$root/usr/share/man/man8/hostdev-device-plugin.8.gz"
  find "$doc" "$root/usr/share/man" -type f -exec chmod 644 {} +
  size=$(du -sk --apparent-size "$root" | cut -f 1)
  mkdir "$root/DEBIAN"
  install -m 755 packaging/debian/postinst packaging/debian/prerm packaging/debian/postrm "$root/DEBIAN"
  echo /etc/hostdev/desired.yaml >"$root/DEBIAN/conffiles"
  cat >"$root/DEBIAN/control" <<CONTROL
Package: hostdev-device-plugin
Version: $VERSION
Architecture: $arch
Maintainer: The maintainers of Hostdev <maintainers@hostdev.io>
Installed-Size: $size
Depends: libc6 (>= 2.34), libssl3 | libssl3t64 | libssl1.1, kmod
Recommends: pci.ids
Section: admin
Priority: optional
Description: passes host hardware to VM pods, through VFIO
 The agent of Hostdev for one machine: it follows a file that says which PCI,
 SR-IOV, mediated, USB and SCSI devices may be passed through, takes whole IOMMU
 groups from the host safely, offers them to the kubelet, and gives them back.
CONTROL
  find "$root" -exec touch -h -d "@$epoch" {} +
  SOURCE_DATE_EPOCH=$epoch dpkg-deb --root-owner-group -Zxz --build "$root" "$out/$(deb_file "$arch")" >/dev/null || { rm -rf "$root"; die "dpkg-deb could not make the package: see above"; }
  rm -rf "$root"
}

# check_deb ARCH OUT WORK: dpkg takes it, with what it says it has; lintian and systemd find nothing.
check_deb() {
  local file=$2/$(deb_file "$1") root=$3/deb-$1
  expect "$1: the package's file" '^-rwxr-xr-x root/root .* ./usr/bin/hostdev-device-plugin$' dpkg-deb -c "$file"
  expect "$1: the package's unit" '^-rw-r--r-- root/root .* ./usr/lib/systemd/system/hostdev-device-plugin.service$' dpkg-deb -c "$file"
  expect "$1: the package's version" "^$VERSION$" dpkg-deb -f "$file" Version
  [ "$1" = "$(own_arch)" ] || return 0
  install_packages "checking the package" lintian systemd
  expect "$1: lintian" '^$' lintian --allow-root --fail-on warning,error "$file"
  dpkg-deb -x "$file" "$root"
  sed "s:^ExecStart=:&$root:" "$root/usr/lib/systemd/system/hostdev-device-plugin.service" >"$3/hostdev-device-plugin.service"
  expect "$1: systemd-analyze verify" '^$' systemd-analyze verify --man=no "$3/hostdev-device-plugin.service"
}
