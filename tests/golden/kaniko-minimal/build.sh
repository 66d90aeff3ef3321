#!/bin/sh
PW_JOB=''
PW_STRATEGY=kaniko
PW_RETRIES=5
PW_TIMEOUT=7200

# [prelude.sh]

pw_begin registry.example/team/app
pw_step none 'building registry.example/team/app' /kaniko/executor --context dir:///home/jenkins/agent/workspace/app --dockerfile /home/jenkins/agent/workspace/app/Dockerfile --log-format text --digest-file "$PW_TMP/digest" --push-retry 5 --image-download-retry 5 --label org.opencontainers.image.source=https://git.example/team/app --label org.opencontainers.image.revision=0123456789abcdef0123456789abcdef01234567 --label org.opencontainers.image.ref.name=main --label org.opencontainers.image.url=https://jenkins.example/job/app/7/ --label org.opencontainers.image.created=2025-11-26T00:00:00Z --destination registry.example/team/app:0123456
pw_read_digest "$PW_TMP/digest" ''
pw_done '"image": "registry.example/team/app", "tags": ["0123456"], "platforms": [], "pushed": true, "output": null' registry.example/team/app 'Using caching version of cmd' true 0123456

printf '{"value":%s}\n' "$pw_results" >&3
