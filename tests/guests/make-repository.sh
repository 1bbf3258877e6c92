#!/bin/sh
# make-repository.sh DIRECTORY: an apt repository with packages of our own, so that a guest without a network has
# something to install and to upgrade: ami-greeting with a service, and two versions of ami-proof.
set -eu
directory=$1
mkdir -p "$directory"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# package NAME VERSION: what is in $work/NAME, with the fields that dpkg wants.
package() {
  mkdir -p "$work/$1/DEBIAN"
  cat >"$work/$1/DEBIAN/control" <<CONTROL
Package: $1
Version: $2
Architecture: all
Maintainer: ami-operator <nobody@ami-operator.dev>
Description: something to install in tests of ami-operator
CONTROL
  dpkg-deb --root-owner-group --build "$work/$1" "$directory/$1_$2_all.deb"
}

for version in 1.0 2.0; do
  mkdir -p "$work/ami-proof/usr/share/ami-proof"
  echo "$version" >"$work/ami-proof/usr/share/ami-proof/version"
  package ami-proof "$version"
done

mkdir -p "$work/ami-greeting/usr/bin" "$work/ami-greeting/lib/systemd/system" "$work/ami-greeting/etc/init.d"
cat >"$work/ami-greeting/usr/bin/ami-greeting" <<'PROGRAM'
#!/bin/sh
echo "hello from a package"
PROGRAM
cat >"$work/ami-greeting/lib/systemd/system/ami-greeting.service" <<'UNIT'
[Unit]
Description=Say hello on the console
[Service]
Type=oneshot
ExecStart=/usr/bin/ami-greeting
StandardOutput=journal+console
[Install]
WantedBy=multi-user.target
UNIT
cat >"$work/ami-greeting/etc/init.d/ami-greeting" <<'SERVICE'
#!/bin/sh
### BEGIN INIT INFO
# Provides: ami-greeting
# Required-Start: $local_fs
# Required-Stop:
# Default-Start: 2 3 4 5
# Default-Stop:
# Short-Description: Say hello on the console
### END INIT INFO
[ "$1" != start ] || /usr/bin/ami-greeting >/dev/console
SERVICE
chmod 755 "$work/ami-greeting/usr/bin/ami-greeting" "$work/ami-greeting/etc/init.d/ami-greeting"
package ami-greeting 1.0

cd "$directory"
for deb in *.deb; do
  dpkg-deb --field "$deb"
  echo "Filename: ./$deb"
  echo "Size: $(wc -c <"$deb")"
  echo "SHA256: $(sha256sum "$deb" | cut -d ' ' -f 1)"
  echo
done >Packages
cat >Release <<RELEASE
Origin: ami-operator
Suite: stable
Date: $(date --utc --rfc-email)
SHA256:
 $(sha256sum Packages | cut -d ' ' -f 1) $(wc -c <Packages) Packages
RELEASE
