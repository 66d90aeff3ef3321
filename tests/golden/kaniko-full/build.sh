#!/bin/sh
PW_JOB=''
PW_STRATEGY=kaniko
PW_HIDE=
PW_RETRIES=3
PW_TIMEOUT=5400

# [prelude.sh]

# One build at a time: each unpacks its image over this container's root, and empties that before
# and afterwards.
pw_alone() {
  [ -z "${pw_layout:-}" ] || return 0
  pw_lock=/kaniko/podwright.lock
  [ -w /kaniko ] || pw_lock=/dev/shm/podwright.lock
  # A link is made by one of many, and says who has made it.
  until ln -s "$$" "$pw_lock" 2>/dev/null; do
    if ! pw_alive "$(readlink "$pw_lock")"; then
      rm -f "$pw_lock"
      continue
    fi
    [ -n "${pw_waits:-}" ] || pw_say "another build is at work in this container; waiting for it"
    pw_waits=yes
    pw_sleep 1
  done
  # On the workspace's volume, for the root is emptied; not in the workspace, where COPY . would find it.
  pw_layout=$(mktemp -d "${PW_JOB:-$PWD}/.podwright-layout.XXXXXX") ||
    pw_fail 1 "the workspace cannot be written; is its disk full?"
}

pw_cleanup() {
  [ -z "${pw_layout:-}" ] || rm -rf "$pw_layout"
  [ "$(readlink "${pw_lock:-/}")" != "$$" ] || rm -f "$pw_lock"
}

# What the executor does with its root and with snapshots says nothing to a reader.
pw_show() {
  pw_awk '
    /level=info msg="(Applying label|Building stage [^ ]+ [[]idx: .0.|No base image|Pushing image to|Args: |Built cross stage|Checking for cached|Cmd: |Creating directory|Deleting filesystem|Executing [0-9]+ build triggers|Performing slow lookup|Initializing snapshotter|LABEL org[.]opencontainers[.]|No files changed|Pushing layer|Resolved base|Retrieving image|Returning cached|Running: |Saving file|Skipping (paths|unpacking)|Squashing stages|Storing source|Taking snapshot|Unpacking rootfs|Using (dockerignore|files from context)|Util[.]Lookup|active feature flags|credential providers)/ { next }
    sub(/^time="[^"]*" level=info msg="/, "") { gsub(/\\"/, "\""); sub(/"$/, "") }
    { print; fflush() }'
}

# The fork reads the value of a label twice, as of 1.28: "say \"hi\"" becomes: say hi. What has quotes
# left once all values without inner quotes are taken away is told, for it would be lost in silence.
pw_quotes() { # Dockerfile
  command -v awk >/dev/null 2>&1 || return 0
  pw_line=$(awk '
    { label = inside || toupper($1) == "LABEL"; text = $0; inside = label && /\\[ \t]*$/ }
    label && !/^[ \t]*#/ {
      gsub(/"[^"\047\\]*"|\047[^"\047\\]*\047/, "", text)
      if (text ~ /["\047]/) { print NR; exit }
    }' "$1" 2>/dev/null)
  [ -z "$pw_line" ] ||
    pw_say "warning: line $pw_line of the Dockerfile: kaniko loses quotes and backslashes within the value of a label, or stops there; say it by 'labels'"
}

pw_archive() { # name
  # Entries such as ./ are refused by Syft and others that read archives.
  tar -cf "$1" -C "$pw_layout" oci-layout index.json blobs || pw_fail 1 "output: '$1' cannot be written; is the disk full?"
}

pw_need PW_1_USR 'credentials[0]'
pw_need PW_1_PSW 'credentials[0]'
pw_need PW_2_USR 'credentials[1]'
pw_need PW_2_PSW 'credentials[1]'
pw_need TOKEN 'secret '"'"'token'"'"''
pw_need PW_3 'secret '"'"'file'"'"''

pw_open_logins pull
pw_login pull https://index.docker.io/v1/ PW_1
pw_close_logins pull ''
pw_open_logins all
pw_login all https://index.docker.io/v1/ PW_1
pw_login all registry.example PW_2
pw_close_logins all ''
pw_say 'credentials[0]: nothing in this build names docker.io'
unset DOCKER_AUTH_CONFIG

PW_CONTEXT='{"host": "registry.example", "pull": {"docker.io": "pull"}, "push": {"registry.example": "push"}, "known": true, "allowed": ["buildah", "buildkit", "dind", "dind-sidecar", "dood", "podman"]}'
pw_begin registry.example/team/app '"platforms": []'
mkdir -p "$PW_TMP/certs"
cat >"$PW_TMP/certs/0.crt" <<'PODWRIGHT_END_OF_FILE'
-----BEGIN CERTIFICATE-----
ZXhhbXBsZQ==
-----END CERTIFICATE-----
PODWRIGHT_END_OF_FILE
pw_alone
pw_quotes /home/jenkins/agent/workspace/app/app/release.Dockerfile
pw_step none 'building registry.example/team/app' env KANIKO_PRE_CLEANUP=true FF_KANIKO_RESOLVE_CACHE_KEY=true FF_KANIKO_ROLLING_CACHE_KEY=true FF_KANIKO_HASH_DIR_FRAMING=true DOCKER_CONFIG="$PW_TMP/all" /kaniko/executor --context dir:///home/jenkins/agent/workspace/app/app --dockerfile /home/jenkins/agent/workspace/app/app/release.Dockerfile --log-format text --digest-file "$PW_TMP/digest" --push-retry 3 --image-download-retry 3 --cleanup --target release --build-arg VERSION=1.2 --build-arg 'GREETING=it'"'"'s $HOME, `here` and "there"
ä' --label org.opencontainers.image.source=https://git.example/team/app --label org.opencontainers.image.revision=0123456789abcdef0123456789abcdef01234567 --label org.opencontainers.image.ref.name=main --label 'org.opencontainers.image.title=the app' --label org.opencontainers.image.created=2025-11-26T00:00:00Z --secret id=token,env=TOKEN --secret id=settings,src=app/settings.txt --secret "id=file,src=$PW_3" --destination registry.example/team/app:1.2 --destination registry.example/team/app:latest --oci-layout-path "$pw_layout" --cache=true --cache-repo=registry.example/team/app-cache --cache-copy-layers --registry-certificate "registry.example=$PW_TMP/certs/0.crt" --insecure-registry plain.example:5000
pw_archive app.tar
pw_read_digest "$PW_TMP/digest" ''
pw_describe all '{"registry": "registry.example", "path": "team/app", "setting": {"ca": "-----BEGIN CERTIFICATE-----\nZXhhbXBsZQ==\n-----END CERTIFICATE-----\n"}}'
pw_logout push
pw_done '"image": "registry.example/team/app", "tags": ["1.2", "latest"], "pushed": true, "output": "app.tar"' registry.example/team/app 'Using caching version of cmd' true '1.2, latest'

printf '{"value":%s}\n' "$pw_results" >&3
