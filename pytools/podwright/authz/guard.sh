#!/bin/sh
# Starts the Docker Engine only when it is safe behind the plugin. Runs in the engine's own image.
# $1 yes: accept an engine older than @MINIMUM@      $2 the plugins, separated by spaces
# $3 data root  $4 workspace volume's name, or empty  $5 its opts.json  $6 launcher  $7 daemon.json
# and further arguments of dockerd.
set -eu
accept_old=$1 plugins=$2 data_root=$3 volume=$4 volume_options=$5 launcher=$6 config=$7
shift 7
refuse() { echo "podwright: the engine is not started: $1" >&2; exit 78; }
version=$(dockerd --version | sed -n 's/^Docker version \([0-9][0-9.]*\).*/\1/p')
[ -n "$version" ] || refuse "dockerd does not say its version; use an image with Docker Engine @MINIMUM@ or newer"
oldest=$(printf '%s\n%s\n' @MINIMUM@ "$version" | sort -t. -k1,1n -k2,2n -k3,3n | head -n 1)
if [ "$oldest" != @MINIMUM@ ]; then
  [ "$accept_old" = yes ] || refuse "containers can leave Docker Engine $version by way of docker cp (CVE-2026-42306, CVE-2026-41568); use @MINIMUM@ or newer, or accept it knowingly in the config"
  echo "podwright: Docker Engine $version is older than @MINIMUM@ and was accepted by the config" >&2
fi
for plugin in $plugins; do
  [ -S "@PLUGINS@/$plugin.sock" ] || refuse "the authorization plugin $plugin is not there (no socket in @PLUGINS@); see the log of container authz"
done
grep -q '"authorization-plugins"' "$config" || refuse "$config names no authorization plugin; without one the API would be open"
if [ -n "$volume" ]; then
  mkdir -p "$data_root/volumes/$volume/_data"
  printf '%s' "$volume_options" >"$data_root/volumes/$volume/opts.json"
fi
if command -v "$launcher" >/dev/null 2>&1; then
  exec "$launcher" dockerd --config-file "$config" "$@"
fi
exec dockerd --config-file "$config" "$@"
