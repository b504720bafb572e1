# Sourced by hack/lab: kernel modules beyond Debian's. Debian's kernel has no IOMMUFD and ships no sample mdev drivers, so
#   stock  = Debian's vfio, plus the mdev samples built against it;
#   cdev   = iommufd, vfio, mdev and the samples rebuilt from Debian's source with the options that other distributions set.
# Both have a module of our own too: vgpu-standin/, which stands in for a vGPU host driver.
# Each flavour becomes a layer with its updates/ directory and module index, laid over the unpacked packages in the node.

# Loaded in the node before the command, in this order.
LAB_MODULES="nvme igb igbvf e1000e xhci-pci usb-storage virtio_scsi sd_mod sg vfio-pci vfio_iommu_type1 mtty mdpy mbochs"
# Not loaded, but decompressed like the others here, where it is quick.
SPARE_MODULES="pci-stub sr_mod usbhid ext4 macvlan bonding bridge vrf 8021q dummy veth dm-mod md-mod raid1 linear loop vgpu-standin"
BOOT_MODULES="9p 9pnet_virtio overlay"
SAMPLE_OPTIONS="CONFIG_SAMPLE_VFIO_MDEV_MTTY=m CONFIG_SAMPLE_VFIO_MDEV_MDPY=m CONFIG_SAMPLE_VFIO_MDEV_MBOCHS=m"

in_root() { LD_LIBRARY_PATH=$1/root/usr/lib/x86_64-linux-gnu "${@:2}"; }   # in_root WORK PROGRAM... : a program out of the unpacked packages

make_modules() {   # make_modules WORK FLAVOUR MAKE-VARIABLE...
  local build=$1/build-$2
  make -s -C "$1/root/usr/src/linux-headers-$KERNEL" M="$build" -j"$(nproc)" CONFIG_DEBUG_INFO_BTF_MODULES= $SAMPLE_OPTIONS "${@:3}" modules >"$build/log" 2>&1 \
    || { tail -n 20 "$build/log" >&2; die "building the $2 modules failed, the whole log is $build/log"; }
}

build_stock() {   # build_stock WORK
  mkdir -p "$1/build-stock"; cp -r "$1/src/samples" "$PARTS/vgpu-standin" "$1/build-stock/"
  printf 'obj-m += samples/vfio-mdev/\nobj-m += vgpu-standin/\n' >"$1/build-stock/Kbuild"
  make_modules "$1" stock
}

build_cdev() {   # build_cdev WORK
  local build=$1/build-cdev
  mkdir -p "$build"; cp -r "$1/src/drivers" "$1/src/samples" "$PARTS/vgpu-standin" "$build/"
  printf 'obj-m += %s/\n' drivers/iommu/iommufd drivers/vfio samples/vfio-mdev vgpu-standin >"$build/Kbuild"
  # The kernel image has interval_tree_span_iter_* only when it has IOMMUFD: iommufd.ko carries its own copy.
  { printf '#include <linux/%s.h>\n' interval_tree interval_tree_generic compiler
    sed -n '/^#ifdef CONFIG_INTERVAL_TREE_SPAN_ITER/,$p' "$1/src/lib/interval_tree.c" | grep -v EXPORT_SYMBOL; } >"$build/drivers/iommu/iommufd/span_iter.c"
  sed -i 's/^\tvfio_compat.o/\tspan_iter.o vfio_compat.o/' "$build/drivers/iommu/iommufd/Makefile"
  make_modules "$1" cdev CONFIG_IOMMUFD=m CONFIG_VFIO_DEVICE_CDEV=y \
    KCFLAGS="-DCONFIG_IOMMUFD_MODULE=1 -DCONFIG_VFIO_DEVICE_CDEV=1 -DCONFIG_INTERVAL_TREE_SPAN_ITER=1"
}

build_modules() {   # build_modules WORK
  local work=$1 headers=$1/root/usr/src/linux-headers-$KERNEL modules=$1/root/usr/lib/modules/$KERNEL flavour layer module
  say "building kernel modules (half a minute)"
  sed -i "s#^include /usr/src/#include $work/root/usr/src/#" "$headers/Makefile"
  build_stock "$work"
  build_cdev "$work"

  # Decompress what the node loads: unpacking .xz under emulation costs a second for each.
  in_root "$work" "$work/root/sbin/depmod" -b "$work/root" "$KERNEL"
  for module in $BOOT_MODULES $LAB_MODULES $SPARE_MODULES; do
    in_root "$work" "$work/root/sbin/modprobe" -d "$work/root" -S "$KERNEL" --show-depends "$module" 2>/dev/null || :   # the samples come below
  done | sed -n 's/^insmod \(.*\.xz\) *$/\1/p' | sort -u | xargs -r unxz -f

  for flavour in stock cdev; do
    layer=$work/layer/$flavour/usr/lib/modules/$KERNEL; mkdir -p "$layer" "$modules/updates"
    find "$work/build-$flavour" -name '*.ko' | while read -r module; do strip --strip-debug -o "$modules/updates/${module##*/}" "$module"; done
    in_root "$work" "$work/root/sbin/depmod" -b "$work/root" "$KERNEL"
    mv "$modules/updates" "$layer/"; cp "$modules"/modules.{dep,alias,softdep,symbols,devname,builtin}* "$layer/"
  done
}
