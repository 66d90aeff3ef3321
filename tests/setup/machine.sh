#!/bin/sh
# Installs what tests and the demo need on Debian 12; elsewhere it says in one line what is missing.
# Usage: machine.sh demo|test|e2e
set -eu
what=${1:-test}

demo="git util-linux procps buildah docker-registry busybox-static skopeo apache2-utils"
test="$demo umoci docker.io podman shellcheck dash runc iptables uidmap openssl openssh-client"
e2e="$test mmdebstrap libseccomp-dev pkg-config gcc libc6-dev catatonit containernetworking-plugins iproute2"
programs="python3 javac mvn"
case $what in
  demo) packages=$demo ;;
  test) packages=$test ;;
  e2e)
    packages=$e2e
    # Engines and Kubernetes are built from Go modules; Debian's Go is too old for them.
    programs="$programs go"
    ;;
  *) echo "usage: machine.sh demo|test|e2e" >&2 && exit 2 ;;
esac

if ! [ -w "${HOME:-/}" ]; then
  echo "podwright: $(id -un) cannot write to its home folder (HOME=${HOME:-}), which pip, Maven and Buildah need; set HOME to another one" >&2
  exit 1
fi
missing=
for package in $packages; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
    missing="$missing $package"
done
commands=
for program in $programs; do
  command -v "$program" >/dev/null || commands="$commands $program"
done
[ -z "$missing$commands" ] && exit 0

if ! grep -qs '^VERSION_ID="12"' /etc/os-release || [ "$(id -u)" != 0 ]; then
  echo "podwright: on Debian 12 as root this would install what is missing; here please install:$missing$commands" >&2
  exit 1
fi
case "$commands" in *python3*) missing="$missing python3 python3-venv" ;; esac
case "$commands" in *javac*) missing="$missing openjdk-17-jdk-headless" ;; esac
case "$commands" in *mvn*) missing="$missing maven" ;; esac
case "$commands" in
  *go*)
    echo "podwright: please install Go 1.26 or newer (go.dev/dl); Debian 12 has an older one" >&2
    exit 1
    ;;
esac
echo "podwright: installing$missing" >&2
apt-get -o Acquire::Retries=5 update -qq
# Nothing is started by the installation: tests start their own registries and engines.
printf '#!/bin/sh\nexit 101\n' >/tmp/policy-rc.d.$$
[ -e /usr/sbin/policy-rc.d ] || install -m 755 /tmp/policy-rc.d.$$ /usr/sbin/policy-rc.d
rm -f /tmp/policy-rc.d.$$
# shellcheck disable=SC2086 # a list of packages
DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=5 install -y -qq --no-install-recommends $missing >/dev/null
