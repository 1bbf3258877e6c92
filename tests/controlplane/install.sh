#!/bin/sh
# Makes sure that a Kubernetes control plane, kubectl and Helm are at hand, and prints the directories that hold them,
# one a line, in the order in which to look. A binary in KUBEBUILDER_ASSETS wins; the others are built from their Go
# modules (no container, no archive to download), once, and kept outside of the checkout under a key of what they are
# built from.
set -eu
cd "$(dirname "$0")"

# kubectl and Helm refuse a server that does not tell its version, and only the linker can put it in.
version=$(sed -n 's|^require k8s.io/kubernetes \(v[0-9.]*\).*|\1|p' go.mod)
key=$(cat go.mod go.sum | { sha256sum 2>/dev/null || shasum -a 256; } | cut -c1-12)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/ami-operator/controlplane/$version-$key

missing=
for tool in \
  etcd=go.etcd.io/etcd/server/v3 \
  kube-apiserver=k8s.io/kubernetes/cmd/kube-apiserver \
  kube-controller-manager=k8s.io/kubernetes/cmd/kube-controller-manager \
  kubectl=k8s.io/kubernetes/cmd/kubectl \
  helm=helm.sh/helm/v4/cmd/helm
do
  binary=${tool%%=*}
  [ -x "${KUBEBUILDER_ASSETS:-/nonexistent}/$binary" ] || [ -x "$cache/$binary" ] || missing="$missing $tool"
done

if [ -n "$missing" ]; then
  if ! command -v go >/dev/null; then
    echo "the control plane is built from Go modules: install Go, or set KUBEBUILDER_ASSETS to a directory with etcd," \
      "kube-apiserver, kube-controller-manager, kubectl and helm" >&2
    exit 1
  fi
  echo "building the Kubernetes $version control plane from source: about 10 minutes on two cores, this once" >&2
  # Next to the cache and moved when whole, so that an interrupted build is never taken for a finished one.
  mkdir -p "$cache"
  building=$(mktemp -d "$cache/building.XXXXXX")
  trap 'rm -rf "$building"' EXIT
  trap 'exit 1' INT TERM HUP
  for tool in $missing; do
    binary=${tool%%=*}
    echo "  $binary" >&2
    CGO_ENABLED=0 go build -o "$building/$binary" \
      -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$version" "${tool#*=}" >&2
    mv "$building/$binary" "$cache/$binary"
  done
fi

[ -z "${KUBEBUILDER_ASSETS:-}" ] || echo "$KUBEBUILDER_ASSETS"
echo "$cache"
