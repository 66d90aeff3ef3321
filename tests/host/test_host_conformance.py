"""The cases of the conformance suite on a laptop, with the builders that Debian 12 has.

They are older than those of pods; `laptop.json` has what is known to be otherwise, in the words of
`tests/conformance/cases.py`.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hostrig import WAYS, Outcome, Place, Way
from hostservers import Engine, Registry

HERE = Path(__file__).resolve().parent
sys.path += [str(HERE.parent / "conformance"), str(HERE.parent / "e2e")]

import cases  # noqa: E402 - after the path is set
import compare  # noqa: E402
import oci  # noqa: E402
import standins  # noqa: E402
import tables  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.engine
KNOWN: dict[str, dict[str, dict[str, Any]]] = json.loads((HERE / "laptop.json").read_text())
DEBIANS = {"buildah", "podman", "docker-20"}
LAPTOP = [way for way in WAYS if way.name in DEBIANS]


class Busybox(standins.Base):
    """This machine's busybox, from which the base image is made."""

    def __init__(self, program: Path) -> None:
        self.files = {"busybox": program.read_bytes()}


class Bases:
    """A registry over plain HTTP with the bases of the cases.

    Attributes:
        registry: it.
        image: the base of most cases, read.
    """

    def __init__(self, root: Path) -> None:
        self.registry = Registry(root / "registry", {})
        layout = oci.Layout(root / "layout")
        tiny = layout.blob(standins.tiny(Busybox(Path("/bin/busybox"))).data())
        standins.write_bases(layout, tiny)
        layout.close()
        for name, target in ((standins.BUSYBOX, "busybox"), (standins.CAPABLE, "capable")):
            there = f"docker://{self.registry.host}/base/{target}:1"
            _skopeo("--dest-tls-verify=false", f"oci:{layout.root}:{name}", there)
        self.image = self.pulled("base/busybox:1", root / "base")

    def pulled(self, name: str, into: Path) -> oci.Image:
        """Read an image as it was pushed."""
        _skopeo("--src-tls-verify=false", f"docker://{self.registry.host}/{name}", f"dir:{into}")
        return oci.read(into)


def _skopeo(*words: str) -> None:
    command = ["skopeo", "--insecure-policy", "copy", *words]
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bases]:
    """Give the bases."""
    made = Bases(tmp_path_factory.mktemp("bases"))
    yield made
    made.registry.close()


@pytest.fixture(scope="module")
def laptops() -> Iterator[dict[str, Place]]:
    """Give a workspace for each builder; it keeps the base, as a laptop does."""
    root = Path(tempfile.mkdtemp(prefix="pw-"))
    made = {way.name: Place(root / way.name) for way in LAPTOP}
    yield made
    for place in made.values():
        place.close()
    shutil.rmtree(root)


def judged(case: cases.Case, way: Way, done: Outcome, bases: Bases, into: Path) -> dict[str, Any]:
    """Say what became of a case, as `laptop.json` does; {} when it is as expected."""
    if done.code and not case.fails:
        return {"result": "refused"}
    if case.fails:
        matches = done.code and re.search(case.fails["log"], done.log)
        return {} if matches else {"result": "differs", "differences": [done.log]}
    image = bases.pulled(f"conformance/{case.name}:{way.name}", into)
    # The program of the base is this machine's.
    program = compare.line(bases.image.tree["/bin/busybox"])
    expected = {
        path: program if path == "/bin/busybox" else line for path, line in case.tree.items()
    }
    base = None if case.name in cases.NO_BASE else bases.image
    found = compare.differences(case.config, compare.config(image), "config")
    found += compare.differences(expected, compare.tree(image, base), "tree")
    return {"result": "differs", "differences": found} if found else {}


@pytest.mark.parametrize("way", LAPTOP, ids=lambda way: way.name)
@pytest.mark.parametrize("name", cases.names())
def test_the_image_is_what_the_case_expects_of_it(
    name: str,
    way: Way,
    laptops: dict[str, Place],
    bases: Bases,
    engine: Engine,
    tmp_path: Path,
) -> None:
    case = cases.load(name)
    place = laptops[way.name]
    shutil.rmtree(place.work / "context", ignore_errors=True)
    host = bases.registry.host
    case.prepare(place.work / "context", f"{host}/base/busybox:1")
    request = {
        "builder": way.builder,
        "image": f"{host}/conformance/{name}",
        "tags": [way.name],
        "registries": {host: {"http": True}},
        **case.parameters(),
    }
    done = place.build(request, env={**way.with_engine(engine).env, **case.env})
    found = judged(case, way, done, bases, tmp_path / "image")
    known = KNOWN.get(name, {}).get(way.name, {})
    assert found == {key: known[key] for key in ("result", "differences") if key in known}, done.log
    assert re.search(known.get("log", ""), done.log), done.log


def test_each_known_difference_is_of_a_case_and_says_why() -> None:
    assert sorted(set(KNOWN) - set(cases.names())) == []
    for name, ways in KNOWN.items():
        assert not set(ways) - DEBIANS, name
        for way, known in ways.items():
            assert len(known["why"]) > 20, f"{name}: {way} without a reason"
            assert set(known) == {"result", "why"} | (
                {"log"} if known["result"] == "refused" else {"differences"}
            )


def test_the_page_lists_the_known_differences() -> None:
    page = (tables.REFERENCE / "conformance.md").read_text()
    assert page.endswith("\n".join(tables.laptop()) + "\n")
