#!/bin/sh
PW_JOB=''
PW_STRATEGY=dind-sidecar
PW_HIDE=
PW_RETRIES=3
PW_TIMEOUT=5400

# [prelude.sh]

# An engine that the pod has not waited for is asked now, beside what comes before the build.
pw_answers=
[ -e /run/podwright/answers ] || {
  docker version >/dev/null 2>&1 3>&- &
  pw_answers=$!
}

# shellcheck disable=SC2317 # it takes the place of the prelude's
pw_cleanup() { # an engine that hangs answers nobody
  [ -z "$pw_answers" ] || kill "$pw_answers" 2>/dev/null
}

# Where docker's images and packages have it (docker/cli cli-plugins/manager); asking takes a process,
# which starts another one. Elsewhere docker does not look for it. In a pod it is started without docker,
# which looks at all of its plugins before; on a machine docker may know another one.
pw_docker_has_buildx() {
  pw_path=$(command -v docker) || pw_path=
  case ${pw_path%/bin/docker} in
    /usr | /usr/local)
      for pw_kind in libexec lib; do
        pw_plugin=${pw_path%/bin/docker}/$pw_kind/docker/cli-plugins/docker-buildx
        [ -x "$pw_plugin" ] || continue
        [ ! -e /run/podwright/answers ] || pw_docker_buildx=$pw_plugin
        return 0
      done
      ;;
  esac
  docker buildx version >/dev/null 2>&1
}

pw_docker_mode='' pw_docker_buildx=
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

# By buildx the call that builds pushes as well: that is one process in place of three, and an engine with
# containerd's store does not unpack the image before somebody runs it. When pushing fails the image is
# built again, by the engine's cache, and pushed as other clients do, with tries of its own.
pw_docker_build() { # needs BuildKit, needs buildx, pushes (each yes or no), title, flags...
  [ -n "$pw_docker_mode" ] || pw_docker_client
  pw_buildkit=$1 pw_buildx=$2 pw_pushes=$3 pw_build_title=$4
  shift 4
  if [ "$pw_buildx" = yes ] && [ "$pw_docker_mode" != buildx ]; then
    pw_fail 1 "this docker has no buildx, which platforms, cache export, annotations, \
buildContexts and 'output' need; \
use the default image of the strategy"
  fi
  if [ "$pw_buildkit" = yes ] && [ "$pw_docker_mode" = classic ]; then
    pw_fail 1 "this docker has no BuildKit, which secrets and ssh need; \
use the default image of the strategy"
  fi
  rm -f "$PW_TMP/metadata.json" "$PW_TMP/iid"
  case $pw_docker_mode:$pw_docker_buildx in
    buildx:) set -- docker buildx build --progress plain --provenance=false "$@" ;;
    buildx:*) set -- "$pw_docker_buildx" build --progress plain --provenance=false "$@" ;;
    buildkit:*) set -- env DOCKER_BUILDKIT=1 docker build --progress plain "$@" ;;
    # Without --force-rm the container of a failed step stays in the engine.
    classic:*) set -- env DOCKER_BUILDKIT=0 docker build --force-rm "$@" ;;
  esac
  pw_pushed=
  if [ "$pw_pushes:$pw_docker_mode" = yes:buildx ]; then
    export BUILDX_METADATA_PROVENANCE=disabled # nobody reads it, and it is asked for
    pw_step build "$pw_build_title" "$@" --push --metadata-file "$PW_TMP/metadata.json"
    pw_read_digest "$PW_TMP/metadata.json" containerimage.digest
    if [ -n "$pw_digest" ]; then
      ! pw_docker_is_own || pw_pushed=yes
      return 0
    fi
  fi
  pw_pushes=no
  pw_step build "$pw_build_title" "$@"
}

# shellcheck disable=SC2317 # it takes the place of the prelude's
pw_suffices() {
  [ "$pw_kind:$pw_pushes" = build:yes ] && pw_said | grep -q '^#[0-9]* pushing '
}

# An engine with containerd's store pushes the image by its id, which is its digest. Another one pushes
# tags, and the digest is what the registry has then: the engine knows whether that is this image.
pw_docker_is_own() {
  pw_iid=$(cat "$PW_TMP/iid")
  [ "$pw_iid" != "$pw_digest" ] || return 0
  docker image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$pw_iid" 2>/dev/null |
    grep -q "@$pw_digest\$"
}

# shellcheck disable=SC2317 # a strategy may define its own instead
pw_docker_claim() { :; }
# shellcheck disable=SC2317 # a strategy may define its own instead
pw_docker_kept() { :; }

# The engine says the digest of what it pushed; the name in front of it is the tag.
pw_docker_push() { # reference
  if [ -z "$pw_pushed" ]; then
    pw_docker_claim "$1"
    pw_step push "pushing $1" docker push "$1"
    pw_digest=
    pw_set_digest "$(pw_said | sed -n 's/.*digest: \(sha256:[0-9a-f]*\) size:.*/\1/p' | tail -n 1)"
  fi
  pw_docker_kept "$1"
}
# How bytes are moved says nothing: what a step is, what it says and what went wrong does; and how much
# was sent, when that is ten megabytes or more.
# shellcheck disable=SC2317 # it takes the place of the prelude's
pw_show() {
  pw_awk '
    /^ *$/ { next }
    /^ *#[0-9]+ transferring context: ([0-9][0-9]+[.]?[0-9]*M|[0-9.]+G)B.* done/ { print; fflush(); next }
    /^ *#[0-9]+ (DONE|transferring |exporting |naming to |unpacking to |pushing |resolve |sha256:|extracting |writing |preparing |building with |[.][.][.]|[[]internal[]]|[[]auth[]])/ { next }
    /^The push refers to |^[0-9a-f]+: (Preparing|Waiting|Pushing|Pushed|Layer already exists|Mounted from )/ { next }
    /^[^ ]+: digest: sha256:[0-9a-f]+ size: [0-9]+$/ { next } # the last line of the build has it
    /^ ---> [0-9a-f]+$|^(Removing intermediate container|Successfully (built|tagged)) / { next }
    { print; fflush() }'
}

pw_need PW_1_USR 'credentials[0]'
pw_need PW_1_PSW 'credentials[0]'
pw_need PW_2_USR 'credentials[1]'
pw_need PW_2_PSW 'credentials[1]'
pw_need TOKEN 'secret '"'"'token'"'"''
pw_need PW_3 'secret '"'"'file'"'"''
pw_need SSH_AUTH_SOCK 'ssh '"'"'default'"'"''
pw_need PW_4 'ssh '"'"'key'"'"''

pw_open_logins pull
pw_login pull https://index.docker.io/v1/ PW_1
pw_close_logins pull ''
pw_open_logins all
pw_login all https://index.docker.io/v1/ PW_1
pw_login all registry.example PW_2
pw_close_logins all ''
pw_say 'credentials[0]: nothing in this build names docker.io'
unset DOCKER_AUTH_CONFIG

PW_CONTEXT='{"host": "registry.example", "pull": {"docker.io": "pull"}, "push": {"registry.example": "push"}, "known": true, "allowed": ["buildah", "buildkit", "dind", "dood", "kaniko", "podman"]}'
pw_begin registry.example/team/app '"platforms": ["linux/amd64", "linux/arm64"]'
DOCKER_CONFIG="$PW_TMP/all" pw_docker_build yes yes no 'building registry.example/team/app' --iidfile "$PW_TMP/iid" --file app/release.Dockerfile --target release --platform linux/amd64,linux/arm64 --build-arg VERSION=1.2 --build-arg 'GREETING=it'"'"'s $HOME, `here` and "there"
ä' --label org.opencontainers.image.source=https://git.example/team/app --label org.opencontainers.image.revision=0123456789abcdef0123456789abcdef01234567 --label org.opencontainers.image.ref.name=main --label 'org.opencontainers.image.title=the app' --label org.opencontainers.image.created=2025-11-26T00:00:00Z --secret id=token,env=TOKEN --secret id=settings,src=app/settings.txt --secret "id=file,src=$PW_3" --ssh "default=$SSH_AUTH_SOCK" --ssh "key=$PW_4" --tag registry.example/team/app:1.2 --tag registry.example/team/app:latest --cache-from=type=registry,ref=registry.example/team/app-cache --cache-to=type=registry,ref=registry.example/team/app-cache,mode=min,ignore-error=true --pull app
pw_step build 'writing app.tar' env DOCKER_CONFIG="$PW_TMP/pull" docker buildx build --progress plain --provenance=false --file app/release.Dockerfile --target release --platform linux/amd64,linux/arm64 --build-arg VERSION=1.2 --build-arg 'GREETING=it'"'"'s $HOME, `here` and "there"
ä' --label org.opencontainers.image.source=https://git.example/team/app --label org.opencontainers.image.revision=0123456789abcdef0123456789abcdef01234567 --label org.opencontainers.image.ref.name=main --label 'org.opencontainers.image.title=the app' --label org.opencontainers.image.created=2025-11-26T00:00:00Z --secret id=token,env=TOKEN --secret id=settings,src=app/settings.txt --secret "id=file,src=$PW_3" --ssh "default=$SSH_AUTH_SOCK" --ssh "key=$PW_4" --output type=oci,dest=app.tar,name=registry.example/team/app:1.2 app
pw_open_logins push
pw_login push registry.example PW_2
pw_close_logins push ''
unset DOCKER_AUTH_CONFIG
DOCKER_CONFIG="$PW_TMP/push" pw_docker_push registry.example/team/app:1.2
DOCKER_CONFIG="$PW_TMP/push" pw_docker_push registry.example/team/app:latest
pw_describe push '{"registry": "registry.example", "path": "team/app", "setting": {"ca": "-----BEGIN CERTIFICATE-----\nZXhhbXBsZQ==\n-----END CERTIFICATE-----\n"}}'
pw_logout push
pw_done '"image": "registry.example/team/app", "tags": ["1.2", "latest"], "pushed": true, "output": "app.tar"' registry.example/team/app '^#[0-9]+ CACHED|^ ---> Using cache' true '1.2, latest'

printf '{"value":%s}\n' "$pw_results" >&3
