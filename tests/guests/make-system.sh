#!/bin/sh
# make-system.sh SYSTEM REPOSITORY DIRECTORY: the disk of a system with cloud-init and its Ec2 data source, and the
# kernel and initrd that boot it: a machine of QEMU needs no boot loader.
set -eu
system=$1 repository=$2 directory=$3
PATH=$PATH:/usr/sbin:/sbin
root=$directory/root

common=linux-image-cloud-amd64,cloud-init,openssh-server,ca-certificates,iproute2,udev,e2fsprogs
case $system in
debian-12)
  suite=bookworm
  include=systemd-sysv,dbus,isc-dhcp-client,$common
  ;;
# Another release with as little as possible of the first: OpenRC in place of systemd, and busybox as sh.
debian-13-openrc)
  suite=trixie
  include=sysvinit-core,openrc,initscripts,orphan-sysvinit-scripts,systemd-standalone-sysusers,$common
  include=systemd-standalone-tmpfiles,ifupdown,dhcpcd-base,busybox,$include
  ;;
*)
  echo "no such system: $system" >&2
  exit 64
  ;;
esac

# What costs an emulated processor seconds of every boot, and is of no use here.
use_systemd() {
  for unit in apt-daily.timer apt-daily-upgrade.timer e2scrub_reap.service e2scrub_all.timer; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
  done
  chroot "$root" systemctl enable systemd-networkd.service
}

# Debian's scripts leave out the stage in which cloud-init reads the metadata. And once an interface is configured, the
# network would start before cloud-init, whose first stage then waits for the DHCP client that is running already.
use_openrc() {
  chroot "$root" rc-update del networking sysinit
  for service in cloud-init-main cloud-init-local cloud-config cloud-final; do
    chroot "$root" rc-update del "$service" default
  done
  cat >"$root/etc/init.d/cloud-init" <<'SERVICE'
#!/sbin/openrc-run
description="All stages of cloud-init, one after the other"
depend() {
  after bootmisc.sh
  before ssh
}
start() {
  cloud-init init --local
  mkdir -p /run/network
  ifup -a
  cloud-init init
  cloud-init modules --mode=config
  cloud-init modules --mode=final
}
SERVICE
  chmod 755 "$root/etc/init.d/cloud-init"
  chroot "$root" rc-update add cloud-init default
  ln -sf busybox "$root/usr/bin/sh"
}

mkdir -p "$directory"
mmdebstrap --mode=root --variant=minbase --include="$include" --aptopt='Acquire::Languages "none"' \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' "$suite" "$root"

cat >"$root/etc/cloud/cloud.cfg.d/90-ec2.cfg" <<'CONFIG'
datasource_list: [ Ec2, None ]
# Each kind of key costs an emulated processor a second.
ssh_genkeytypes: [ ed25519, ecdsa ]
CONFIG
echo '/dev/vda / ext4 defaults 0 0' >"$root/etc/fstab"
echo debian >"$root/etc/hostname"
# The one network of the machines leads to the metadata service and to this repository.
rm -f "$root"/etc/apt/sources.list.d/*
echo 'deb [trusted=yes] http://169.254.169.250/ ./' >"$root/etc/apt/sources.list"
cp "$repository/ami-proof_1.0_all.deb" "$root/tmp/"
chroot "$root" dpkg --install /tmp/ami-proof_1.0_all.deb
rm "$root/tmp/ami-proof_1.0_all.deb"
case $system in
*-openrc) use_openrc ;;
*) use_systemd ;;
esac

# Drivers of all hardware make an initrd of ten times the size.
printf '%s\n' virtio_pci virtio_blk ext4 >>"$root/etc/initramfs-tools/modules"
sed -i 's/^MODULES=.*/MODULES=list/' "$root/etc/initramfs-tools/initramfs.conf"
chroot "$root" update-initramfs -u
cp "$root"/boot/vmlinuz-* "$directory/vmlinuz"
cp "$root"/boot/initrd.img-* "$directory/initrd.img"
# What each machine makes for itself.
rm -f "$root"/etc/ssh/ssh_host_* "$root/var/lib/dbus/machine-id"
: >"$root/etc/machine-id"

mke2fs -q -t ext4 -d "$root" "$directory/disk.img" 2G
qemu-img convert -O qcow2 "$directory/disk.img" "$directory/disk.qcow2"
rm -rf "$root" "$directory/disk.img"
