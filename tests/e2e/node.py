"""Be the node: process 1 of private PID, mount and network namespaces, in which a cluster runs.

Started by `cluster.py up` only. Because everything below this process lives in its namespaces, the
end of this process is the end of every container, mount and network device of the cluster, however
it ends. What remains are files in one directory and cgroups below one name.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE)]

import binaries  # noqa: E402 - after the path is set
from layout import (  # noqa: E402
    API_PORT,
    BRIDGE,
    CGROUP,
    GATEWAY,
    NAMES,
    NODE,
    NODE_IP,
    PAUSE,
    PEER,
    PLAIN_REGISTRY,
    POD_NET,
    REGISTRY,
    SOCKET_GROUP,
    STATE,
)

children: dict[int, str] = {}
stopping = threading.Event()


def run(*command: str, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; failures end the node."""
    return subprocess.run(command, check=True, text=True, capture_output=True, **more)


def prepare() -> None:
    """Make mounts and network devices."""
    run("mount", "--make-rshared", "/")
    # Sockets, network namespaces and logs of the node stay with the node.
    for place in ("/run", "/var/log", "/etc/docker", "/var/lib/cni"):
        Path(place).mkdir(parents=True, exist_ok=True)
        run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", place)
    run("mount", "--make-rshared", "/run")
    # The node's engine asks as pods do, and is told quickly what does not exist.
    (STATE / "resolv.conf").write_text(f"nameserver {GATEWAY}\n")
    run("mount", "--bind", str(STATE / "resolv.conf"), "/etc/resolv.conf")
    socket.sethostname(NODE)
    run("ip", "link", "set", "lo", "up")
    for _ in range(200):  # the other end is pushed in from outside
        if Path("/proc/self/net/dev").read_text().find(PEER) >= 0:
            break
        time.sleep(0.05)
    run("ip", "addr", "add", f"{NODE_IP}/30", "dev", PEER)
    run("ip", "link", "set", PEER, "up")
    # A bridge takes the lowest address of its ports, so it changes as pods come and go, and with
    # it their way to the gateway: connections hang for a minute. One that is set stays.
    run("ip", "link", "add", BRIDGE, "address", "0a:58:0a:e7:00:01", "type", "bridge")
    run("ip", "addr", "add", f"{GATEWAY}/24", "dev", BRIDGE)
    run("ip", "link", "set", BRIDGE, "up")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    for controller in cgroups():
        (controller / CGROUP).mkdir(exist_ok=True)
        # In cgroup v1 a cpuset without processors takes no process.
        for name in ("cpuset.cpus", "cpuset.mems"):
            if (controller / name).exists():
                (controller / CGROUP / name).write_text((controller / name).read_text())


def cgroups() -> list[Path]:
    """List the roots of the cgroup hierarchies."""
    roots = []
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind, *_ = line.split()
        if kind in {"cgroup", "cgroup2"}:
            roots.append(Path(place))
    return roots


def start(name: str, *command: str, **environment: str) -> int:
    """Start a daemon with its log in the state directory."""
    log = (STATE / "log" / f"{name}.log").open("ab")
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env={**os.environ, "PATH": f"{STATE / 'bin'}:{os.environ['PATH']}", **environment},
        cwd="/",
        start_new_session=True,
    )
    log.close()
    children[process.pid] = name
    return process.pid


def programs() -> None:
    """Put links to the programs into one directory for PATH."""
    folder = STATE / "bin"
    folder.mkdir()
    for module in binaries.MODULES:
        for name, _ in module.programs:
            if binaries.path(name).is_file():
                (folder / name).symlink_to(binaries.path(name))
    (folder / "docker-init").symlink_to("/usr/bin/catatonit")


def containerd() -> None:
    """Start containerd with the CRI plugin."""
    root = STATE / "containerd"
    for folder in (root, STATE / "cni"):
        folder.mkdir(mode=0o711)
    network = {
        "cniVersion": "1.0.0",
        "name": "pods",
        "plugins": [
            {
                "type": "bridge",
                "bridge": BRIDGE,
                "isGateway": True,
                "ipam": {
                    "type": "host-local",
                    "dataDir": "/run/cni-addresses",
                    "ranges": [[{"subnet": POD_NET, "gateway": GATEWAY}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            }
        ],
    }
    (STATE / "cni" / "10-pods.conflist").write_text(json.dumps(network))
    certs = root / "certs.d"
    for name in NAMES:
        (certs / name).mkdir(parents=True)
        text = f'server = "https://{name}"\n[host."https://{name}"]\n  ca = "{STATE}/pki/ca.crt"\n'
        (certs / name / "hosts.toml").write_text(text)
    (root / "config.toml").write_text(
        f"""\
version = 3
root = "{root}/root"
state = "/run/containerd"
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.cri.v1.images"]
  snapshotter = "overlayfs"
  [plugins."io.containerd.cri.v1.images".pinned_images]
    sandbox = "{PAUSE}"
  [plugins."io.containerd.cri.v1.images".registry]
    config_path = "{certs}"
[plugins."io.containerd.cri.v1.runtime"]
  # Where CAP_SYS_RESOURCE is missing no process may lower its oom_score_adj.
  restrict_oom_score_adj = true
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["/usr/lib/cni", "/opt/cni/bin"]
    conf_dir = "{STATE}/cni"
"""
    )
    (root / "root").mkdir(mode=0o711)
    start("containerd", "containerd", "--config", str(root / "config.toml"))


def registry() -> None:
    """Start a registry with TLS and one without, both with a password."""
    tls = {"certificate": f"{STATE}/pki/registry.crt", "key": f"{STATE}/pki/registry.key"}
    _registry("registry", REGISTRY, {"tls": tls})
    _registry("registry-plain", PLAIN_REGISTRY, {})


def _registry(name: str, address: str, more: dict[str, Any]) -> None:
    config = {
        "version": 0.1,
        "storage": {
            "filesystem": {"rootdirectory": str(STATE / name)},
            "delete": {"enabled": True},
        },
        "http": {"addr": address, "secret": "podwright", **more},
        "auth": {"htpasswd": {"realm": "podwright", "path": f"{STATE}/pki/htpasswd"}},
        "log": {"level": "warn"},
    }
    file = STATE / f"{name}.json"
    file.write_text(json.dumps(config))
    start(name, "docker-registry", "serve", str(file))


def names() -> None:
    """Answer DNS questions of pods: a registry and services without an address exist, no others."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((GATEWAY, 53))
    known = {name.split(":")[0]: [GATEWAY] for name in NAMES if not name[0].isdigit()}

    def answer() -> None:
        while True:
            question, client = server.recvfrom(4096)
            with contextlib.suppress(Exception):
                server.sendto(_reply(question, known), client)

    threading.Thread(target=answer, daemon=True).start()


def ready_pods(name: str) -> list[str]:
    """Give the addresses of a headless service's ready pods, or of the one that is named."""
    labels = name.removesuffix(".svc.cluster.local").split(".")
    if len(labels) not in (2, 3):
        return []
    pod, service, namespace = ["", *labels][-3:]
    found = _asked(
        f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"
        f"?labelSelector=kubernetes.io/service-name%3D{service}"
    )
    return [
        address
        for piece in found["items"]
        for one in piece["endpoints"] or ()
        if one["conditions"]["ready"] and pod in ("", one.get("hostname"))
        for address in one["addresses"]
    ]


def _asked(path: str) -> Any:
    config = json.loads((STATE / "kubeconfig-controller").read_text())
    token = config["users"][0]["user"]["token"]
    address = f"https://{NODE_IP}:{API_PORT}{path}"
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {token}"})
    trust = ssl.create_default_context(cafile=f"{STATE}/pki/ca.crt")
    with urllib.request.urlopen(request, timeout=5, context=trust) as answer:  # noqa: S310
        return json.load(answer)


def _reply(question: bytes, known: dict[str, list[str]]) -> bytes:
    """Answer one DNS question (RFC 1035, section 4)."""
    labels, at = [], 12
    while question[at]:
        labels.append(question[at + 1 : at + 1 + question[at]].decode())
        at += question[at] + 1
    kind = struct.unpack(">H", question[at + 1 : at + 3])[0]
    asked = question[12 : at + 5]
    name = ".".join(labels).lower()
    addresses = known.get(name, [])
    if name.endswith(".svc.cluster.local"):
        addresses = ready_pods(name)
    code = 0 if addresses else 3  # 3: no such name
    found = addresses if kind == 1 else []
    head = question[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, len(found), 0, 0)
    record = struct.pack(">HHHLH", 0xC00C, 1, 1, 1, 4)
    return head + asked + b"".join(record + socket.inet_aton(address) for address in found)


def control_plane() -> None:
    """Start etcd and the Kubernetes API."""
    etcd = "http://127.0.0.1:2379"
    start(
        "etcd",
        "etcd",
        f"--data-dir={STATE}/etcd",
        "--unsafe-no-fsync",
        f"--listen-client-urls={etcd}",
        f"--advertise-client-urls={etcd}",
        "--listen-peer-urls=http://127.0.0.1:2380",
        "--log-level=warn",
    )
    pki = STATE / "pki"
    start(
        "kube-apiserver",
        "kube-apiserver",
        f"--etcd-servers={etcd}",
        f"--bind-address={NODE_IP}",
        f"--advertise-address={NODE_IP}",
        f"--secure-port={API_PORT}",
        f"--tls-cert-file={pki}/api.crt",
        f"--tls-private-key-file={pki}/api.key",
        f"--client-ca-file={pki}/ca.crt",
        f"--token-auth-file={pki}/tokens.csv",
        "--anonymous-auth=false",
        "--authorization-mode=Node,RBAC",
        "--allow-privileged=true",
        "--endpoint-reconciler-type=none",
        "--service-cluster-ip-range=10.96.0.0/24",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={pki}/accounts.key",
        f"--service-account-signing-key-file={pki}/accounts.key",
        "--kubelet-preferred-address-types=InternalIP",
        f"--kubelet-certificate-authority={pki}/ca.crt",
        f"--kubelet-client-certificate={pki}/api-client.crt",
        f"--kubelet-client-key={pki}/api-client.key",
        "--v=1",
    )


def workers() -> None:
    """Start what talks to the API."""
    start(
        "kube-controller-manager",
        "kube-controller-manager",
        f"--kubeconfig={STATE}/kubeconfig-controller",
        f"--service-account-private-key-file={STATE}/pki/accounts.key",
        f"--root-ca-file={STATE}/pki/ca.crt",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
    )
    start(
        "kube-scheduler",
        "kube-scheduler",
        f"--kubeconfig={STATE}/kubeconfig-scheduler",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
    )
    config = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": NODE_IP,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": False},
            "x509": {"clientCAFile": f"{STATE}/pki/ca.crt"},
        },
        "authorization": {"mode": "AlwaysAllow"},
        "tlsCertFile": f"{STATE}/pki/kubelet.crt",
        "tlsPrivateKeyFile": f"{STATE}/pki/kubelet.key",
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{CGROUP}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "clusterDNS": [GATEWAY],
        "clusterDomain": "cluster.local",
        "resolvConf": f"{STATE}/resolv.conf",
        "evictionHard": {"memory.available": "50Mi", "nodefs.available": "1%"},
        "imageMinimumGCAge": "720h",
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "makeIPTablesUtilChains": False,
        "maxPods": 200,
        "oomScoreAdj": 0,
        "podLogsDir": f"{STATE}/pod-logs",
        "volumePluginDir": f"{STATE}/volume-plugins",
        "registryBurst": 50,
        "registryPullQPS": 50,
        "serializeImagePulls": False,
        "syncFrequency": "10s",
        "enableServer": True,
        "localStorageCapacityIsolation": True,
    }
    (STATE / "kubelet.json").write_text(json.dumps(config))
    start(
        "kubelet",
        "kubelet",
        f"--config={STATE}/kubelet.json",
        f"--kubeconfig={STATE}/kubeconfig-kubelet",
        f"--root-dir={STATE}/kubelet",
        f"--node-ip={NODE_IP}",
        f"--hostname-override={NODE}",
        "--v=1",
    )


def engine() -> None:
    """Start the node's own Docker Engine, for `dood`."""
    for name in NAMES:
        folder = Path("/etc/docker/certs.d") / name
        folder.mkdir(parents=True)
        (folder / "ca.crt").write_text((STATE / "pki" / "ca.crt").read_text())
    # `dood` has the registries of the node's administrator, who may change this file.
    known = {"insecure-registries": [PLAIN_REGISTRY]}
    Path("/etc/docker/daemon.json").write_text(json.dumps(known))
    (STATE / "docker").mkdir(mode=0o710)
    start(
        "dockerd",
        "dockerd",
        "--host=unix:///run/docker.sock",
        f"--group={SOCKET_GROUP}",
        f"--data-root={STATE}/docker",
        "--exec-root=/run/docker",
        "--pidfile=/run/docker.pid",
        f"--cgroup-parent=/{CGROUP}/docker",
        "--containerd=/run/containerd/containerd.sock",
        "--ip6tables=false",
    )


def stop(*_: object) -> None:
    """Ask for the end."""
    stopping.set()


def reap() -> None:
    """Wait for children, own and inherited, until the end is asked for."""
    while not stopping.is_set():
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            pid = 0
        if pid in children:
            print(f"{children.pop(pid)} ended: {status}", flush=True)
        if pid == 0:
            stopping.wait(0.2)


def main() -> None:
    """Run the node until SIGTERM; the kernel then ends everything in the namespaces."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    os.umask(0o022)
    prepare()
    programs()
    containerd()
    registry()
    names()
    control_plane()
    (STATE / "node-ready").write_text("")
    for _ in range(600):
        if (STATE / "api-ready").exists() or stopping.is_set():
            break
        time.sleep(0.1)
    workers()
    engine()
    reap()
    # Daemons first, so that data on disk is whole; containers go with the namespace.
    for pid in list(children):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    print("node ends", flush=True)


if __name__ == "__main__":
    main()
