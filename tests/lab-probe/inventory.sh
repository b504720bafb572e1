#!/bin/bash
# Prints what /sys says of the host's PCI functions, USB and SCSI devices and mdev types, read with bash alone:
# a second opinion that the agent's inventory is compared with. Sections start with "# NAME COLUMN..."; columns are separated
# by tabs, "-" is an absent value, lines are ordered by their first column.
# SYS (default /sys) is where sysfs is.
set -u
export LC_ALL=C
SYS=${SYS:-/sys}
shopt -s nullglob

row() { local IFS=$'\t'; echo "$*"; }

# These answer in REPLY instead of printing, and follow links by cd -P: a fork costs 20 ms under emulation, and there are thousands.

# The content of an attribute without its trailing blanks.
value() {
  local text=
  REPLY=-
  [ -e "$1" ] || return 0
  { IFS= read -r -d '' text <"$1"; } 2>/dev/null
  text=${text%"${text##*[![:space:]]}"}
  [ -z "$text" ] || REPLY=${text//$'\t'/ }
}

# The name of the directory that a link points to.
link() { REPLY=-; ! cd -P "$1" 2>/dev/null || REPLY=${PWD##*/}; }

# The last parts of some paths, joined by the first argument.
names() {
  local IFS=$1; shift
  REPLY=-; [ $# -eq 0 ] || { set -- "${@##*/}"; REPLY=$*; }
}

# Bytes of 32-bit and of 64-bit memory BARs: the first six lines of "resource" are the BARs, "start end flags".
bars() {
  local start end flags narrow=0 wide=0 line=0
  REPLY=$'-\t-'
  [ -r "$1/resource" ] || return 0
  while read -r start end flags && [ $((line++)) -lt 6 ]; do
    ((flags & 0x200)) || continue
    if ((flags & 0x100000)); then ((wide += end - start + 1)); else ((narrow += end - start + 1)); fi
  done <"$1/resource"
  REPLY=$narrow$'\t'$wide
}

# The functions on the way from the root port to this one: what looks like a PCI address in the resolved path.
route() {
  local part parts=() IFS=/
  cd -P "$1" || return
  for part in $PWD; do
    [[ $part =~ ^[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$ ]] && parts+=("$part")
  done
  names '>' "${parts[@]}"
}

# collect READER PATH...: calls READER for each path and appends the answers to the row.
collect() { local reader=$1 path; shift; for path; do "$reader" "$path"; COLUMNS+=("$REPLY"); done; }

# An attribute without what means nothing: "(null)" for no override, 0 for not the console.
unless_plain() { value "$1"; case $REPLY in "(null)"|0) REPLY=-;; esac; }

# The PCI function nearest above a device.
controller() { route "$1"; REPLY=${REPLY##*>}; }

# The drivers of a USB device's interfaces, each once, joined by ",".
interface_drivers() {
  local i seen=
  for i in "$1":*; do link "$i"/driver; case ,$seen, in *,"$REPLY",*) ;; *) [ "$REPLY" = - ] || seen=${seen:+$seen,}$REPLY;; esac; done
  REPLY=${seen:--}
}

functions() {
  local d address
  declare -A SLOTS=()
  for d in "$SYS"/bus/pci/slots/*; do { read -r address <"$d/address"; } 2>/dev/null && for address in "$SYS/bus/pci/devices/$address".*; do SLOTS[${address##*/}]=${d##*/}; done; done
  echo "# pci address vendor device subsystem_vendor subsystem_device class driver iommu_group group_members numa_node physfn sriov_totalvfs sriov_numvfs reset_method cdev bar32 bar64 driver_override boot_vga slot path"
  for d in "$SYS"/bus/pci/devices/*; do
    COLUMNS=("${d##*/}")
    collect value "$d"/vendor "$d"/device "$d"/subsystem_vendor "$d"/subsystem_device "$d"/class
    collect link "$d"/driver "$d"/iommu_group
    names , "$d"/iommu_group/devices/*; COLUMNS+=("$REPLY")
    collect value "$d"/numa_node
    collect link "$d"/physfn
    collect value "$d"/sriov_totalvfs "$d"/sriov_numvfs "$d"/reset_method
    names , "$d"/vfio-dev/vfio*; COLUMNS+=("$REPLY")
    collect bars "$d"
    collect unless_plain "$d"/driver_override "$d"/boot_vga
    COLUMNS+=("${SLOTS[${d##*/}]:--}")
    collect route "$d"
    row "${COLUMNS[@]}"
  done
}

usb_devices() {
  local d
  echo "# usb path vendor product serial busnum devnum manufacturer product_name drivers controller"
  for d in "$SYS"/bus/usb/devices/*; do
    [ -e "$d/busnum" ] || continue   # interfaces have none
    COLUMNS=("${d##*/}"); collect value "$d"/idVendor "$d"/idProduct "$d"/serial "$d"/busnum "$d"/devnum "$d"/manufacturer "$d"/product
    collect interface_drivers "$d"; collect controller "$d"
    row "${COLUMNS[@]}"
  done
}

scsi_devices() {
  local d
  echo "# scsi name address type vendor model controller"
  for d in "$SYS"/class/scsi_generic/sg*; do
    COLUMNS=("${d##*/}"); collect link "$d"/device; collect value "$d"/device/type "$d"/device/vendor "$d"/device/model; collect controller "$d"/device
    row "${COLUMNS[@]}"
  done
}

mdev_types() {
  local d parent
  echo "# mdev parent type name available_instances device_api"
  for d in "$SYS"/class/mdev_bus/*/mdev_supported_types/*; do
    parent=${d%/mdev_supported_types/*}
    COLUMNS=("${parent##*/}" "${d##*/}"); collect value "$d"/name "$d"/available_instances "$d"/device_api
    row "${COLUMNS[@]}"
  done
}

functions; usb_devices; scsi_devices; mdev_types
