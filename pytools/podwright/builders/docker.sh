# What the scripts of the Docker strategies call, after prelude.sh; these first lines stay behind.
#
# Three clients are out there: with buildx (all current images), older ones with BuildKit built in
# (18.09 to 22), and ones with neither, which can only ask for the engine's classic builder.

# An engine that the pod has not waited for is asked now, beside what comes before the build.
pw_answers=
[ -e @answers@ ] || {
  docker version >/dev/null 2>&1 3>&- &
  pw_answers=$!
}

# shellcheck disable=SC2317 # it takes the place of the prelude's
pw_cleanup() { # an engine that hangs answers nobody
  [ -z "$pw_answers" ] || kill "$pw_answers" 2>/dev/null
}

# Where docker's images and packages have it (docker/cli cli-plugins/manager); asking takes a process,
# which starts another one. Elsewhere docker does not look for it.
pw_docker_has_buildx() {
  pw_path=$(command -v docker) || pw_path=
  case ${pw_path%/bin/docker} in
    /usr | /usr/local)
      for pw_kind in libexec lib; do
        [ ! -x "${pw_path%/bin/docker}/$pw_kind/docker/cli-plugins/docker-buildx" ] || return 0
      done
      ;;
  esac
  docker buildx version >/dev/null 2>&1
}

pw_docker_mode=
pw_docker_client() {
  if pw_docker_has_buildx; then
    pw_docker_mode=buildx
  else
    case $(docker version --format '{{.Client.Version}}' 2>/dev/null) in
      18.09* | 19.* | 20.* | 21.* | 22.*) pw_docker_mode=buildkit ;;
      *) pw_docker_mode=classic ;;
    esac
  fi
  [ -z "$pw_answers" ] || wait "$pw_answers" ||
    pw_fail 1 "no Docker Engine answers at ${DOCKER_HOST:-unix:///var/run/docker.sock}; \
start one, or use a strategy without an engine"
  pw_answers=
}

pw_docker_build() { # needs BuildKit (yes or no), needs buildx (yes or no), title, flags...
  [ -n "$pw_docker_mode" ] || pw_docker_client
  pw_buildkit=$1 pw_buildx=$2 pw_build_title=$3
  shift 3
  if [ "$pw_buildx" = yes ] && [ "$pw_docker_mode" != buildx ]; then
    pw_fail 1 "this docker has no buildx, which platforms, cache export, annotations, \
buildContexts and 'output' need; \
use the default image of the strategy"
  fi
  if [ "$pw_buildkit" = yes ] && [ "$pw_docker_mode" = classic ]; then
    pw_fail 1 "this docker has no BuildKit, which secrets and ssh need; \
use the default image of the strategy"
  fi
  case $pw_docker_mode in
    buildx) set -- docker buildx build --progress plain --provenance=false "$@" ;;
    buildkit) set -- env DOCKER_BUILDKIT=1 docker build --progress plain "$@" ;;
    # Without --force-rm the container of a failed step stays in the engine.
    classic) set -- env DOCKER_BUILDKIT=0 docker build --force-rm "$@" ;;
  esac
  pw_step build "$pw_build_title" "$@"
}

# The engine says the digest of what it pushed; the name in front of it is the tag.
pw_docker_digest() {
  pw_set_digest "$(pw_said | sed -n 's/.*digest: \(sha256:[0-9a-f]*\) size:.*/\1/p' | tail -n 1)"
}
