"""Find out from where each strategy takes each setting of registries, and the proxy, in real pods.

    python3 tests/e2e/settings.py             # writes pytools/podwright/data/settings.json
    python3 tests/e2e/settings.py BUILDER...  # asks these only, keeps the others' results

The table of `podwright builders` is made of that file; `test_settings.py` compares it with the
cluster. A setting is first given to a build alone, in the strategy's preset pod. Where that is
refused or not enough, the pod is made with it; and the node's engine is told of it, where there is
no other way. The registries are real ones, outside of the node, and nothing can reach Docker Hub.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "host")]

import cluster as node  # noqa: E402 - after the path is set
import harness  # noqa: E402
import layout  # noqa: E402
import levels  # noqa: E402
import standins  # noqa: E402
from hostservers import Authority, Registry, WayOut, make_authority  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DATA = harness.ROOT / "pytools" / "podwright" / "data" / "settings.json"
NAMESPACE = "e2e-privileged"
SECRET = "settings-client"
HIDDEN = "registry.hidden.test:5000"  # which the proxy alone finds
OTHER = "registry.other.test"  # which is mirrored, and down
DOCKER = "/etc/docker"


@dataclass(frozen=True)
class Case:
    """A setting: an image that can be built and pushed by it alone.

    Attributes:
        title: what the table says.
        base: from where, with the kinds of registries in `@`.
        to: the kind of the registry that it is pushed to.
        needs: the registries whose settings it is about.
        step: what a RUN step of it does.
        request: what else the build says.
    """

    title: str
    base: str
    to: str
    needs: tuple[str, ...] = ()
    step: str = ""
    request: dict[str, Any] = field(default_factory=dict)


PROXIED = {"proxy": {"http": "@proxy@", "no": [layout.HOST_IP]}}
CASES = (
    Case("`http`", "@plain@/base:1", "plain", ("plain",)),
    Case("`skipTlsVerify`", "@untrusted@/base:1", "untrusted", ("untrusted",)),
    Case("`ca`, another one for each registry", "@own@/base:1", "other", ("own", "other")),
    Case("`client`, beside a `ca`", "@clients@/base:1", "clients", ("clients",)),
    Case("`mirrors` of docker.io, without TLS", "on-plain:1", "plain", ("docker.io", "plain")),
    Case("`mirrors` of docker.io, with a `ca`", "on-own:1", "own", ("docker.io", "own")),
    Case("`mirrors` with a path", "on-path:1", "plain", ("docker.io/path", "plain")),
    Case("`mirrors` of other registries", f"{OTHER}/base:1", "plain", (OTHER, "plain")),
    Case("`proxy`, pulling and pushing", f"{HIDDEN}/base:1", HIDDEN, (HIDDEN,), "", PROXIED),
    Case(
        "`proxy`, RUN steps",
        "@plain@/base:1",
        "plain",
        ("plain",),
        # In two pieces: nothing but the variables shall have the whole address.
        'a=@origin@ p=@port@; test "$HTTPS_PROXY$https_proxy" = "$a:$p$a:$p" && '
        f'case ",$NO_PROXY," in *,{layout.HOST_IP},*) ;; *) exit 1 ;; esac',
        PROXIED,
    ),
)


class Servers:
    """A registry of each kind, with the bases of all cases, and a proxy."""

    def __init__(self, root: Path) -> None:
        one, two = (make_authority(root / name, layout.HOST_IP) for name in ("one", "two"))
        kinds: dict[str, tuple[Authority | None, bool]] = {
            "plain": (None, False),
            "untrusted": (one, False),
            "own": (one, False),
            "other": (two, False),
            "clients": (one, True),
        }
        self.registries = {
            name: Registry(root / name, {}, of, address=layout.HOST_IP, clients=clients)
            for name, (of, clients) in kinds.items()
        }
        self.hosts = {name: item.host for name, item in self.registries.items()}
        self.authorities = {"own": one, "other": two, "clients": one}
        self.proxy = WayOut(self.hosts["plain"], layout.HOST_IP)
        for name in ("plain", "untrusted", "own", "clients"):
            self._seed(name, "base")
        self._seed("plain", "library/on-plain")
        self._seed("own", "library/on-own")
        self._seed("plain", "hub/library/on-path")

    def _seed(self, kind: str, name: str) -> None:
        one = self.authorities["own"]
        with tempfile.TemporaryDirectory() as folder:
            for source, target in ((one.cert, "a.cert"), (one.key, "a.key"), (one.ca, "a.crt")):
                (Path(folder) / target).write_bytes(source.read_bytes())
            trust = ["--dest-tls-verify=false", f"--dest-cert-dir={folder}"]
            images = f"oci:{standins.ensure() / 'layout'}:{standins.BUSYBOX}"
            for again in ("", "-again"):
                target = f"docker://{self.hosts[kind]}/{name}{again}:1"
                command = ["skopeo", "--insecure-policy", "copy", *trust, images, target]
                subprocess.run(command, check=True, capture_output=True)

    def setting(self, name: str) -> dict[str, dict[str, Any]]:
        """Give what `registries` says for one need of a case."""
        plain, own = self.hosts["plain"], self.hosts["own"]
        known: dict[str, tuple[str, dict[str, Any]]] = {
            "plain": (plain, {"http": True}),
            "untrusted": (self.hosts["untrusted"], {"skipTlsVerify": True}),
            "docker.io": ("docker.io", {"mirrors": [plain, own]}),
            "docker.io/path": ("docker.io", {"mirrors": [f"{plain}/hub"]}),
            OTHER: (OTHER, {"mirrors": [plain]}),
            HIDDEN: (HIDDEN, {"http": True}),
        }
        for kind, authority in self.authorities.items():
            known[kind] = (self.hosts[kind], {"ca": authority.ca.read_text()})
        known["clients"][1]["client"] = SECRET
        return dict([known[name]])

    def filled(self, value: Any) -> Any:
        """Put addresses in the places of their marks."""
        origin, port = self.proxy.address.rsplit(":", 1)
        text = json.dumps(value).replace("@proxy@", self.proxy.address)
        text = text.replace("@origin@", origin).replace("@port@", port)
        for name, host in self.hosts.items():
            text = text.replace(f"@{name}@", host)
        return json.loads(text)

    def request(self, *cases: Case) -> dict[str, Any]:
        """Give the settings of some cases."""
        known = [self.setting(name) for case in cases for name in case.needs]
        found: dict[str, Any] = {host: item for one in known for host, item in one.items()}
        made = {"registries": found}
        for case in cases:
            made.update(self.filled(case.request))
        return made

    def close(self) -> None:
        """End them."""
        self.proxy.close()
        for item in self.registries.values():
            item.close()


def secret(cluster: harness.Cluster, servers: Servers) -> None:
    """Make the secret with the certificate that this side shows."""
    one = servers.authorities["clients"]
    words = ["-n", NAMESPACE, "create", "secret", "tls", SECRET]
    cluster.run("-n", NAMESPACE, "delete", "secret", SECRET, check=False)
    cluster.run(*words, f"--cert={one.cert}", f"--key={one.key}")


@contextlib.contextmanager
def node_told(servers: Servers) -> Iterator[None]:
    """Tell the node's engine of the registries, as its administrator would."""
    before = node.inside("cat", f"{DOCKER}/daemon.json").stdout
    plain, own = servers.hosts["plain"], servers.hosts["own"]
    told = json.loads(before)
    told["insecure-registries"] = [*told["insecure-registries"], plain, servers.hosts["untrusted"]]
    told["registry-mirrors"] = [f"http://{plain}", f"https://{own}"]
    for kind, authority in servers.authorities.items():
        folder = f"{DOCKER}/certs.d/{servers.hosts[kind]}"
        node.inside("mkdir", "-p", folder)
        pairs = [("ca.crt", authority.ca), ("client.cert", authority.cert)]
        pairs.append(("client.key", authority.key))
        for name, file in pairs:
            node.inside("tee", f"{folder}/{name}", input=file.read_text())
    _write_daemon(json.dumps(told))
    yield
    _write_daemon(before)


def _write_daemon(text: str) -> None:
    node.inside("tee", f"{DOCKER}/daemon.json", input=text)
    node.inside("sh", "-c", "kill -HUP $(cat /run/docker.pid)")
    wanted = json.loads(text).get("registry-mirrors", [])

    def ready() -> bool:
        known = node.inside("docker", "info", "--format", "{{json .RegistryConfig}}").stdout
        return all(f'"{item}/"' in known for item in wanted)

    node.wait("the node's engine", ready, 60)


class Asked:
    """One strategy's answers, and what was said where a setting was not taken."""

    def __init__(self, cluster: harness.Cluster, servers: Servers, builder: str) -> None:
        self.cluster, self.servers, self.builder = cluster, servers, builder
        self.said: dict[str, list[str]] = {}
        self.answers: dict[str, str] = {}
        self._ask("build", CASES)
        if builder == "dood":
            with node_told(servers):
                self._ask("node", self._left())
        elif left := self._left():
            self._ask_pods(left)
        for case in self._left():
            self.answers[case.title] = "no"

    def _left(self) -> list[Case]:
        return [case for case in CASES if case.title not in self.answers]

    def _ask_pods(self, left: list[Case]) -> None:
        """Make one pod with all that the strategy's pods can have, and one for each mirror."""
        together = [case for case in left if self._pod(case) and "docker.io/path" not in case.needs]
        alone = [[case] for case in left if self._pod(case) and case not in together]
        for cases in [together, *alone]:
            if cases:
                self._ask("pod", cases, self.servers.request(*cases))

    def _pod(self, case: Case) -> bool:
        try:
            return bool(harness.render(self.builder, self.servers.request(case)))
        except harness.Failed as error:
            self._note(case, str(error))
            return False

    def _ask(self, word: str, cases: Sequence[Case], of_pod: dict[str, Any] | None = None) -> None:
        made = harness.render(self.builder, of_pod)
        with contextlib.ExitStack() as stack:
            pod = None
            for case in cases:
                # What kaniko's stand-in leaves behind has no shell for RUN steps.
                if pod is None or (self.builder == "kaniko" and case.step):
                    opened = harness.pod(self.cluster, self.builder, NAMESPACE, made)
                    pod = stack.enter_context(opened)
                request = self.servers.request(case) if word == "build" else of_pod or {}
                if word == "node":
                    request = self.servers.filled(case.request)
                if self._builds(pod, case, request, word):
                    # Of the two that such a step needs the node had the registry's.
                    self.answers[case.title] = "build" if case.step and not of_pod else word

    def _builds(self, pod: harness.Pod, case: Case, request: dict[str, Any], word: str) -> bool:
        host = self.servers.hosts.get(case.to, case.to)
        name = f"{host}/settings/{self.builder}-{word}-{CASES.index(case)}"
        # An engine remembers for minutes how it has reached a repository, or has not.
        base = case.base.replace(":1", "-again:1") if word == "node" else case.base
        text = f"FROM {base}\nCOPY Dockerfile /own\n"
        text += f"RUN {case.step}\n" if case.step else ""
        asked = {"builder": self.builder, "image": name, "tags": ["1"], "retries": 0}
        with tempfile.TemporaryDirectory(prefix=layout.temporary("e2e")) as folder:
            (Path(folder) / "Dockerfile").write_text(self.servers.filled(text))
            alone = self.builder == "kaniko"
            asked.update(request)
            done = pod.build(asked, {}, Path(folder), fresh=not alone, seconds=120)
        built = not done.code and "value" in done.answer
        if not built:
            self._note(case, f"{done.answer} {done.log}")
        return built

    def _note(self, case: Case, text: str) -> None:
        self.said.setdefault(case.title, []).append(text)


def main() -> None:
    """Write the file anew."""
    cluster = harness.Cluster(harness.site())
    cluster.namespace(NAMESPACE, "privileged")
    known = json.loads(DATA.read_text()) if DATA.exists() else {}
    with tempfile.TemporaryDirectory(prefix=layout.temporary("e2e")) as folder:
        servers = Servers(Path(folder))
        try:
            secret(cluster, servers)
            for builder in sys.argv[1:] or levels.builders():
                asked = Asked(cluster, servers, builder)
                for title, said in asked.said.items():
                    print(f"== {builder}: {title}", *[text[-700:] for text in said], sep="\n")
                for case in CASES:
                    known.setdefault(case.title, {})[builder] = asked.answers[case.title]
        finally:
            servers.close()
    known = {case.title: dict(sorted(known[case.title].items())) for case in CASES}
    DATA.write_text(json.dumps(known, indent=1) + "\n")
    print(json.dumps(known, indent=1))


if __name__ == "__main__":
    main()
