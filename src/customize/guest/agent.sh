#!/bin/sh
# shellcheck disable=SC1091 # of the guest
# The word after the seconds left: a file with the configuration of the Amazon CloudWatch agent.
set -u
config=$2
agent=/opt/aws/amazon-cloudwatch-agent

download() {
  if command -v curl >/dev/null; then curl -fsS -o "$2" "$1"; else wget -q -O "$2" "$1"; fi
}

# The bucket of the region is within reach of a VPC's gateway for S3; the other is there for everybody.
fetch() {
  [ -n "$region" ] && download "https://amazoncloudwatch-agent-$region.s3.$region.amazonaws.com/$1" "$2" ||
    download "https://amazoncloudwatch-agent.s3.amazonaws.com/$1" "$2"
}

# vendor SYSTEM KIND: AWS's own package, as AWS says to install it.
vendor() {
  case $(uname -m) in
  x86_64) machine=amd64 ;;
  aarch64) machine=arm64 ;;
  *) echo "AWS has no agent for $(uname -m)"; return 1 ;;
  esac
  region=$(cloud-init query region)
  again fetch "$1/$machine/latest/amazon-cloudwatch-agent.$2" "$config.$2" || return
  case $2 in
  deb) again dpkg -i -E "$config.deb" ;;
  rpm) again rpm -U "$config.rpm" ;;
  esac
}

amazon_linux() {
  if command -v dnf >/dev/null; then manager=dnf; else manager=yum; fi
  again "$manager" -y install amazon-cloudwatch-agent
}

install() {
  system=$(. /etc/os-release && echo "$ID ${ID_LIKE-}") || return
  case $system in
  amzn*) amazon_linux ;;
  *ubuntu*) vendor ubuntu deb ;;
  *debian*) vendor debian deb ;;
  *suse* | sles*) vendor suse rpm ;;
  *rhel* | *fedora* | *centos*) vendor redhat rpm ;;
  *) echo "AWS has no agent for $system"; return 1 ;;
  esac
}

# What a directory beside it has is merged into the configuration when the agent starts.
configure() {
  mkdir -p "$agent/etc" && rm -f "$agent/etc/amazon-cloudwatch-agent.d"/* && chmod 644 "$config" &&
    cp "$config" "$agent/etc/amazon-cloudwatch-agent.json"
}

# What the agent does with its configuration whenever it starts: a mistake in it fails here, and not in every instance.
translate() {
  [ ! -x "$agent/bin/config-translator" ] ||
    "$agent/bin/config-translator" --mode auto --config "$agent/etc/common-config.toml" \
      --input "$agent/etc/amazon-cloudwatch-agent.json" --input-dir "$agent/etc/amazon-cloudwatch-agent.d" \
      --output "$agent/etc/amazon-cloudwatch-agent.toml"
}

[ -x "$agent/bin/amazon-cloudwatch-agent-ctl" ] || install || exit
systemctl stop amazon-cloudwatch-agent
configure && translate && systemctl enable amazon-cloudwatch-agent
code=$?
rm -f "$config" "$config.deb" "$config.rpm"
exit "$code"
