"""Runs in a pod whose profiles are left to the node, and says what that allows.

The source travels in the pod's command; nothing but the standard library is there.
"""

import ctypes
import json
import os
import pathlib

NEW_USER_AND_MOUNTS = 0x10020000


def read(path: str) -> str:
    """Give the first line of a file, '' without one."""
    try:
        return pathlib.Path(path).read_text(encoding="utf-8").strip("\0\n").split("\n")[0]
    except (OSError, ValueError):
        return ""


def namespaces() -> str:
    """Make a user namespace and a mount in it, as rootless builders do; gives what refuses it."""
    libc = ctypes.CDLL(None, use_errno=True)
    user = os.getuid()
    if libc.unshare(NEW_USER_AND_MOUNTS):
        return f"unshare: {os.strerror(ctypes.get_errno())}"
    try:
        pathlib.Path("/proc/self/uid_map").write_text(f"0 {user} 1", encoding="utf-8")
    except OSError as error:
        return f"uid_map: {error.strerror}"
    if libc.mount(b"tmpfs", b"/tmp", b"tmpfs", 0, None):
        return f"mount: {os.strerror(ctypes.get_errno())}"
    return ""


def status(key: str) -> str:
    """Give a field of this process' status."""
    text = pathlib.Path("/proc/self/status").read_text(encoding="utf-8")
    return next((line.split()[1] for line in text.split("\n") if line.startswith(f"{key}:")), "")


if __name__ == "__main__":
    facts = {
        "kernel": os.uname().release,
        "cgroup": 2 if pathlib.Path("/sys/fs/cgroup/cgroup.controllers").exists() else 1,
        "seccomp": status("Seccomp") == "2",
        "lsm": read("/proc/self/attr/current"),
        "max_user_namespaces": read("/proc/sys/user/max_user_namespaces"),
        "restrict_userns": read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"),
        "proxy": sorted(name for name in os.environ if name.lower().endswith("_proxy")),
        "refused": namespaces(),
    }
    print(json.dumps(facts))  # noqa: T201 - it is read from the pod's log
