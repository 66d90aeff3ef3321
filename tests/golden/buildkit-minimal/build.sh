#!/bin/sh
PW_JOB=''
PW_STRATEGY=buildkit
PW_HIDE=
PW_RETRIES=5
PW_TIMEOUT=7200

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

PW_CONTEXT='{"host": "registry.example", "pull": {}, "push": {}, "known": true, "allowed": ["buildah", "dind", "dind-sidecar", "dood", "kaniko", "podman"]}'
pw_begin registry.example/team/app '"platforms": []'
pw_step build 'building registry.example/team/app' buildctl build --progress plain --frontend dockerfile.v0 --local context=. --local dockerfile=. --opt filename=Dockerfile --opt label:org.opencontainers.image.source=https://git.example/team/app --opt label:org.opencontainers.image.revision=0123456789abcdef0123456789abcdef01234567 --opt label:org.opencontainers.image.ref.name=main --opt label:org.opencontainers.image.created=2025-11-26T00:00:00Z --metadata-file "$PW_TMP/metadata.json" --output 'type=image,"name=registry.example/team/app:0123456",push=true,oci-mediatypes=true'
pw_read_digest "$PW_TMP/metadata.json" containerimage.digest
pw_describe '' '{"registry": "registry.example", "path": "team/app", "setting": {}}'
pw_done '"image": "registry.example/team/app", "tags": ["0123456"], "pushed": true, "output": null' registry.example/team/app '^#[0-9]+ CACHED' true 0123456

printf '{"value":%s}\n' "$pw_results" >&3
