#!/bin/sh
PW_JOB=''
PW_STRATEGY=kaniko
PW_RETRIES=3
PW_TIMEOUT=5400

# [prelude.sh]

pw_need PW_1_USR 'credentials[0]'
pw_need PW_1_PSW 'credentials[0]'
pw_need PW_2_USR 'credentials[1]'
pw_need PW_2_PSW 'credentials[1]'
pw_need TOKEN 'secret '"'"'token'"'"''
pw_need PW_3 'secret '"'"'file'"'"''

pw_login pull https://index.docker.io/v1/ PW_1
pw_login all https://index.docker.io/v1/ PW_1
pw_login push registry.example PW_2
pw_login all registry.example PW_2
unset DOCKER_AUTH_CONFIG

pw_begin registry.example/team/app
mkdir -p "$PW_TMP/certs"
cat >"$PW_TMP/certs/0.crt" <<'PODWRIGHT_END_OF_FILE'
-----BEGIN CERTIFICATE-----
ZXhhbXBsZQ==
-----END CERTIFICATE-----
PODWRIGHT_END_OF_FILE
pw_step none 'building registry.example/team/app' env DOCKER_CONFIG="$PW_TMP/all" /kaniko/executor --context dir:///home/jenkins/agent/workspace/app/app --dockerfile /home/jenkins/agent/workspace/app/app/release.Dockerfile --log-format text --digest-file "$PW_TMP/digest" --push-retry 3 --image-download-retry 3 --target release --build-arg VERSION=1.2 --build-arg 'GREETING=it'"'"'s $HOME, `here` and "there"
ä' --label org.opencontainers.image.source=https://git.example/team/app --label org.opencontainers.image.revision=0123456789abcdef0123456789abcdef01234567 --label org.opencontainers.image.ref.name=main --label org.opencontainers.image.url=https://jenkins.example/job/app/7/ --label 'org.opencontainers.image.title=the app' --label org.opencontainers.image.created=2025-11-26T00:00:00Z --secret id=token,env=TOKEN --secret id=settings,src=app/settings.txt --secret "id=file,src=$PW_3" --destination registry.example/team/app:1.2 --destination registry.example/team/app:latest --tar-path app.tar --cache=true --cache-repo registry.example/team/app-cache --cache-copy-layers --registry-certificate "registry.example=$PW_TMP/certs/0.crt" --insecure-registry plain.example:5000
pw_read_digest "$PW_TMP/digest" ''
pw_done '"image": "registry.example/team/app", "tags": ["1.2", "latest"], "platforms": [], "pushed": true, "output": "app.tar"' registry.example/team/app 'Using caching version of cmd' true '1.2, latest'

printf '{"value":%s}\n' "$pw_results" >&3
