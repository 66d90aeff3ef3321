#!/bin/sh
PW_JOB=''
PW_RETRIES=5
PW_TIMEOUT=7200

# [prelude.sh]

pw_begin registry.example/team/app
pw_step build 'building registry.example/team/app' env BUILDAH_ISOLATION=chroot buildah build --isolation chroot --layers --identity-label=false --force-rm --format oci --file Dockerfile --label org.opencontainers.image.source=https://git.example/team/app.git --label org.opencontainers.image.revision=0123456789abcdef0123456789abcdef01234567 --label org.opencontainers.image.ref.name=main --label org.opencontainers.image.url=https://jenkins.example/job/app/7/ --label "org.opencontainers.image.created=$(date -u +%Y-%m-%dT%H:%M:%SZ)" --tag registry.example/team/app:0123456 .
pw_step push 'pushing registry.example/team/app:0123456' buildah push --digestfile "$PW_TMP/digest" registry.example/team/app:0123456 docker://registry.example/team/app:0123456
pw_read_digest "$PW_TMP/digest" ''
pw_done '"image": "registry.example/team/app", "tags": ["0123456"], "platforms": [], "pushed": true, "output": null' registry.example/team/app '^--> (Using cache|Cache pulled from remote)' true

printf '{"value":%s}\n' "$pw_results" >&3
