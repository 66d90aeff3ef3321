#!/bin/sh
# Stands in for docker:dind's entrypoint: certificates, hosts, then the `dind` wrapper.
set -eu
certificates() { # directory
  mkdir -p "$1/ca" "$1/server" "$1/client"
  [ -s "$1/ca/key.pem" ] || openssl genrsa -out "$1/ca/key.pem" 2048
  openssl req -new -x509 -days 825 -key "$1/ca/key.pem" -out "$1/ca/cert.pem" -subj '/CN=docker CA'
  names="DNS:docker,DNS:localhost,DNS:$(hostname),IP:127.0.0.1"
  for address in $(ip -o -4 addr show | awk '{print $4}' | cut -d/ -f1); do
    names="$names,IP:$address"
  done
  names="$names${DOCKER_TLS_SAN:+,$DOCKER_TLS_SAN}"
  for role in server client; do
    [ -s "$1/$role/key.pem" ] || openssl genrsa -out "$1/$role/key.pem" 2048
    printf 'subjectAltName=%s\nextendedKeyUsage=%sAuth\n' "$names" "$role" >"$1/$role/extensions"
    openssl req -new -key "$1/$role/key.pem" -subj "/CN=docker $role" -out "$1/$role/csr.pem"
    openssl x509 -req -days 825 -in "$1/$role/csr.pem" -CA "$1/ca/cert.pem" -CAkey "$1/ca/key.pem" \
      -CAcreateserial -out "$1/$role/cert.pem" -extfile "$1/$role/extensions"
    rm "$1/$role/extensions"
    cp "$1/ca/cert.pem" "$1/$role/ca.pem"
  done
  chmod 0644 "$1/client/key.pem"
}
if [ $# -eq 0 ] || [ "${1#-}" != "$1" ]; then
  socket=unix:///var/run/docker.sock
  case ${DOCKER_HOST:-} in unix://*) socket=$DOCKER_HOST ;; esac
  if [ -n "${DOCKER_TLS_CERTDIR:-}" ]; then
    certificates "$DOCKER_TLS_CERTDIR" >/dev/null 2>&1
    tls="$DOCKER_TLS_CERTDIR/server"
    set -- dockerd --host="$socket" --host=tcp://0.0.0.0:2376 --tlsverify \
      --tlscacert "$tls/ca.pem" --tlscert "$tls/cert.pem" --tlskey "$tls/key.pem" "$@"
  else
    set -- dockerd --host="$socket" --host=tcp://0.0.0.0:2375 "$@"
  fi
fi
if [ "$1" = dockerd ]; then
  find /run /var/run -iname 'docker*.pid' -delete 2>/dev/null || true
  if [ -n "${DOCKER_IPTABLES_LEGACY:-}" ] || ! iptables -nL >/dev/null 2>&1; then
    mkdir -p /usr/local/sbin/.iptables-legacy
    for name in iptables ip6tables; do
      ln -sf "/usr/sbin/$name-legacy" "/usr/local/sbin/.iptables-legacy/$name"
    done
    export PATH="/usr/local/sbin/.iptables-legacy:$PATH"
  fi
  set -- docker-init -- dind "$@"
else
  set -- docker-entrypoint.sh "$@"
fi
exec "$@"
