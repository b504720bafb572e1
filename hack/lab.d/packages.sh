# Sourced by hack/lab: what the lab needs from Debian. A private apt (apt.sh) downloads QEMU and the kernel;
# only the few build tools in BUILD_TOOLS are installed on the machine itself.

BUILD_TOOLS="ca-certificates make gcc-12 binutils libc6-dev libelf1 libssl3 xz-utils gzip util-linux"
KERNEL_SERIES=6.12
# What tests do to the node with: addresses, bonds, namespaces, partitions, dm, md, udev rules, units. Unpacked for the node, not installed on the machine.
NODE_TOOLS="iproute2 e2fsprogs fdisk dmsetup mdadm udev systemd"

require_debian() {
  local id=unknown release=
  [ ! -r /etc/os-release ] || { id=$(. /etc/os-release; echo "$ID"); release=$(. /etc/os-release; echo "${VERSION_ID:-}"); }
  [ "$id $release $(uname -m)" = "debian 12 x86_64" ] || die "this machine is $id $release on $(uname -m), the lab needs Debian 12 on x86_64: run it in a debian:12 container"
  [ "$(id -u)" = 0 ] || die "the lab needs root (apt, and reading the whole root file system): run it with sudo"
}

install_build_tools() {
  local package missing=()
  for package in $BUILD_TOOLS; do
    [ "$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null)" = "install ok installed" ] || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  say "installing ${missing[*]}"
  apt-get -qq update || die "apt-get update failed: mend the machine's package sources"
  DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends "${missing[@]}" >/dev/null \
    || die "apt-get install ${missing[*]} failed: install them by hand"
}

# Downloads QEMU and the node's tools with what they need beyond this machine's packages, and the kernel with its headers and source. Sets KERNEL.
download_packages() {   # download_packages WORK
  local abi version
  private_apt "$1" amd64
  export APT_CONFIG=$1/apt/apt.conf
  apt-get -qq update || die "apt-get update failed for bookworm-backports or bookworm-security: see above"
  abi=$(apt-cache depends "linux-image-$KERNEL_SERIES-amd64" | sed -n 's/.*Depends: linux-image-\(.*\)-amd64$/\1/p')
  [ -n "$abi" ] || die "no linux-image-$KERNEL_SERIES-amd64 in bookworm, bookworm-security or bookworm-backports: does the mirror carry them?"
  KERNEL=$abi-amd64
  version=$(apt-cache show "linux-image-$KERNEL" | awk '$1 == "Version:" && !found++ { print $2 }')
  say "downloading QEMU from bookworm-backports and Linux $KERNEL $version"
  mkdir -p "$1"/debs/{qemu/partial,tools/partial,kernel}
  apt-get -qq -y --download-only -t bookworm-backports -o "Dir::Cache::archives=$1/debs/qemu/" install --reinstall qemu-system-x86 >/dev/null \
    || die "QEMU did not download from bookworm-backports: see above"
  apt-get -qq -y --download-only -o "Dir::Cache::archives=$1/debs/tools/" install --reinstall $NODE_TOOLS >/dev/null \
    || die "$NODE_TOOLS did not download: see above"
  (cd "$1/debs/kernel" && apt-get -qq download "linux-image-$KERNEL=$version" "linux-headers-$KERNEL=$version" "linux-headers-$abi-common=$version" \
    "linux-kbuild-$abi=$version" "linux-source-$KERNEL_SERIES=$version" busybox-static kmod libkmod2 cpio pciutils libpci3 >/dev/null) \
    || die "the kernel's packages did not download: see above"
  unset APT_CONFIG
}

# One tree with a merged /usr. (dpkg -x over it would replace the links bin -> usr/bin by directories.)
unpack_packages() {   # unpack_packages WORK
  local root=$1/root name deb
  mkdir -p "$root"/usr/{bin,sbin,lib,lib64} "$1/src"
  for name in bin sbin lib lib64; do ln -s "usr/$name" "$root/$name"; done
  for deb in "$1"/debs/{qemu,tools,kernel}/*.deb; do
    case $deb in */linux-source*) continue;; esac
    dpkg --fsys-tarfile "$deb" | tar -x --keep-directory-symlink -C "$root"
  done
  for name in depmod insmod lsmod modinfo modprobe rmmod; do ln -sf ../bin/kmod "$root/usr/sbin/$name"; done
  dpkg --fsys-tarfile "$1"/debs/kernel/linux-source-*.deb | tar -xO "./usr/src/linux-source-$KERNEL_SERIES.tar.xz" \
    | tar -xJ -C "$1/src" --strip-components=1 "linux-source-$KERNEL_SERIES"/{drivers/vfio,drivers/iommu/iommufd,drivers/iommu/iommu-priv.h,samples/vfio-mdev,lib/interval_tree.c}
}
