# Sourced by hack/lab: the node's hardware, as QEMU arguments in the array QEMU. docs: the table in hack/lab.d/README.md.
# Bus numbers follow from the order of the root ports: the first port below NUMA node 0 is bus 41, and so on.

qemu() { QEMU+=("$@"); }
device() { qemu -device "$1"; }
drive() { qemu -drive "if=none,id=$1,file=$STATE/img/$1.img,format=raw,snapshot=on"; }   # written to a scratch file, gone with the node
# A disk whose device can be pulled and plugged in again: the image stays with QEMU, and is of this run alone.
pullable() { truncate -s 64M "$RUN/$1.img"; qemu -blockdev "driver=raw,node-name=$1,file.driver=file,file.filename=$1.img"; }

root_port() {   # root_port ID BUS SLOT [OPTIONS]
  CHASSIS=$((CHASSIS + 1))
  device "pcie-root-port,id=$1,bus=$2,addr=$3.0,chassis=$CHASSIS,slot=$CHASSIS${4:-}"
}
# Two functions in one slot, one IOMMU group: a display adapter and its audio.
gpu() { device "VGA,bus=$1,addr=0x0.0,multifunction=on,romfile="; device "intel-hda,bus=$1,addr=0x0.1,multifunction=on"; }
nic() { device "e1000e,bus=$1,addr=$2,mac=$3,romfile=${4:-}"; }
igb() { device "igb,id=$1,bus=$1p,mac=$2,romfile=${3:-}"; }   # 7 VFs
# A wire that leads nowhere: what is sent to it is in /labio/NAME.pcap.
wire() { qemu -netdev "hubport,id=$1,hubid=0" -object "filter-dump,id=$1-dump,netdev=$1,file=$1.pcap"; }

machine() {   # machine MEMORY-IN-MIB
  qemu -M q35 -accel tcg,thread=multi -cpu max -smp 2 -m "$1" -nodefaults -no-user-config -display none -no-reboot
  qemu -object "memory-backend-ram,id=mem0,size=$(($1 / 2))M" -numa node,nodeid=0,cpus=0,memdev=mem0
  qemu -object "memory-backend-ram,id=mem1,size=$(($1 / 2))M" -numa node,nodeid=1,cpus=1,memdev=mem1
  device intel-iommu,intremap=on,caching-mode=on,device-iotlb=on
  device pxb-pcie,id=numa0,bus=pcie.0,addr=0x8,bus_nr=0x40,numa_node=0
  device pxb-pcie,id=numa1,bus=pcie.0,addr=0x9,bus_nr=0x80,numa_node=1
}

numa_node_0() {
  local slot=0 id
  for id in igb0p gpu0 gpu1 nvme0p pair edu0; do root_port $id numa0 $slot; slot=$((slot + 1)); done
  wire wire0; igb igb0 52:54:00:00:00:10 ,netdev=wire0                        # 41:00.0
  gpu gpu0; gpu gpu1                                                          # 42, 43
  drive nvme0; device nvme-subsys,id=subsystem0,nqn=lab0                      # 44:00.0, VFs .1 to .4
  device nvme,id=nvme0,serial=LABNVME0,subsys=subsystem0,bus=nvme0p,sriov_max_vfs=4,max_ioqpairs=18,msix_qsize=9,sriov_vq_flexible=8,sriov_vi_flexible=4
  device nvme-ns,drive=nvme0,bus=nvme0,nsid=1,shared=on
  nic pair 0x0.0 52:54:00:00:00:20 ,multifunction=on                          # 45:00.0 and .1: a dual-port NIC in one group
  nic pair 0x0.1 52:54:00:00:00:21 ,multifunction=on
  device edu,bus=edu0                                                         # 46: no driver claims it
}

numa_node_1() {
  local slot=0 id
  for id in igb1p gpu2 gpu3 nvme1p edu1; do root_port $id numa1 $slot; slot=$((slot + 1)); done
  root_port noacs numa1 $slot ,disable-acs=true
  igb igb1 52:54:00:00:00:30                                                  # 81:00.0
  gpu gpu2; gpu gpu3                                                          # 82, 83
  drive nvme1; device nvme,serial=LABNVME1,drive=nvme1,bus=nvme1p             # 84: a plain disk
  device edu,bus=edu1                                                         # 85
  nic noacs 0x0.0 52:54:00:00:00:40                                           # 86: one group with its root port
}

no_numa_node() {
  root_port usb pcie.0 0x10; root_port scsip pcie.0 0x11; root_port bridgep pcie.0 0x12
  pullable usb0; device qemu-xhci,id=xhci,bus=usb                             # 01
  device usb-storage,id=stick,bus=xhci.0,port=1,drive=usb0,serial=LABUSB0
  device usb-kbd,id=keyboard,bus=xhci.0,port=2
  qemu -chardev null,id=nowhere; device usb-serial,id=serial,bus=xhci.0,port=3,chardev=nowhere,always-plugged=on
  drive scsi0; drive scsi1; device virtio-scsi-pci,id=scsi,bus=scsip          # 02
  device scsi-hd,bus=scsi.0,scsi-id=0,drive=scsi0,serial=LABSCSI0
  device scsi-cd,bus=scsi.0,scsi-id=1,drive=scsi1
  device pcie-pci-bridge,id=bridge,bus=bridgep                                # 03: the bridge and both slots behind it are one group
  device edu,bus=bridge,addr=1; device pci-testdev,bus=bridge,addr=2          # 04:01, 04:02
}

# The last port of all, so that no other's number depends on it. Tests plug the two ways to the disk "paths" in, at this adapter and at 02:00.0.
second_scsi_adapter() {
  root_port scsi2p numa0 6; device virtio-scsi-pci,id=scsi2,bus=scsi2p        # 47
  truncate -s 64M "$RUN/paths.img"; qemu -blockdev driver=file,node-name=paths,filename=paths.img
  qemu -blockdev driver=raw,node-name=path0,file=paths -blockdev driver=raw,node-name=path1,file=paths
}

share() {   # share TAG PATH OPTIONS
  SHARES=$((SHARES + 1))
  qemu -fsdev "local,id=$1,path=${2//,/,,},security_model=none$3"
  device "virtio-9p-pci,fsdev=$1,mount_tag=$1,bus=pcie.0,addr=0x$SHARES"
}

plumbing() {   # plumbing FLAVOUR: console, file systems and the command's output. QEMU's working directory is the run's directory.
  local stream
  qemu -serial file:console -chardev socket,id=monitor,path=monitor,server=on,wait=off -mon chardev=monitor,mode=control
  share labhost / ,readonly=on,multidevs=remap
  share labroot "$STATE/root" ,readonly=on
  share lablayer "$STATE/layer/$1" ,readonly=on
  share labio . ""
  device virtio-serial-pci,bus=pcie.0,addr=0x6
  for stream in stdout stderr; do qemu -chardev "file,id=$stream,path=$stream"; device "virtserialport,chardev=$stream,name=lab.$stream"; done
  # The node's own way to its monitor: what pulls and plugs hardware is inside (README.md, "Pulling and plugging").
  qemu -chardev socket,id=tomonitor,path=monitor; device virtserialport,chardev=tomonitor,name=lab.monitor
}

hardware() {   # hardware FLAVOUR MEMORY-IN-MIB
  local image
  QEMU=() CHASSIS=0 SHARES=0
  mkdir -p "$STATE/img"
  for image in nvme0 nvme1 scsi0 scsi1; do [ -e "$STATE/img/$image.img" ] || truncate -s 64M "$STATE/img/$image.img"; done
  machine "$2"; numa_node_0; numa_node_1; no_numa_node; second_scsi_adapter; plumbing "$1"
}
