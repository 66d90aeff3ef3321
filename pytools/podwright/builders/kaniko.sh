# What the scripts of kaniko call, after prelude.sh; these first lines stay behind.
# shellcheck disable=SC2034,SC2154 # the prelude and the recipe have the other halves

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
