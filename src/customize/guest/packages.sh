#!/bin/sh
# The words: seconds left; None, Security or All; names to install in one word, and names to remove.
# shellcheck disable=SC2086,SC2154 # again.sh stands before this; the names are lists of words, and -f keeps stars from becoming files
set -fu
left=$1 upgrade=$2 install=$3 remove=$4

# What there is to do, in this order: nothing is upgraded that goes, and nothing goes that was asked for.
all() {
  [ -z "$remove" ] || again "$1_remove" $remove || return
  [ "$upgrade" = None ] || again "$1_$upgrade" || return
  [ -z "$install" ] || again "$1_install" $install
}

# Amazon Linux 2023 stays at the release that its image was made from until it is told otherwise.
dnf_release() {
  latest=
  case $(. /etc/os-release && echo "$ID$VERSION_ID") in amzn2023*) latest=--releasever=latest ;; esac
}
dnf_remove() { dnf -y remove "$@"; }
dnf_All() { dnf -y upgrade $latest; }
dnf_Security() { dnf -y upgrade --security $latest; }
dnf_install() { dnf -y install "$@"; }

yum_remove() { yum -y remove "$@"; }
yum_All() { yum -y update; }
yum_Security() { yum -y update --security; }
# It would install the others and be content.
yum_install() { yum -y --setopt=skip_missing_names_on_install=0 install "$@"; }

apt() {
  apt-get -y -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -o "DPkg::Lock::Timeout=$left" "$@"
}
# Without the error mode, a mirror that does not answer is a warning.
# The lock of the lists has no timeout of its own, and is held for as long as a mirror takes.
apt_update() {
  until said=$(apt -o APT::Update::Error-Mode=any update 2>&1); do
    echo "$said"
    case $said in *'Could not get lock'*) sleep "$pause" ;; *) return 1 ;; esac
  done
}
# A name that no archive knows is an error there, and not installed for certain here.
apt_remove() {
  there=
  for package; do
    ! dpkg-query -W "$package" >/dev/null 2>&1 || there="$there $package"
  done
  [ -z "$there" ] || apt remove $there
}
# New kernels are new packages; nothing goes.
apt_All() { apt upgrade --with-new-pkgs; }
# The simulation names the archives of each version; with the target, the version is the security archive's own.
apt_Security() {
  codename=$(. /etc/os-release && echo "$VERSION_CODENAME") || return
  plan=$(apt -s -t "$codename-security" dist-upgrade) || { echo "$plan"; return 1; }
  names=$(echo "$plan" | sed -n 's/^Inst \([^ ]*\) .*[Ss]ecurity.*/\1/p')
  [ -z "$names" ] || apt -t "$codename-security" install --only-upgrade $names
}
# A name that is not found would be taken for a regular expression.
apt_install() { apt -o APT::Cmd::Pattern-Only=true install "$@"; }

# 102 asks for a reboot, 104 says that what is to be removed is not there. 103 asks for the same once more.
zypper_do() {
  zypper --non-interactive "$@"
  code=$?
  case $code$1 in 0* | 102* | 104remove) ;; *) return "$code" ;; esac
}
zypper_remove() { zypper_do remove "$@"; }
zypper_All() { zypper_do update; }
zypper_Security() { zypper_do patch --category security; }
zypper_install() { zypper_do install --auto-agree-with-licenses "$@"; }

apk_remove() {
  there=$(apk info -e "$@")
  [ -z "$there" ] || apk del --wait "$left" $there
}
apk_All() { apk upgrade -U --wait "$left"; }
# A release of Alpine gets nothing but repairs.
apk_Security() { apk_All; }
apk_install() { apk add -U --wait "$left" "$@"; }

# Where there is dnf, yum is another name of it.
for manager in apt-get zypper dnf yum apk; do
  if command -v "$manager" >/dev/null; then break; fi
  manager=none
done
case $manager in
dnf) dnf_release ;;
apt-get)
  export DEBIAN_FRONTEND=noninteractive UCF_FORCE_CONFFOLD=1 NEEDRESTART_SUSPEND=1 LC_ALL=C
  manager=apt
  again apt_update || exit
  ;;
zypper) export ZYPP_LOCK_TIMEOUT="$left" ;;
none)
  echo 'no package manager is here: apt-get, zypper, dnf, yum or apk'
  exit 1
  ;;
esac
all "$manager"
