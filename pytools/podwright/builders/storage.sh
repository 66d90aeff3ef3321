# Begins the container of Buildah or Podman, whose name is $1: chooses how layers are stored below "$0".
#
# overlay shares files between layers, vfs copies all of them at each step. Whether overlay works
# without a privilege depends on the kernel, the volume and the node's profiles, so a small build tries;
# who comes before its end has vfs. Programs find the answer by CONTAINERS_STORAGE_CONF.

trap 'exit 143' TERM
pw_conf=$CONTAINERS_STORAGE_CONF
pw_write() { # driver
  {
    printf '[storage]\ndriver = "%s"\n' "$1"
    # Who is not root has directories of its own.
    [ "$(id -u)" != 0 ] || printf 'graphroot = "%s"\nrunroot = "/run/containers/storage"\n' "$pw_store"
    echo '[storage.options]'
    grep '^additionalimagestores' /etc/containers/storage.conf
  } >"$pw_conf.new" 2>/dev/null
  mv "$pw_conf.new" "$pw_conf"
  echo "$pw_store/$1-images" >"$pw_conf.images"
}
pw_overlay() { # program
  # What is there already stays to be found.
  [ ! -e "$pw_store/vfs-images" ] && pw_try=$(mktemp -d "$pw_store/podwright-try.XXXXXX") || return 1
  printf 'FROM scratch\nCOPY Dockerfile /\n' >"$pw_try/Dockerfile"
  # Podman's first call leaves a process behind that RUN steps can look into: so it knows nothing.
  set -- env -i PATH="$PATH" HOME="${HOME:-/}" ${XDG_RUNTIME_DIR:+"XDG_RUNTIME_DIR=$XDG_RUNTIME_DIR"} \
    CONTAINERS_STORAGE_CONF=/dev/null PODMAN_IGNORE_CGROUPSV1_WARNING=1 \
    "$1" --root "$pw_try/root" --runroot "$pw_try/run" --storage-driver overlay
  # What the pod is wanted for comes first: its first steps share this container's processors.
  command -v nice >/dev/null && set -- nice -n 19 "$@"
  "$@" build --isolation chroot --layers "$pw_try" 2>&1
  pw_ended=$?
  rm -rf "$pw_try" 2>/dev/null || { "$@" unshare rm -rf "$pw_try" && rm -rf "$pw_try"; } # its own locks
  # Without this mark Podman looks, once, whether containers on a claim are of a pod that is gone.
  rm -f "${XDG_RUNTIME_DIR:-/nonexistent}/libpod/tmp/alive"
  return "$pw_ended"
}
pw_store=$0
: >"$pw_conf.trying"
[ -z "${XDG_RUNTIME_DIR:-}" ] || (umask 077 && mkdir -p "$XDG_RUNTIME_DIR")
pw_write vfs
# Without the setgid bit of a claim, which would end up in images.
mkdir -p "$pw_store" && chmod g-s "$pw_store"
# Jenkins' agent starts at the same time, and nothing can be built before it has.
sleep 1
# Whether the program can be told how often to try, and to pull what is newer alone (containers.sh).
{
  "$1" push --help | grep -q -e '--retry ' && : >"$pw_conf.once"
  "$1" pull --help | grep -q newer && : >"$pw_conf.newer"
} 2>/dev/null &
if pw_said=$(pw_overlay "$1"); then
  pw_write overlay
else
  echo "podwright: layers are copied (vfs): ${pw_said:-$pw_store has them so}" >&2
fi
wait
rm -f "$pw_conf.trying"
