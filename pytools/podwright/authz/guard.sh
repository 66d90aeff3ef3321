#!/bin/sh
# Starts the Docker Engine only when it is safe behind the plugin. Runs in the engine's own image.
# $1 yes: accept an engine older than @MINIMUM@      $2 the plugins, separated by spaces
# $3 data root  $4 workspace volume's name, or empty  $5 its opts.json  $6 launcher  $7 daemon.json
# $8 yes: close what the engine need not write (in a mount namespace of its own only)
# and further arguments of dockerd. Environment: PODWRIGHT_PLUGIN_WAIT (seconds).
set -eu
accept_old=$1 plugins=$2 data_root=$3 volume=$4 volume_options=$5 launcher=$6 config=$7 close=$8
shift 8
refuse() { echo "podwright: the engine is not started: $1" >&2; exit 78; }
version=$(dockerd --version | sed -n 's/^Docker version \([0-9][0-9.]*\).*/\1/p')
[ -n "$version" ] || refuse "dockerd does not say its version; use an image with Docker Engine @MINIMUM@ or newer"
oldest=$(printf '%s\n%s\n' @MINIMUM@ "$version" | sort -t. -k1,1n -k2,2n -k3,3n | head -n 1)
if [ "$oldest" != @MINIMUM@ ]; then
  [ "$accept_old" = yes ] || refuse "containers can leave Docker Engine $version by way of docker cp (CVE-2026-42306, CVE-2026-41568); use @MINIMUM@ or newer, or accept it knowingly in the config"
  echo "podwright: Docker Engine $version is older than @MINIMUM@ and was accepted by the config" >&2
fi
left=${PODWRIGHT_PLUGIN_WAIT:-30}0 # tenths of a second
for plugin in $plugins; do
  # Its container was started just before this one.
  until [ -S "@PLUGINS@/$plugin.sock" ] || [ "$left" -le 0 ]; do
    left=$((left - 1))
    sleep 0.1
  done
  [ -S "@PLUGINS@/$plugin.sock" ] || refuse "the authorization plugin $plugin is not there (no socket in @PLUGINS@); see the log of container authz"
done
grep -q '"authorization-plugins"' "$config" || refuse "$config names no authorization plugin; without one the API would be open"
if [ -n "$volume" ]; then
  mkdir -p "$data_root/volumes/$volume/_data"
  printf '%s' "$volume_options" >"$data_root/volumes/$volume/opts.json"
fi
# A second line: what the engine could be made to write by a path must not become a program that it
# runs, or a setting of the node's kernel, and what it could be made to read not the node's memory.
close() {
  [ -e "$1" ] || return 0
  if ! { mount --bind "$1" "$1" && mount -o remount,bind,ro "$1"; } 2>/dev/null; then
    echo "podwright: $1 stays writable for the engine" >&2
  fi
}
if [ "$close" = yes ]; then
  for program in dockerd containerd containerd-shim-runc-v2 runc docker-proxy docker-init iptables mount sh; do
    path=$(command -v "$program") || continue
    case $path in /*) dirname "$path" ;; esac
  done | sort -u | while read -r directory; do close "$directory"; done
  for file in core_pattern modprobe; do close "/proc/sys/kernel/$file"; done
  close /proc/sysrq-trigger
  mount --bind /dev/null /proc/kcore 2>/dev/null || :
fi
if command -v "$launcher" >/dev/null 2>&1; then
  exec "$launcher" dockerd --config-file "$config" "$@"
fi
exec dockerd --config-file "$config" "$@"
