#!/bin/sh
PW_JOB=''
PW_STRATEGY=podman
PW_HIDE=yes
PW_RETRIES=5
PW_TIMEOUT=7200

# [prelude.sh]

# Rootless Podman leaves a process behind that holds its user namespace, with the environment of the
# first call that finds none: so that has no logins and secrets. A pod has one since its start (storage.sh).
pw_first_call() {
  pw_pause=$(cat "${XDG_RUNTIME_DIR:-/nonexistent}/libpod/tmp/pause.pid" 2>/dev/null) # no line's end
  [ -z "$pw_pause" ] || ! pw_alive "$pw_pause" || return 0
  pw_hidden=$(env | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/-u \1/p' |
    grep -Ev '^-u (PATH|HOME|USER|TMPDIR|XDG_.*|_?CONTAINERS_.*|BUILDAH_.*|STORAGE_.*|PODMAN_.*)$')
  # shellcheck disable=SC2086 # a list of words
  env $pw_hidden TMPDIR="$pw_work" "$pw_tool" ps --quiet >/dev/null 2>&1 3>&-
}

# Where containers-auth.json(5) looks.
pw_own_logins() {
  if [ -n "${REGISTRY_AUTH_FILE:-}" ]; then
    echo "$REGISTRY_AUTH_FILE"
    return
  fi
  echo "${XDG_RUNTIME_DIR:-/run/containers/$(id -u)}/containers/auth.json"
  echo "${XDG_CONFIG_HOME:-${HOME:-/}/.config}/containers/auth.json"
  echo "${DOCKER_CONFIG:-${HOME:-/}/.docker}/config.json"
  echo "${HOME:-/}/.dockercfg"
}

pw_prepare() { # program
  [ -z "${pw_tool:-}" ] || return 0
  pw_tool=$1 pw_naps=3000
  pw_forget_authorities ''
  # The container has just begun, and tries how it can store layers (storage.sh).
  while [ -e "${CONTAINERS_STORAGE_CONF:-}.trying" ] && [ "$pw_naps" -gt 0 ]; do
    sleep 0.01
    pw_naps=$((pw_naps - 1))
  done
  # The programs keep secrets there while a step has them mounted.
  pw_sweep "${TMPDIR:-/var/tmp}"
  pw_work=$(mktemp -d "${TMPDIR:-/var/tmp}/podwright-work.$$.XXXXXX" 2>/dev/null) ||
    pw_fail 1 "no temporary directory can be made in ${TMPDIR:-/var/tmp}; is the disk full?"
  # What RUN --mount=type=cache keeps would go with it: a pod has a place beside its layers (storage.sh).
  if read -r pw_images 2>/dev/null <"${CONTAINERS_STORAGE_CONF:-}.images"; then
    mkdir -p "${pw_images%/*}/podwright-mounts" 2>/dev/null &&
      ln -s "${pw_images%/*}/podwright-mounts" "$pw_work/buildah-cache-$(id -u)"
  fi
  : >"$PW_TMP/began"
  [ "$pw_tool" = buildah ] || pw_first_call
  # pw_step tries again what may pass; the programs would do so in each of its tries, for seconds.
  # Buildah's push hears of the pause alone (containers/buildah push.go), older ones of neither.
  pw_once=--quiet=false pw_pausing=$pw_once
  # A pod has looked while it started (storage.sh).
  if [ -e "${CONTAINERS_STORAGE_CONF:-}.once" ] || {
    [ -z "${PODWRIGHT_BUILDER:-}" ] && "$1" push --help 2>/dev/null 3>&- | grep -q -e '--retry '
  }; then
    pw_once=--retry=0 pw_pausing=--retry-delay=1ms
  fi
}

# A program that is killed leaves working containers, mounted, and temporary files. What began since
# is its own, unless another one is at work in the same place.
pw_cleanup() {
  pw_forget_authorities "$$"
  [ -n "${pw_work:-}" ] || return 0
  [ "$pw_status" -lt 124 ] || pw_remove_containers
  for pw_path in "$pw_work"/*-run-*/libpod/tmp/pause.pid; do
    [ -e "$pw_path" ] && kill "$(cat "$pw_path")" 2>/dev/null
  done
  grep -qF " $pw_work/" /proc/mounts 2>/dev/null || rm -rf "$pw_work"
}

# The authorities of a build are believed by nobody else: neither by the next one in this pod nor after
# a kill. A directory of a host that is left would hide the certificates that are mounted for it.
pw_forget_authorities() { # process id of the script that ends, '' for all that have ended
  for pw_path in "${HOME:-}"/.config/containers/certs.d/*/podwright.*.crt; do
    pw_owner=${pw_path##*/podwright.} pw_owner=${pw_owner%.crt}
    [ -e "$pw_path" ] || continue
    [ "$pw_owner" = "$1" ] || ! pw_alive "$pw_owner" || continue
    rm -f "$pw_path"
    pw_place=${pw_path%/*}
    for pw_other in "$pw_place"/*.crt; do
      [ -e "$pw_other" ] || rm -f "$pw_place/client.cert" "$pw_place/client.key"
    done
    rmdir "$pw_place" 2>/dev/null
  done
}

pw_remove_containers() {
  [ -e "$PW_TMP/began" ] || return 0
  for pw_stat in /proc/[0-9]*/comm; do
    { read -r pw_line <"$pw_stat"; } 2>/dev/null || continue
    [ "$pw_line" = "$pw_tool" ] || continue
    pw_place=$(readlink "${pw_stat%comm}ns/mnt") || continue
    [ "$pw_place" != "$(readlink /proc/self/ns/mnt)" ] || return 0
  done
  case $pw_tool in buildah) pw_store=store ;; *) pw_store=Store ;; esac
  pw_store=$("$pw_tool" info --format "{{.$pw_store.GraphRoot}}" 2>/dev/null)
  # The directory of a container changes when it is made, and not again.
  for pw_path in "$pw_store"/*-containers/*/; do
    # shellcheck disable=SC3013 # all shells of builders have it
    [ "$pw_path" -nt "$PW_TMP/began" ] || continue
    pw_line=${pw_path%/} pw_line=${pw_line##*/}
    # Podman removes what is mounted by force only; Buildah knows no such flag.
    "$pw_tool" rm --force "$pw_line" >/dev/null 2>&1 || "$pw_tool" rm "$pw_line" >/dev/null 2>&1
  done
}

# A build adds to the list of its name, so what an earlier build on the same storage left under that
# name, a list or an image, would become part of this one or make it fail.
pw_forget() { # program, name
  "$1" manifest rm "$2" >/dev/null 2>&1 || "$1" rmi "$2" >/dev/null 2>&1 || :
}

# Looks for newer bases (one that is not in its registry may be an image of this storage) and
# chooses the format: what the OCI one has no place for may come from a base as well. Podman does
# not tell what a base has, but only docker's format has it.
pw_bases() { # look for newer ones (yes or no), format, flags of pull, --, images
  pw_pull=$1 pw_format=$2 pw_flags=
  shift 2
  while [ "$1" != -- ]; do
    pw_flags="$pw_flags $1"
    shift
  done
  shift
  case $pw_tool in
    buildah)
      pw_flags="--policy ifnewer$pw_flags" pw_none='<nil>[][]'
      pw_has='{{with .Docker.Config}}{{.Healthcheck}}{{.Shell}}{{.OnBuild}}{{end}}'
      ;;
    *)
      [ ! -e "${CONTAINERS_STORAGE_CONF:-}.newer" ] || pw_flags="--policy newer$pw_flags"
      pw_has='{{.ManifestType}}' pw_none=application/vnd.oci.image.manifest.v1+json
      ;;
  esac
  for pw_base in "$@"; do
    pw_id=
    if [ "$pw_pull" = yes ] || ! pw_config_of "$pw_base" >/dev/null; then
      # shellcheck disable=SC2086 # a list of words
      pw_id=$("$pw_tool" pull --quiet $pw_flags "$pw_base" 2>/dev/null 3>&-)
    fi
    # A pod knows where its images are (storage.sh): for one in the OCI format nobody need be asked.
    grep -qs 'application/vnd\.oci\.image\.manifest' "${pw_images:-}/${pw_id:-none}/manifest" && continue
    pw_config=$(pw_config_of "$pw_base") || continue
    [ "$pw_config" = "$pw_none" ] || pw_format=docker
  done
}

pw_config_of() { # image
  case $pw_tool in
    buildah) buildah inspect --type image --format "$pw_has" "$1" ;;
    *) "$pw_tool" image inspect --format "$pw_has" "$1" ;;
  esac 2>/dev/null 3>&-
}

# Before Buildah 1.41 a list loses platforms whose images are alike (containers/buildah#6269).
pw_check_list() { # program, name, how many platforms
  pw_count=$("$1" manifest inspect "$2" 2>/dev/null | grep -c '"architecture"')
  [ "$pw_count" = "$3" ] ||
    pw_fail 1 "platforms: $3 were asked for and $1 has made a list of $pw_count; \
use a newer $1 (Buildah 1.41), or cache: false"
}

# Ids of layers, the six lines of each push, and podwright's own labels say nothing to a reader.
pw_show() {
  if echo | grep -a --line-buffered '^' >/dev/null 2>&1; then
    LC_ALL=C grep -a --line-buffered -Ev '^--> [0-9a-f]{8,64}$|^[0-9a-f]{64}$|^\[Warning\] one or more build args were not consumed: \[TARGET[A-Z ]*\]$|^(\[[0-9/]+\] )?(COMMIT |STEP [0-9/]+: LABEL "org\.opencontainers\.image\.)|^Successfully tagged |level=warning msg="\\"/\\" is not a shared mount|^Getting image source signatures$|^Copying (blob|config) |^Writing manifest |^Storing signatures$'
  else
    cat
  fi
}

PW_CONTEXT='{"host": "registry.example", "pull": {}, "push": {}, "known": true, "allowed": ["buildah", "buildkit", "dind", "dind-sidecar", "dood", "kaniko"]}'
pw_begin registry.example/team/app '"platforms": []'
pw_prepare podman
BUILDAH_ISOLATION=chroot TMPDIR="$pw_work" pw_bases yes oci --
pw_step build 'building registry.example/team/app' env BUILDAH_ISOLATION=chroot TMPDIR="$pw_work" podman build "$pw_once" "$pw_pausing" --isolation chroot --layers --identity-label=false --force-rm --format "$pw_format" --file Dockerfile --label org.opencontainers.image.source=https://git.example/team/app --label org.opencontainers.image.revision=0123456789abcdef0123456789abcdef01234567 --label org.opencontainers.image.ref.name=main --label org.opencontainers.image.created=2025-11-26T00:00:00Z --tag registry.example/team/app:0123456 .
pw_step push 'pushing registry.example/team/app:0123456' podman push "$pw_once" "$pw_pausing" --digestfile "$PW_TMP/digest" registry.example/team/app:0123456 docker://registry.example/team/app:0123456
pw_read_digest "$PW_TMP/digest" ''
pw_describe '' '{"registry": "registry.example", "path": "team/app", "setting": {}}'
pw_done '"image": "registry.example/team/app", "tags": ["0123456"], "pushed": true, "output": null' registry.example/team/app '^--> Using cache' true 0123456

printf '{"value":%s}\n' "$pw_results" >&3
