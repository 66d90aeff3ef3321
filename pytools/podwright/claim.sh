# Begins the command of an engine whose storage is a directory on a volume claim: makes the directory,
# and waits for other pods that use it. "$0" is the directory.
say() { echo "podwright: $*" >&2; }

# Without the setgid bit, which fsGroup sets on the claim and which would end up in images.
if ! mkdir -p "$0" || ! chmod g-s "$0"; then
  say "ERROR: $(id -un 2>/dev/null || id -u) cannot write into $0; give the claim to user 1000"
  exit 1
fi

# The lock is held by this process and what it becomes, so it ends with that, however it dies.
exec 9>"$0.lock"
left=600
until flock -n 9; do # busybox' flock knows no -w
  [ "$left" -lt 600 ] || say "another pod uses this claim; waiting up to $left s for it to end"
  if [ "$left" -le 0 ]; then
    say "ERROR: the claim is still used by another pod; give each job its own, or build one at a time"
    exit 1
  fi
  left=$((left - 1))
  sleep 1
done
