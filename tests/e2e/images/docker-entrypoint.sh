#!/bin/sh
# Stands in for docker:cli's entrypoint: puts `docker` in front of its subcommands and flags, and
# finds the engine when DOCKER_HOST is not set.
set -eu
case ${1:-} in
  -*) set -- docker "$@" ;;
  *) if [ $# -gt 0 ] && ! command -v "$1" >/dev/null && docker help "$1" >/dev/null 2>&1; then
    set -- docker "$@"
  fi ;;
esac
if [ -z "${DOCKER_HOST:-}" ] && [ ! -S /var/run/docker.sock ]; then
  if [ -S "${XDG_RUNTIME_DIR:-/nonexistent}/docker.sock" ]; then
    export DOCKER_HOST="unix://$XDG_RUNTIME_DIR/docker.sock"
  elif [ -f "${DOCKER_TLS_CERTDIR:-/nonexistent}/client/ca.pem" ]; then
    export DOCKER_HOST=tcp://docker:2376
  else
    export DOCKER_HOST=tcp://docker:2375
  fi
fi
case ${DOCKER_HOST:-} in
  tcp://*) if [ -f "${DOCKER_TLS_CERTDIR:-/nonexistent}/client/key.pem" ]; then
    export DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH="$DOCKER_TLS_CERTDIR/client"
  fi ;;
esac
exec "${@:-sh}"
