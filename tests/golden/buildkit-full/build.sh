#!/bin/sh
PW_JOB=''
PW_STRATEGY=buildkit
PW_HIDE=
PW_RETRIES=3
PW_TIMEOUT=5400

# [prelude.sh]

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

PW_CONTEXT='{"host": "registry.example", "pull": {"docker.io": "pull"}, "push": {"registry.example": "push"}, "known": true, "allowed": ["buildah", "dind", "dind-sidecar", "dood", "kaniko", "podman"]}'
pw_begin registry.example/team/app '"platforms": ["linux/amd64", "linux/arm64"]'
pw_step build 'building registry.example/team/app' env DOCKER_CONFIG="$PW_TMP/all" buildctl build --progress plain --frontend dockerfile.v0 --local context=app --local dockerfile=app --opt filename=release.Dockerfile --opt target=release --opt build-arg:VERSION=1.2 --opt 'build-arg:GREETING=it'"'"'s $HOME, `here` and "there"
ä' --opt label:org.opencontainers.image.source=https://git.example/team/app --opt label:org.opencontainers.image.revision=0123456789abcdef0123456789abcdef01234567 --opt label:org.opencontainers.image.ref.name=main --opt 'label:org.opencontainers.image.title=the app' --opt label:org.opencontainers.image.created=2025-11-26T00:00:00Z --opt platform=linux/amd64,linux/arm64 --secret id=token,env=TOKEN --secret id=settings,src=app/settings.txt --secret "id=file,src=$PW_3" --ssh "default=$SSH_AUTH_SOCK" --ssh "key=$PW_4" --import-cache=type=registry,ref=registry.example/team/app-cache --export-cache=type=registry,ref=registry.example/team/app-cache,mode=max,ignore-error=true --metadata-file "$PW_TMP/metadata.json" --output type=oci,dest=app.tar,name=registry.example/team/app:1.2 --output 'type=image,"name=registry.example/team/app:1.2,registry.example/team/app:latest",push=true,oci-mediatypes=true'
pw_read_digest "$PW_TMP/metadata.json" containerimage.digest
pw_describe all '{"registry": "registry.example", "path": "team/app", "setting": {"ca": "-----BEGIN CERTIFICATE-----\nZXhhbXBsZQ==\n-----END CERTIFICATE-----\n"}}'
pw_logout push
pw_done '"image": "registry.example/team/app", "tags": ["1.2", "latest"], "pushed": true, "output": "app.tar"' registry.example/team/app '^#[0-9]+ CACHED' true '1.2, latest'

printf '{"value":%s}\n' "$pw_results" >&3
