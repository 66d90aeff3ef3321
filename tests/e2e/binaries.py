"""Build the programs of the end-to-end tests from Go modules, once per version.

Where no image registry can be reached, real engines can still be had: they are Go programs, and the
Go module proxy has their sources. Each program is built with the `go.mod` and `go.sum` of its own
project, so with exactly the dependencies that its maintainers released it with.

    python3 tests/e2e/binaries.py                 # build everything that is missing
    python3 tests/e2e/binaries.py runc dockerd    # these only
    python3 tests/e2e/binaries.py --list          # name, version, path

The results stay in ~/.cache/podwright/bin/<program>-<version>/<program>.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parent)]

from layout import temporary  # noqa: E402 - after the path is set

PAUSES = (5, 30)  # seconds before a second and third attempt
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "podwright" / "bin"


@dataclass(frozen=True)
class Module:
    """A Go module and the programs taken from it."""

    path: str
    version: str
    programs: tuple[tuple[str, str], ...]  # name, package
    # `package.Variable`s set to the module's version, as the project's own build does.
    stamps: tuple[str, ...] = ()
    stamp: str = ""  # the version to set, when it is not the module's
    tags: str = ""
    cgo: bool = False
    # Dependencies whose exact version the proxy does not have: module, version to take instead.
    instead: tuple[tuple[str, str], ...] = ()
    on_demand: bool = False  # built when it is named only

    @property
    def label(self) -> str:
        """Give the version as it stands in directory names."""
        return self.version.replace("+incompatible", "").lstrip("v")


KUBERNETES = "v1.37.2"
COMPONENT = "k8s.io/component-base/version"

# In the order of need: engines first, the cluster last.
MODULES = (
    Module(
        "github.com/containerd/containerd/v2",
        "v2.4.2",
        (
            ("containerd", "./cmd/containerd"),
            ("containerd-shim-runc-v2", "./cmd/containerd-shim-runc-v2"),
            ("ctr", "./cmd/ctr"),
        ),
        stamps=("github.com/containerd/containerd/v2/version.Version",),
    ),
    # cgo, because it joins namespaces before Go starts its threads.
    Module(
        "github.com/opencontainers/runc",
        "v1.5.2",
        (("runc", "."),),
        stamps=("main.version",),
        tags="seccomp",
        cgo=True,
    ),
    # v2.0.0-beta.24 is the source of Engine 29: clients ask for that number.
    Module(
        "github.com/moby/moby/v2",
        "v2.0.0-beta.24",
        (("dockerd", "./cmd/dockerd"), ("docker-proxy", "./cmd/docker-proxy")),
        stamps=("github.com/moby/moby/v2/dockerversion.Version",),
        stamp="29.7.2",
    ),
    Module(
        "github.com/docker/cli",
        "v29.7.2+incompatible",
        (("docker", "./cmd/docker"),),
        stamps=("github.com/docker/cli/cli/version.Version",),
        # It gives defaults for `docker service`, which nothing here uses.
        instead=(("github.com/moby/swarmkit/v2", "v2.0.0"),),
    ),
    Module(
        "github.com/docker/buildx",
        "v0.38.2",
        (("docker-buildx", "./cmd/buildx"),),
        stamps=("github.com/docker/buildx/version.Version",),
    ),
    # A release later it asks for a newer Go than the other programs do.
    Module(
        "github.com/docker/compose/v5",
        "v5.6.0",
        (("docker-compose", "./cmd"),),
        stamps=("github.com/docker/compose/v5/internal.Version",),
    ),
    Module(
        "github.com/moby/buildkit",
        "v0.34.2",
        (("buildkitd", "./cmd/buildkitd"), ("buildctl", "./cmd/buildctl")),
        stamps=("github.com/moby/buildkit/version.Version",),
    ),
    Module(
        "github.com/rootless-containers/rootlesskit/v2",
        "v2.3.6",
        (("rootlesskit", "./cmd/rootlesskit"),),
    ),
    # The last release of the archived project: the maintained fork is not served as a module.
    Module(
        "github.com/GoogleContainerTools/kaniko",
        "v1.23.2",
        (("executor", "./cmd/executor"),),
        stamps=("github.com/GoogleContainerTools/kaniko/pkg/version.version",),
    ),
    # cgo, because they enter user namespaces before Go starts its threads.
    Module(
        "github.com/containers/buildah",
        "v1.43.1",
        (("buildah", "./cmd/buildah"),),
        tags="seccomp exclude_graphdriver_btrfs containers_image_openpgp",
        cgo=True,
    ),
    Module(
        "github.com/containers/podman/v5",
        "v5.8.4",
        (("podman", "./cmd/podman"), ("rootlessport", "./cmd/rootlessport")),
        tags="seccomp exclude_graphdriver_btrfs containers_image_openpgp",
        cgo=True,
    ),
    Module("go.etcd.io/etcd/server/v3", "v3.6.8", (("etcd", "."),)),
    Module(
        "k8s.io/kubernetes",
        KUBERNETES,
        tuple(
            (name, f"./cmd/{name}")
            for name in (
                "kube-apiserver",
                "kube-controller-manager",
                "kube-scheduler",
                "kubelet",
                "kubectl",
            )
        ),
        stamps=(f"{COMPONENT}.gitVersion", "k8s.io/client-go/pkg/version.gitVersion"),
    ),
    Module("helm.sh/helm/v3", "v3.22.0", (("helm", "./cmd/helm"),), on_demand=True),
    # For `make trust`: a registry with the referrers API, and the tools of the supply chain.
    Module("github.com/olareg/olareg", "v0.1.2", (("olareg", "./cmd/olareg"),), on_demand=True),
    Module("oras.land/oras", "v1.3.6", (("oras", "./cmd/oras"),), on_demand=True),
    Module(
        "github.com/anchore/syft",
        "v1.57.1",
        (("syft", "./cmd/syft"),),
        stamps=("main.version",),
        on_demand=True,
    ),
    Module(
        "github.com/sigstore/cosign/v3",
        "v3.1.3",
        (("cosign", "./cmd/cosign"),),
        stamps=("sigs.k8s.io/release-utils/version.gitVersion",),
        on_demand=True,
    ),
    Module(
        "github.com/anchore/grype",
        "v0.121.3",
        (("grype", "./cmd/grype"),),
        stamps=("main.version",),
        on_demand=True,
    ),
)


def path(program: str) -> Path:
    """Give where a program stands, built or not."""
    for module in MODULES:
        if program in dict(module.programs):
            return CACHE / f"{program}-{module.label}" / program
    raise KeyError(program)


def missing(module: Module, wanted: set[str]) -> list[tuple[str, str]]:
    """List the module's programs that are wanted and not built yet."""
    return [item for item in module.programs if item[0] in wanted and not path(item[0]).is_file()]


def run(command: list[str], **more: Any) -> None:
    """Run a command that downloads, again when it failed: what came already is not asked for again.

    Raises:
        CalledProcessError: it failed every time.
    """
    for pause in PAUSES:
        if not subprocess.run(command, check=False, **more).returncode:
            return
        print(f"  again in {pause} s: {' '.join(command[:4])} ...", flush=True)
        time.sleep(pause)
    subprocess.run(command, check=True, **more)


def source(module: Module, into: Path) -> Path:
    """Copy the module's source and make it the main module.

    Its `replace` lines name directories of a checkout that the proxy does not have; the versions of
    the same release take their place.
    """
    name = f"{module.path}@{module.version}"
    run(["go", "mod", "download", name], cwd=into)
    answer = subprocess.run(
        ["go", "mod", "download", "-json", name],
        capture_output=True,
        text=True,
        check=True,
        cwd=into,
    )
    found = json.loads(answer.stdout)
    tree = into / "source"
    shutil.copytree(found["Dir"], tree)
    for folder, _, files in os.walk(tree):  # the module cache is read-only
        Path(folder).chmod(0o755)
        for name in files:
            (Path(folder) / name).chmod(0o644)
    if not (tree / "go.mod").exists():
        (tree / "vendor.mod").rename(tree / "go.mod")
        (tree / "vendor.sum").rename(tree / "go.sum")
    _versions_for_replacements(tree / "go.mod", module.version)
    for name, version in module.instead:
        subprocess.run(
            ["go", "mod", "edit", "-replace", f"{name}={name}@{version}"], check=True, cwd=tree
        )
    return tree


def _versions_for_replacements(mod: Path, version: str) -> None:
    """Turn replacements by directories into replacements by versions."""
    text = mod.read_text()
    # k8s.io/kubernetes v1.N.M was released with its libraries at v0.N.M.
    library = re.sub(r"^v1\.", "v0.", version) if "k8s.io/kubernetes" in text else version
    # etcd sends what it must never import to ./FORBIDDEN_DEPENDENCY; such lines stay.
    pattern = r"(\S+) => \.\.?/(?!FORBIDDEN)\S+"
    mod.write_text(re.sub(pattern, rf"\1 => \1 {library}", text))


def build(module: Module, todo: list[tuple[str, str]]) -> None:
    """Build programs of one module with one call, so that they share the compiled packages."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=temporary("go")) as folder:
        tree = source(module, Path(folder))
        out = Path(folder) / "out"
        out.mkdir()
        stamp = module.stamp or module.version.replace("+incompatible", "")
        flags = " ".join(["-s -w", *(f"-X {name}={stamp}" for name in module.stamps)])
        command = ["go", "build", "-mod=mod", "-trimpath", "-ldflags", flags, "-tags", module.tags]
        environment = {
            **os.environ,
            "CGO_ENABLED": "1" if module.cgo else "0",
            "GOWORK": "off",
            "GOFLAGS": "-buildvcs=false",
        }
        packages = [package for _, package in todo]
        # Several are named after their packages; linking one goes on while another is compiled.
        target = out if len(todo) > 1 else out / todo[0][0]
        words = ["nice", *command, "-o", f"{target}/" if target == out else str(target), *packages]
        run(words, cwd=tree, env=environment)
        for name, _ in todo:
            _keep(out / name)


def _keep(made: Path) -> None:
    """Move a program to its place in one step, so that an interrupted run leaves nothing half."""
    place = path(made.name)
    place.parent.mkdir(parents=True, exist_ok=True)
    partial = place.with_name(f".{place.name}.{os.getpid()}")
    shutil.copy2(made, partial)
    partial.chmod(0o755)
    partial.replace(place)


def usual() -> list[str]:
    """Give the programs that a cluster needs."""
    return [name for module in MODULES if not module.on_demand for name, _ in module.programs]


def ensure(wanted: set[str]) -> None:
    """Build what is missing of the wanted programs."""
    for module in MODULES:
        todo = missing(module, wanted)
        if todo:
            begin = time.monotonic()
            names = ", ".join(name for name, _ in todo)
            print(f"building {names} ({module.path} {module.version})", flush=True)
            build(module, todo)
            print(f"  {time.monotonic() - begin:.0f} s", flush=True)


def main() -> None:
    """Read the command line."""
    known = [name for module in MODULES for name, _ in module.programs]
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("program", nargs="*", help=f"of: {' '.join(known)}")
    parser.add_argument("--list", action="store_true", help="show names, versions and paths")
    options = parser.parse_args()
    unknown = sorted(set(options.program) - set(known))
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; known: {', '.join(known)}")
    if options.list:
        for name in known:
            print(f"{name} {path(name)} {'built' if path(name).is_file() else 'missing'}")
        return
    ensure(set(options.program or usual()))


if __name__ == "__main__":
    sys.exit(main())
