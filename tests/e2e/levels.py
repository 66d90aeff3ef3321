"""Ask the API server at which Pod Security level each strategy's pod is admitted, and try harder.

    python3 tests/e2e/levels.py             # writes pytools/podwright/data/levels.json
    python3 tests/e2e/levels.py VARIANT...  # tries these only, keeps the others' results

Docs, `podwright builders` and `auto` read that file; `test_levels.py` compares it with the cluster.
Every pod is submitted as Jenkins would submit it, `jnlp` container and workspace volume included.
Variants are changes to the presets that might be admitted at a stricter level or on stricter nodes:
each is submitted, and then really builds an image or fails.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

sys.path[:0] = [str(Path(__file__).resolve().parent)]

import harness  # noqa: E402 - after the path is set
import layout  # noqa: E402

DATA = harness.ROOT / "pytools" / "podwright" / "data" / "levels.json"
LEVELS = ("restricted", "baseline", "privileged")
Pod = dict[str, Any]


def builders() -> list[str]:
    """Name the strategies: one file each, beside the private ones."""
    folder = harness.ROOT / "pytools" / "podwright" / "builders"
    names = [file.stem for file in folder.glob("*.py") if not file.stem.startswith("_")]
    return sorted(name.replace("_", "-") for name in names)


def preset(builder: str) -> Pod:
    """Give the pod that the library has for a strategy."""
    folder = harness.ROOT / "resources" / "podwright" / "pods"
    made: Pod = json.loads((folder / f"{builder}.json").read_text())
    return made


def admission(cluster: harness.Cluster, pod: Pod, level: str) -> str:
    """Submit a pod by server-side dry run; give the refusal in the API server's words, or ''."""
    whole = harness.jenkins(pod, "admission", f"e2e-{level}")
    done = cluster.apply(whole, "--dry-run=server")
    if not done.returncode:
        return ""
    if "violates PodSecurity" not in done.stderr:
        raise harness.Failed(done.stderr)
    return done.stderr.strip().partition("violates PodSecurity ")[2]


def classify(cluster: harness.Cluster, pod: Pod) -> dict[str, Any]:
    """Give the strictest level that admits a pod, and what the stricter ones say."""
    refusals = {level: admission(cluster, pod, level) for level in LEVELS}
    admitted = [level for level in LEVELS if not refusals[level]]
    refused = {level: words for level, words in refusals.items() if words}
    return {"level": admitted[0] if admitted else "", "refused": refused}


def version(cluster: harness.Cluster) -> str:
    """Give the minor version of the API server, as '1.34'."""
    answer = json.loads(cluster.run("get", "--raw=/version").stdout)
    return f"{answer['major']}.{answer['minor'].rstrip('+')}"


@dataclass(frozen=True)
class Variant:
    """A change to a preset.

    Attributes:
        builder: the strategy.
        what: what is changed, for the table.
        change: changes the pod in place.
    """

    builder: str
    what: str
    change: Callable[[Pod], None]


def _worker(pod: Pod) -> Pod:
    """Give the container that does the building."""
    engines = [c for c in pod["spec"].get("initContainers", []) if c["name"] == "engine"]
    builder = next(c for c in pod["spec"]["containers"] if c["name"] == "builder")
    found: Pod = engines[0] if engines and "buildkit" in engines[0]["image"] else builder
    return found


def _secure(pod: Pod, **fields: Any) -> None:
    for item in harness.containers(pod):
        if item is _worker(pod) or item["name"] == "engine":
            item["securityContext"].update(fields)


def _seccomp(kind: str) -> dict[str, Any]:
    """Give a seccomp profile; `Localhost` is tests/e2e/seccomp.json."""
    profile = {"type": kind}
    if kind == "Localhost":
        profile["localhostProfile"] = "podwright-builds.json"
    return {"seccompProfile": profile}


def _remap(pod: Pod) -> None:
    pod["spec"]["hostUsers"] = False


def _profile(kind: str) -> Callable[[Pod], None]:
    return lambda pod: _secure(pod, **_seccomp(kind))


def _nothing(pod: Pod) -> None:
    """Take every capability and escalation away."""
    _secure(pod, allowPrivilegeEscalation=False, capabilities={"drop": ["ALL"]})
    _secure(pod, **_seccomp("RuntimeDefault"))


def _both(*changes: Callable[[Pod], None]) -> Callable[[Pod], None]:
    def change(pod: Pod) -> None:
        for one in changes:
            one(pod)

    return change


def _all_root(pod: Pod) -> None:
    """Let the agent and the planner be the pod's root, too."""
    safe = {"runAsUser": 0, "runAsGroup": 0, "runAsNonRoot": False}
    security = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        **_seccomp("RuntimeDefault"),
    }
    pod["spec"]["containers"].append({"name": "jnlp", "securityContext": security})
    for item in pod["spec"]["containers"]:
        item["securityContext"].update(safe)


def _sandboxed(pod: Pod) -> None:
    """Give BuildKit's RUN steps a process namespace of their own: needs an unmasked /proc."""
    worker = _worker(pod)
    worker["args"] = [a for a in worker["args"] if a != "--oci-worker-no-process-sandbox"]
    _secure(pod, procMount="Unmasked")


def _few(pod: Pod) -> None:
    """Keep the capabilities that unpacking and chroot need."""
    kept = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "SETGID", "SETUID", "SETFCAP"]
    kept.append("SYS_CHROOT")
    _secure(pod, capabilities={"drop": ["ALL"], "add": kept})


def _one_owner(pod: Pod) -> None:
    """Let Buildah run as one unprivileged user: all files become that user's."""
    _secure(
        pod,
        runAsUser=1000,
        runAsGroup=1000,
        runAsNonRoot=True,
        allowPrivilegeEscalation=False,
        capabilities={"drop": ["ALL"]},
        **_seccomp("Localhost"),
    )
    worker = _worker(pod)
    worker["env"] = [e for e in worker["env"] if e["name"] != "HOME"]
    options = {"name": "STORAGE_OPTS", "value": "vfs.ignore_chown_errors=true"}
    worker["env"] += [{"name": "HOME", "value": "/home/build"}, options]
    worker["env"].append({"name": "_CONTAINERS_USERNS_CONFIGURED", "value": ""})
    for mount in worker["volumeMounts"]:
        if mount["mountPath"] == "/var/lib/containers":
            mount["mountPath"] = "/home/build/.local/share/containers"


VARIANTS = {
    item.what: item
    for item in (
        Variant("buildkit", "buildkit, RuntimeDefault seccomp", _profile("RuntimeDefault")),
        Variant("buildkit", "buildkit, Localhost seccomp", _profile("Localhost")),
        Variant(
            "buildkit",
            "buildkit, user namespace, Localhost seccomp",
            _both(_remap, _profile("Localhost")),
        ),
        Variant(
            "buildkit",
            "buildkit, user namespace, Localhost seccomp, unmasked /proc, process sandbox",
            _both(_remap, _profile("Localhost"), _sandboxed),
        ),
        Variant("buildah", "buildah, RuntimeDefault seccomp", _profile("RuntimeDefault")),
        Variant("buildah", "buildah, Localhost seccomp", _profile("Localhost")),
        Variant("buildah", "buildah, user namespace", _remap),
        Variant(
            "buildah",
            "buildah, user namespace, Localhost seccomp, eight capabilities",
            _both(_remap, _profile("Localhost"), _few),
        ),
        Variant("buildah", "buildah, one user, Localhost seccomp, no capabilities", _one_owner),
        Variant("podman", "podman, RuntimeDefault seccomp", _profile("RuntimeDefault")),
        Variant("podman", "podman, Localhost seccomp", _profile("Localhost")),
        Variant("podman", "podman, user namespace", _remap),
        Variant("kaniko", "kaniko, user namespace", _remap),
        Variant("kaniko", "kaniko, no capabilities", _nothing),
        Variant("kaniko", "kaniko, user namespace, no capabilities", _both(_remap, _nothing)),
        Variant(
            "kaniko",
            "kaniko, user namespace, no capabilities, agent as the pod's root",
            _both(_remap, _nothing, _all_root),
        ),
    )
}

# Two images: all files root's, and files of several owners.
ROOTS = "FROM @BASE@\nRUN echo built > /built\n"
OWNERS = "FROM @BASE@\nRUN echo built > /built && chown 1234:5678 /built\n"


def try_variant(cluster: harness.Cluster, name: str) -> dict[str, Any]:
    """Classify a variant, then build with it at the strictest level that admits it."""
    variant = VARIANTS[name]
    _profiles(cluster)
    pod = harness.render(variant.builder, harness.pod_request(cluster.site))
    variant.change(pod)
    found = classify(cluster, pod)
    said = _build_both(cluster, variant.builder, f"e2e-{found['level']}", pod)
    return {
        "level": found["level"],
        "builds": said[0] == "",
        "builds_owners": said[1] == "",
        "builder": variant.builder,
    }


def _build_both(cluster: harness.Cluster, builder: str, where: str, pod: Pod) -> list[str]:
    """Build both images; for each give '' or what went wrong."""
    texts = [ROOTS, OWNERS]
    said: list[str] = []
    try:
        while len(said) < len(texts):
            with harness.pod(cluster, builder, where, pod) as made:
                # A kaniko's container is good for one build.
                last = len(said) + 1 if builder == "kaniko" else len(texts)
                while len(said) < last:
                    said.append(_builds(made, texts[len(said)]))
    except harness.Failed as failed:
        # A pod that does not even start need not be tried twice.
        said += [str(failed)] * (len(texts) - len(said))
    print(*(text[-1500:] for text in said), sep="\n", file=sys.stderr)
    return said


def _builds(pod: harness.Pod, text: str) -> str:
    """Build an image; give '' or what went wrong."""
    site = pod.cluster.site
    base = f"{site.registry}/base/busybox:1"
    request = site.request(
        builder=pod.builder, image=f"{site.registry}/levels/{pod.builder}", tags=["1"], retries=0
    )
    with tempfile.TemporaryDirectory(prefix="podwright-e2e-") as folder:
        (Path(folder) / "Dockerfile").write_text(text.replace("@BASE@", base))
        try:
            assert pod.build(request, site.login, Path(folder)).value["pushed"]
        except harness.Failed as failed:
            return str(failed)
    return ""


def _profiles(cluster: harness.Cluster) -> None:
    """Give the node the Localhost profile; a cluster of the caller's must have it."""
    if cluster.site.kubeconfig == str(layout.KUBECONFIG):
        folder = layout.STATE / "kubelet" / "seccomp"
        folder.mkdir(exist_ok=True)
        profile = Path(__file__).resolve().parent / "seccomp.json"
        (folder / "podwright-builds.json").write_text(profile.read_text())


def main() -> None:
    """Write the data file."""
    cluster = harness.Cluster(harness.site())
    for level in LEVELS:
        cluster.namespace(f"e2e-{level}", level)
    presets = {builder: classify(cluster, preset(builder)) for builder in builders()}
    variants = json.loads(DATA.read_text())["variants"] if sys.argv[1:] else {}
    for name in sys.argv[1:] or VARIANTS:
        variants[name] = try_variant(cluster, name)
        print(name, variants[name], flush=True)
    whole = {"kubernetes": version(cluster), "presets": presets, "variants": variants}
    DATA.parent.mkdir(exist_ok=True)
    DATA.write_text(json.dumps(whole, indent=2, sort_keys=True) + "\n")
    print(DATA)


if __name__ == "__main__":
    main()
