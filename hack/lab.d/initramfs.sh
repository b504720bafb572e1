# Sourced by hack/lab: busybox, the 9p and overlay modules, and an init that assembles the node's root:
# the flavour's modules over the unpacked packages over the machine's own root, all read-only, and a tmpfs for what is written.

build_initramfs() {   # build_initramfs WORK
  local tree=$1/initramfs module
  mkdir -p "$tree"/{bin,dev,proc,sys,modules,host,root,layer,written,new}
  cp "$1/root/bin/busybox" "$tree/bin/"
  for module in fs/netfs/netfs net/9p/9pnet fs/9p/9p net/9p/9pnet_virtio fs/overlayfs/overlay; do
    cp "$1/root/usr/lib/modules/$KERNEL/kernel/$module.ko" "$tree/modules/"
  done
  cat >"$tree/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
step() { read up _ </proc/uptime; echo "LAB: $* at $up"; }
die() { echo "LAB: $* failed"; poweroff -f; }
step initramfs
for m in netfs 9pnet 9p 9pnet_virtio overlay; do insmod /modules/$m.ko || die "insmod $m"; done
options=trans=virtio,version=9p2000.L,msize=262144
for t in host root layer; do mount -t 9p -o $options,ro,cache=loose lab$t /$t || die "mount of $t"; done
mount -t tmpfs -o size=75% tmpfs /written; mkdir /written/upper /written/work
mount -t overlay -o lowerdir=/layer:/root:/host,upperdir=/written/upper,workdir=/written/work overlay /new || die "mount of the root"
mkdir -p /new/labio; mount -t 9p -o $options,rw,cache=none labio /new/labio || die "mount of labio"
step "root assembled"
for d in dev proc sys; do mount --move /$d /new/$d; done
exec switch_root /new /bin/bash /labio/node-init
INIT
  chmod +x "$tree/init"
  (cd "$tree" && find . | in_root "$1" "$1/root/bin/cpio" -o -H newc 2>/dev/null | gzip -1 >"$1/initramfs.gz")
}
