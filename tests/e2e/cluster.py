"""Bring up and tear down a single-node Kubernetes with a registry, from packages alone.

    python3 tests/e2e/cluster.py up          # prints the path of the kubeconfig
    python3 tests/e2e/cluster.py status
    python3 tests/e2e/cluster.py exec -- ctr -n k8s.io containers ls
    python3 tests/e2e/cluster.py down        # also after an interrupted `up`
    python3 tests/e2e/cluster.py leftovers   # what `down` should have removed; 1 when there is any

The node lives in PID, mount, network, IPC and host name namespaces of its own (see `node.py`), so
nothing it does can stay behind on the machine but one directory and the cgroups of one name.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE)]

import binaries  # noqa: E402 - after the path is set
import standins  # noqa: E402
from layout import (  # noqa: E402
    API_PORT,
    CGROUP,
    GATEWAY,
    HOST_IP,
    KUBECONFIG,
    LINK,
    NODE,
    NODE_IP,
    PEER,
    POD_NET,
    REGISTRY,
    REGISTRY_PASSWORD,
    REGISTRY_USER,
    STATE,
    TOKENS,
)
from node import cgroups  # noqa: E402

PKI = STATE / "pki"
WAIT = 300  # seconds for each thing that is waited for; only a machine that hangs needs them


def run(*command: str, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run a command to its end.

    Raises:
        SystemExit: it failed; with its output.
    """
    done = subprocess.run(command, text=True, capture_output=True, check=False, **more)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def wait(what: str, ready: Any, seconds: float = WAIT) -> None:
    """Wait until something is true.

    Raises:
        SystemExit: it did not become true; with the ends of the logs.
    """
    until = time.monotonic() + seconds
    while not ready():
        dead = " ended: " in (STATE / "log" / "node.log").read_text()
        if time.monotonic() > until or dead or not alive():
            raise SystemExit(f"{what}: not within {seconds:.0f} s, or a daemon ended\n{logs()}")
        time.sleep(0.1)


def logs(lines: int = 8) -> str:
    """Give the ends of the logs."""
    text = []
    for file in sorted((STATE / "log").glob("*.log")):
        end = file.read_text(errors="replace").splitlines()[-lines:]
        text += [f"== {file}", *end]
    return "\n".join(text)


def certificates() -> None:
    """Make a certificate authority, and certificates for the API, the kubelet and the registry."""
    PKI.mkdir()
    _key("ca")
    run(
        *("openssl", "req", "-x509", "-new", "-key", f"{PKI}/ca.key", "-days", "30"),
        *("-subj", "/CN=podwright tests", "-out", f"{PKI}/ca.crt"),
    )
    local = "DNS:localhost,IP:127.0.0.1"
    _certificate("api", "/CN=api", f"IP:{NODE_IP},DNS:kubernetes.default.svc,{local}")
    _certificate("kubelet", f"/CN={NODE}", f"IP:{NODE_IP},DNS:{NODE}")
    _certificate("registry", "/CN=registry", f"IP:{GATEWAY},DNS:registry.podwright.test")
    _certificate("api-client", "/O=system:masters/CN=api", "DNS:api")
    run("openssl", "genrsa", "-out", f"{PKI}/accounts.key", "2048")
    hashed = run("htpasswd", "-niBC", "5", REGISTRY_USER, input=REGISTRY_PASSWORD).stdout
    (PKI / "htpasswd").write_text(hashed)
    (PKI / "trust").mkdir()
    shutil.copy(PKI / "ca.crt", PKI / "trust" / "ca.crt")


def _key(name: str) -> None:
    run(
        *("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"),
        *("-out", f"{PKI}/{name}.key"),
    )


def _certificate(name: str, subject: str, alternatives: str) -> None:
    _key(name)
    extensions = PKI / f"{name}.ext"
    extensions.write_text(f"subjectAltName={alternatives}\n")
    run(
        *("openssl", "req", "-new", "-key", f"{PKI}/{name}.key", "-subj", subject),
        *("-out", f"{PKI}/{name}.csr"),
    )
    run(
        *("openssl", "x509", "-req", "-in", f"{PKI}/{name}.csr", "-CA", f"{PKI}/ca.crt"),
        *("-CAkey", f"{PKI}/ca.key", "-CAcreateserial", "-days", "30"),
        *("-out", f"{PKI}/{name}.crt", "-extfile", str(extensions)),
    )


def credentials() -> None:
    """Make a token and a kubeconfig for each client of the API."""
    lines = []
    for name, (user, group) in TOKENS.items():
        token = secrets.token_hex(16)
        lines.append(f'{token},{user},{user},"{group}"\n')
        server = {
            "server": f"https://{NODE_IP}:{API_PORT}",
            "certificate-authority": f"{PKI}/ca.crt",
        }
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "e2e", "cluster": server}],
            "users": [{"name": "e2e", "user": {"token": token}}],
            "contexts": [{"name": "e2e", "context": {"cluster": "e2e", "user": "e2e"}}],
            "current-context": "e2e",
        }
        file = KUBECONFIG if name == "admin" else STATE / f"kubeconfig-{name}"
        file.write_text(json.dumps(config, indent=1))
        file.chmod(0o600)
    (PKI / "tokens.csv").write_text("".join(lines))


def node_pid() -> int:
    """Give the process id of the node's process 1 as the host sees it, 0 when it does not run."""
    with contextlib.suppress(OSError, ValueError):
        outer = int((STATE / "pid").read_text())
        if not _is_outer(outer):
            return 0
        children = Path(f"/proc/{outer}/task/{outer}/children").read_text().split()
        return int(children[0]) if children else 0
    return 0


def _is_outer(pid: int) -> bool:
    """Say whether a process holds a node's namespaces, whichever checkout has started it."""
    with contextlib.suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
        return words[0] == "unshare" and words[-2].endswith("/tests/e2e/node.py")
    return False


def alive() -> bool:
    """Say whether the node runs."""
    return node_pid() != 0


def spawn() -> None:
    """Start the node in namespaces of its own, and connect its network."""
    (STATE / "log").mkdir()
    with (STATE / "log" / "node.log").open("ab") as log:
        outer = subprocess.Popen(
            [
                "unshare",
                *("--mount", "--pid", "--net", "--ipc", "--uts", "--fork", "--mount-proc"),
                *("--kill-child=SIGKILL", "--propagation", "private"),
                *(sys.executable, "-I", str(HERE / "node.py")),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    (STATE / "pid").write_text(str(outer.pid))
    until = time.monotonic() + WAIT
    while not alive() and time.monotonic() < until:
        time.sleep(0.02)
    run("ip", "link", "add", LINK, "type", "veth", "peer", "name", PEER)
    run("ip", "link", "set", PEER, "netns", str(node_pid()))
    run("ip", "addr", "add", f"{HOST_IP}/30", "dev", LINK)
    run("ip", "link", "set", LINK, "up")
    run("ip", "route", "add", POD_NET, "via", NODE_IP)


def kubectl(*words: str, check: bool = True, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run kubectl with the cluster's kubeconfig."""
    command = [str(binaries.path("kubectl")), f"--kubeconfig={KUBECONFIG}", *words]
    if check:
        return run(*command, **more)
    return subprocess.run(command, text=True, capture_output=True, check=False, **more)


def inside(*command: str, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run a command in the node."""
    return run(*enter(), *command, **more)


def answers(*command: str) -> bool:
    """Say whether a command succeeds in the node."""
    return not subprocess.run([*enter(), *command], capture_output=True, check=False).returncode


def enter() -> list[str]:
    """Give the words before a command that shall run in the node."""
    path = f"PATH={STATE / 'bin'}:{os.environ['PATH']}"
    return ["nsenter", "-t", str(node_pid()), "-m", "-p", "-n", "-u", "-i", "env", path]


def up(note: Callable[[str], None] = lambda _: None) -> None:
    """Bring the cluster up; what is there already is left alone.

    Args:
        note: is called at the end of each part, with the part's name.
    """
    if alive() and (STATE / "up").exists():
        return
    binaries.ensure(set(binaries.usual()))
    note("programs")
    images = standins.ensure()
    note("images")
    begin = time.monotonic()
    down()
    STATE.mkdir(mode=0o711, parents=True)
    STATE.chmod(0o711)
    certificates()
    credentials()
    spawn()
    wait("the API server", lambda: kubectl("get", "--raw=/readyz", check=False).returncode == 0)
    (STATE / "api-ready").write_text("")
    wait(
        "containerd",
        lambda: answers("ctr", "version"),
    )
    inside("ctr", "-n", "k8s.io", "images", "import", str(images / "images.tar"))
    wait("the node", _node_ready)
    wait("the default service account", _account)
    wait(
        "the node's engine",
        lambda: answers("docker", "version"),
    )
    for name in (standins.BUSYBOX, standins.CAPABLE):
        push(images / "layout", name, f"{REGISTRY}/{name.split('/', 1)[1]}")
    (STATE / "up").write_text("")
    note("cluster")
    print(f"cluster up in {time.monotonic() - begin:.0f} s", file=sys.stderr)


def _node_ready() -> bool:
    path = "jsonpath={.items[0].status.conditions[?(@.type=='Ready')].status}"
    return kubectl("get", "nodes", "-o", path, check=False).stdout == "True"


def _account() -> bool:
    return kubectl("get", "serviceaccount", "default", check=False).returncode == 0


def push(layout: Path, name: str, to: str) -> None:
    """Push an image of a layout to the cluster's registry."""
    run(
        *("skopeo", "--insecure-policy", "copy", f"--dest-cert-dir={PKI / 'trust'}"),
        f"--dest-creds={REGISTRY_USER}:{REGISTRY_PASSWORD}",
        *(f"oci:{layout}:{name}", f"docker://{to}"),
    )


def down() -> None:
    """Tear down whatever there is."""
    pid = node_pid()
    if pid:
        os.kill(pid, signal.SIGTERM)
        until = time.monotonic() + 10
        while alive() and time.monotonic() < until:
            time.sleep(0.05)
    # All of them: nodes of other checkouts would go on writing below what is removed here.
    for outer in [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]:
        if _is_outer(outer):
            os.kill(outer, signal.SIGKILL)  # takes the node with it
    subprocess.run(["ip", "link", "del", LINK], capture_output=True, check=False)
    until = time.monotonic() + 30
    while not _remove_cgroups() and time.monotonic() < until:
        time.sleep(0.1)
    if STATE.exists():
        shutil.rmtree(STATE)
    for folder in temporaries():
        shutil.rmtree(folder, ignore_errors=True)
    for place in ("/var/lib/cni", "/etc/docker"):  # mount points that the node needed
        with contextlib.suppress(OSError):
            Path(place).rmdir()


def _remove_cgroups() -> bool:
    """Remove the cluster's cgroups; the kernel refuses while a process is in one."""
    whole = True
    for root in cgroups():
        top = root / CGROUP
        folders = [Path(folder) for folder, _, _ in os.walk(top, topdown=False)]
        for folder in folders:
            try:
                folder.rmdir()
            except OSError:
                whole = False
    return whole


def temporaries() -> list[Path]:
    """List temporary directories of the tests that are nobody's any more, or this process' own."""
    found = []
    for folder in Path(tempfile.gettempdir()).glob("podwright-*"):
        owner = re.match(r"podwright-(?:e2e|go)-(\d+)-", folder.name)
        if owner and (int(owner[1]) == os.getpid() or not Path(f"/proc/{owner[1]}").exists()):
            found.append(folder)
    return found


def leftovers() -> list[str]:
    """List what is left of a cluster that was torn down."""
    found = []
    if STATE.exists():
        found.append(f"directory {STATE}")
    found += [f"cgroup {root / CGROUP}" for root in cgroups() if (root / CGROUP).exists()]
    for line in Path("/proc/self/mounts").read_text().splitlines():
        if str(STATE) in line or "podwright-e2e" in line:
            found.append(f"mount {line.split()[1]}")
    for link in Path("/sys/class/net").iterdir():
        if link.name.startswith("pwe2e"):
            found.append(f"network device {link.name}")
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if str(STATE) in words and int(process.name) != os.getpid():
                found.append(f"process {process.name} {words[:80]}")
    return found + [f"temporary {folder}" for folder in temporaries()]


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("verb", choices=("up", "down", "status", "exec", "leftovers"))
    parser.add_argument("words", nargs="*")
    options = parser.parse_args()
    if options.verb == "up":
        try:
            up()
        except BaseException:
            if not os.environ.get("PODWRIGHT_E2E_KEEP"):
                down()
            raise
        print(KUBECONFIG)
    elif options.verb == "down":
        down()
    elif options.verb == "status":
        print(f"up, KUBECONFIG={KUBECONFIG}" if (STATE / "up").exists() and alive() else "down")
        return 0 if alive() else 1
    elif options.verb == "exec":
        os.execvp("nsenter", [*enter(), *options.words])  # noqa: S606 - it replaces this program
    else:
        found = leftovers()
        print("\n".join(found) or "nothing is left")
        return 1 if found else 0
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
