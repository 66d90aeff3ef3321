# Starts the Docker Engine of a pod: after it has made sure that nobody else uses its storage and
# that its storage driver works there. Environment: PODWRIGHT_STORAGE_DRIVER (may be empty),
# PODWRIGHT_LOCK_WAIT (seconds). Arguments: the command that becomes the engine; flags of dockerd are
# added to it.
set -eu
root=/var/lib/docker
mkdir -p "$root"

say() { echo "podwright: $*" >&2; }

# A second engine on one storage corrupts it silently. The lock is held by this process and those
# that it becomes, so it ends with the engine, however that dies.
exec 9>"$root/podwright.lock"
left=$PODWRIGHT_LOCK_WAIT
until flock -n 9; do # busybox' flock knows no -w
  [ "$left" -lt "$PODWRIGHT_LOCK_WAIT" ] ||
    say "another engine uses this storage; waiting up to $left s for it to end"
  if [ "$left" -le 0 ]; then
    say "ERROR: the storage at $root is still used by another engine; give each pod its own volume, or build one at a time with this claim"
    exit 1
  fi
  left=$((left - 1))
  sleep 1
done

# overlay on overlay is refused by the kernel: dockerd would fail late or fall back to vfs, which
# copies every layer.
works() { # driver
  case $1 in
    overlay2 | overlay | overlayfs)
      mkdir -p "$root/.try/l" "$root/.try/u" "$root/.try/w" "$root/.try/m"
      result=1
      if mount -t overlay overlay -o "lowerdir=$root/.try/l,upperdir=$root/.try/u,workdir=$root/.try/w" "$root/.try/m" 2>/dev/null; then
        umount "$root/.try/m"
        result=0
      fi
      rm -rf "$root/.try"
      return $result
      ;;
    vfs) return 0 ;;
    fuse-overlayfs) [ -c /dev/fuse ] && command -v fuse-overlayfs >/dev/null ;;
    btrfs | zfs) [ "$(stat -f -c %T "$root" 2>/dev/null)" = "$1" ] ;;
    *) return 1 ;;
  esac
}

driver=$PODWRIGHT_STORAGE_DRIVER
if [ -n "$driver" ] && ! works "$driver"; then
  say "ERROR: the storage driver '$driver' cannot work on $root ($(stat -f -c %T "$root" 2>/dev/null || echo unknown) file system); leave the driver out, or mount a volume of a file system that it supports"
  exit 1
fi
if [ -z "$driver" ] && ! works overlay2; then
  say "WARNING: overlay cannot work on $root, so the engine copies every layer (vfs): slow and large; mount a volume (emptyDir or a claim) there"
  driver=vfs
fi

# The pod network's packets are often smaller than dockerd's 1500: downloads in RUN would hang.
link=$(sed -n 's/^\([a-z0-9]*\)\t00000000\t.*/\1/p' /proc/net/route | head -n 1)
mtu=$(cat "/sys/class/net/${link:-eth0}/mtu" 2>/dev/null || echo 1500)
set -- "$@" "--mtu=$mtu"
[ -z "$driver" ] || set -- "$@" "--storage-driver=$driver"
exec "$@"
