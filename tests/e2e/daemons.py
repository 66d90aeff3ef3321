"""A pool of daemons on the tests' cluster, made as docs/how-to/pool.md says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import harness
import layout

FOLDER = harness.ROOT / "deploy" / "pool"
NAMESPACE = "podwright-pool"
BUILDS = "e2e-restricted"  # the namespace of the builds enforces it
REPLICAS = 3
KIND = {"service": "buildkit", "replicas": REPLICAS, "platforms": ["linux/amd64", "linux/386"]}


def declared(secret: str) -> dict[str, Any]:
    """Give a pool as the organisation's config has it."""
    return {"namespace": NAMESPACE, "certificates": secret, "daemons": [KIND]}


class Daemons:
    """The pool of zone a; a zone b has a certificate of its own, for the same daemons."""

    def __init__(self, cluster: harness.Cluster, work: Path) -> None:
        self.cluster, self.work = cluster, work
        site = cluster.site
        pools = {zone: declared(f"pool-{zone}-client") for zone in ("zone-a", "zone-b")}
        registry = {"ca": Path(site.ca).read_text()} if site.ca else {}
        self.config: dict[str, Any] = {"pools": pools, "registries": {site.registry: registry}}
        (work / "org.yaml").write_text(json.dumps(self.config))

    def up(self) -> None:
        """Make disks, certificates and daemons, and wait for them."""
        if self.cluster.site.kubeconfig == str(layout.KUBECONFIG):
            for number in range(REPLICAS):
                self._disk(number)
        (self.work / "overlay").mkdir()
        (self.work / "overlay" / "kustomization.yaml").write_text(json.dumps(self._overlay()))
        made = self.cluster.run("kustomize", str(self.work / "overlay")).stdout
        self.cluster.run("apply", "--server-side", "-f", "-", input=made)
        self.certificates("zone-a")
        self.certificates("zone-b", apply=("client",))
        self.ready()

    def down(self) -> None:
        """Remove it at once: nobody waits for builds any more."""
        pods = ("-n", NAMESPACE, "delete", "pod", "--all", "--force", "--grace-period=0")
        self.cluster.run("-n", NAMESPACE, "delete", "statefulset", "--all", "--cascade=orphan")
        self.cluster.run(*pods, check=False)
        self.cluster.run("delete", "namespace", NAMESPACE, "--wait=true", check=False)
        self.cluster.run("delete", "pv", "-l", f"{harness.MARK}=yes", check=False)

    def certificates(
        self, zone: str, *words: str, apply: tuple[str, ...] = ("client", "daemons")
    ) -> str:
        """Make or rotate certificates; gives what the command said."""
        command = [sys.executable, "-m", "podwright", "pool", "certificates", zone, *words]
        command += ["--config", "org.yaml", "--directory", zone, "--namespace", BUILDS]
        env = {**layout.ENVIRONMENT, "PYTHONPATH": str(harness.ROOT / "pytools")}
        done = subprocess.run(
            command, cwd=self.work, env=env, capture_output=True, text=True, check=True
        )
        for name in apply:
            self.cluster.run("apply", "-f", str(self.work / zone / f"{name}.yaml"))
        return done.stdout

    def ready(self, seconds: int = 300) -> None:
        """Wait until all daemons are there and up to date."""
        where = ("-n", NAMESPACE, "rollout", "status", "statefulset/buildkit")
        self.cluster.run(*where, f"--timeout={seconds}s")

    def restart(self) -> None:
        """Replace all daemons, one after the other."""
        self.cluster.run("-n", NAMESPACE, "rollout", "restart", "statefulset/buildkit")

    def kill(self, name: str) -> None:
        """Kill a daemon, as a lack of memory would."""
        kill = "kill -9 $(pidof buildkitd)"
        self.cluster.run("-n", NAMESPACE, "exec", name, "-c", "daemon", "--", "sh", "-c", kill)

    def busy(self, name: str, seconds: float = 120) -> None:
        """Wait until a step of a build runs on a daemon."""
        ask = ("-n", NAMESPACE, "exec", name, "-c", "daemon", "--", "pgrep", "-f", "sleep [0-9]")
        until = time.monotonic() + seconds
        while self.cluster.run(*ask, check=False).returncode:
            if time.monotonic() > until:
                raise harness.Failed(f"{name} builds nothing\n{self.logs(name)}")
            time.sleep(0.5)

    def logs(self, name: str) -> str:
        """Give the last lines of a daemon."""
        words = ("-n", NAMESPACE, "logs", name, "-c", "daemon", "--tail=30")
        return self.cluster.run(*words, check=False).stdout

    def pod(self, zone: str = "zone-a") -> dict[str, Any]:
        """Give the pod of a build, from the bundle that users load."""
        done = subprocess.run(
            [sys.executable, "-I", str(harness.BUNDLE), "pod", "--machine", "-"],
            input=json.dumps({"pool": zone}),
            env={**layout.ENVIRONMENT, "PODWRIGHT_CONFIG": json.dumps(self.config)},
            capture_output=True,
            text=True,
            check=True,
        )
        made: dict[str, Any] = json.loads(done.stdout)["pod"]
        return made

    def _disk(self, number: int) -> None:
        """Make the disk of a daemon: a directory of the tests' own node."""
        place = layout.STATE / "disks" / str(number)
        place.mkdir(parents=True, exist_ok=True)
        place.chmod(0o777)
        claim = {"namespace": NAMESPACE, "name": f"disk-buildkit-{number}"}
        spec = {
            "capacity": {"storage": "100Gi"},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "claimRef": claim,
            "hostPath": {"path": str(place)},
        }
        metadata = {"name": f"pool-{number}", "labels": {harness.MARK: "yes"}}
        self.cluster.apply(
            {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": metadata, "spec": spec}
        )

    def _overlay(self) -> dict[str, Any]:
        """Give the Kustomization of this cluster: small requests, the registry's authority."""
        site = self.cluster.site
        toml = f'[registry."{site.registry}"]\n  ca = ["/etc/podwright-pool/registry.crt"]\n'
        crt = self.config["registries"][site.registry].get("ca", "")
        settings = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "buildkit"},
            "data": {"buildkitd.toml": toml if crt else "", "registry.crt": crt},
        }
        metadata = {"name": NAMESPACE, "labels": {harness.MARK: "yes"}}
        label = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
        requests = {"cpu": "40m", "memory": "64Mi"}
        path = "/spec/template/spec/containers/0/resources/requests"
        return {
            "resources": [os.path.relpath(FOLDER / "base", self.work / "overlay")],
            "patches": [
                {"patch": json.dumps(settings)},
                {"patch": json.dumps(label)},
                {
                    "target": {"kind": "StatefulSet"},
                    "patch": json.dumps([{"op": "replace", "path": path, "value": requests}]),
                },
            ],
        }
