"""Large contexts in which nothing has changed: no builder is asked, and nothing is silently old."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hostrig import PASSWORD, USER, Outcome, Place, Running, request_for
from hostservers import Fault, wait_for

from podwright import contexts, resources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hostservers import FaultProxy, Registry

pytestmark = pytest.mark.engine
SAME = "nothing has changed: the image that is there gets new labels and tags"
ASKED = "comparing the context with that of the last build"
BUNDLE = Path(__file__).parents[2] / "resources/podwright/podwright.pyz"
BASE = "FROM scratch\nCOPY busybox /bin/busybox\n"
CREATED = "org.opencontainers.image.created"


class Site:
    """A repository with a base, and pods' workspaces with nothing in their storage."""

    def __init__(
        self, places: Callable[[str], Place], registry: Registry, builder: str, host: str = ""
    ) -> None:
        self.places, self.registry, self.builder = places, registry, builder
        self.path = f"whole/{os.urandom(4).hex()}"
        self.host = host or registry.host
        self.count = 0
        self.planners: list[subprocess.Popen[bytes]] = []
        self.base("1")

    def close(self) -> None:
        """End the planners."""
        for planner in self.planners:
            planner.kill()
            planner.wait()

    def place(self) -> Place:
        """Give a fresh workspace."""
        self.count += 1
        made = self.places(f"p{self.count}")
        self.fill(made)
        (made.root / "jobs").mkdir()
        shutil.copy(BUNDLE, made.root / "jobs/podwright.pyz")
        source = resources.text("listen.py").replace("/run/podwright/ask", f"{made.root}/run/ask")
        words = made.inside(sys.executable, "-I", "-c", source)
        self.planners.append(subprocess.Popen(words, env=made.environment()))
        wait_for("the planner", (made.root / "run/ask").exists)
        return made

    def fill(self, place: Place) -> None:
        """Put the context into a workspace, and nothing else."""
        for path in place.work.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        place.fill(
            f"FROM {self.host}/{self.path}/base:1\nARG WORD=none\nLABEL of=dockerfile\n"
            'COPY folder busybox /context/\nRUN ["/bin/busybox", "touch", "/made"]\n'
        )
        (place.work / "folder").mkdir()
        (place.work / "folder/file").write_text("one\n")
        (place.work / "folder/link").symlink_to("file")
        (place.work / "big").touch()
        os.truncate(place.work / "big", contexts.LARGE)

    def base(self, word: str) -> str:
        """Push a base; gives its digest."""
        place = self.places(f"base{word}")
        place.fill(f'{BASE}RUN ["/bin/busybox", "touch", "/{word}"]\n')
        asked = {**self.asked(), "image": f"{self.host}/{self.path}/base", "cache": False}
        done = place.build(asked)
        assert done.code == 0, done.log
        return str(done.value["digest"])

    def asked(self, **more: Any) -> dict[str, Any]:
        """Give a request."""
        found = request_for(self.host, builder=self.builder, cache=True, labels={CREATED: "then"})
        return {**found, "image": f"{self.host}/{self.path}/app", **more}

    def start(self, place: Place, env: dict[str, str] | None = None, **more: Any) -> Running:
        """Start a build as in a pod, whose planner stays behind its FIFO."""
        self.count += 1
        request = place.root / f"logs/request-{self.count}.json"
        request.write_text(json.dumps(self.asked(**more)))
        words = ("plan", "--json", "--request", str(request))
        planned = place.command(
            *words, env={"PODWRIGHT_BUILDER": self.builder, **(env or {})}
        ).end()
        assert planned.code == 0, planned.log
        job = place.root / f"jobs/{self.count}"
        job.mkdir()
        script = place.root / f"logs/build-{self.count}.sh"
        text = json.loads(planned.out)["script"].replace("PW_JOB=''", f"PW_JOB={job}")
        script.write_text(text)
        out, log = (script.with_suffix(end) for end in (".out", ".log"))
        with out.open("wb") as stdout, log.open("wb") as stderr:
            process = subprocess.Popen(
                place.inside("sh", str(script)),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                env=place.environment({"PODWRIGHT_PLANNER_FIFO": f"{place.root}/run/ask"}),
                start_new_session=True,
            )
        return Running(process, out, log, place.mark)

    def build(self, place: Place, env: dict[str, str] | None = None, **more: Any) -> Outcome:
        """Build."""
        done = self.start(place, env, **more).end()
        assert "value" in json.loads(done.out or "{}"), done.log
        assert [path.name for path in (place.root / "jobs").iterdir()] == ["podwright.pyz"]
        assert [path.name for path in (place.root / "run").glob("podwright.*")] == []
        return replace(done, out=json.dumps(json.loads(done.out)["value"]))

    def image(self, place: Place, digest: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Give manifest and config of an image."""
        login = ("--creds", f"{USER}:{PASSWORD}", "--tls-verify=false")
        name = f"docker://{self.registry.host}/{self.path}/app@{digest}"
        raw = place.tool("skopeo", "inspect", *login, "--raw", name)
        return json.loads(raw), json.loads(
            place.tool("skopeo", "inspect", *login, "--config", name)
        )

    def tags(self) -> list[str]:
        """Give the image's tags."""
        return self.registry.tags(f"{self.path}/app")


@pytest.fixture
def sites(places: Callable[[str], Place], registry: Registry) -> Iterator[Callable[..., Site]]:
    """Make repositories of their own."""
    made: list[Site] = []

    def make(builder: str = "buildah", host: str = "") -> Site:
        made.append(Site(places, registry, builder, host))
        return made[-1]

    yield make
    for site in made:
        site.close()


@pytest.fixture(params=["buildah", "podman"])
def site(request: pytest.FixtureRequest, sites: Callable[..., Site]) -> Site:
    """A repository for each builder."""
    return sites(request.param)


def test_what_is_unchanged_gets_labels_and_tags_without_a_builder(site: Site) -> None:
    first = site.build(site.place(), labels={CREATED: "before", "number": "the first"})
    assert SAME not in first.said
    assert ASKED in first.said
    assert site.tags() == ["1", "cache.whole"]
    place = site.place()
    labels = {CREATED: "now", "number": "the second"}
    second = site.build(place, labels=labels, tags=["2", "latest"])
    assert SAME in second.said, second.log
    assert "STEP" not in second.log
    assert site.tags() == ["1", "2", "cache.whole", "latest"]
    value = second.value
    assert (value["tags"], value["cachedSteps"]) == (["2", "latest"], 2)
    assert value["digest"] != first.value["digest"]
    assert value["size"] == pytest.approx(first.value["size"], rel=0.01)

    was, before = site.image(place, first.value["digest"])
    made, now = site.image(place, value["digest"])
    assert made["layers"] == was["layers"]
    assert made["mediaType"] == was["mediaType"]
    assert "the first" not in json.dumps(now)
    assert before["config"].pop("Labels")["number"] == "the first"
    found = now["config"].pop("Labels")
    assert {name: found[name] for name in ("of", *labels)} == {"of": "dockerfile", **labels}
    assert not [name for name in found if name.startswith("dev.podwright.")]
    # Some builders have a step for the labels.
    said = json.dumps(before["history"]).replace("the first", "the second")
    assert now.pop("history") == json.loads(said.replace("before", "now"))
    before.pop("history")
    assert now == before


def test_the_same_labels_are_the_same_image(site: Site) -> None:
    first, second = (site.build(site.place()) for _ in range(2))
    assert SAME in second.said
    assert second.value["digest"] == first.value["digest"]


CHANGES: dict[str, Callable[[Path], object]] = {
    "content of the same length": lambda work: (work / "folder/file").write_text("two\n"),
    "mode": lambda work: (work / "folder/file").chmod(0o755),
    "mode of a folder": lambda work: (work / "folder").chmod(0o700),
    "a folder": lambda work: (work / "empty").mkdir(),
    "a link": lambda work: (
        (work / "folder/link").unlink(),
        (work / "folder/link").symlink_to("./file"),
    ),
    "an owner": lambda work: os.chown(work / "folder/file", 7, 7),
    "a name": lambda work: (work / "folder/file").rename(work / "folder/fine"),
    "the Dockerfile": lambda work: (work / "Dockerfile").write_text(
        (work / "Dockerfile").read_text().replace("/made", "/MADE")
    ),
    "an ignore file": lambda work: (work / ".dockerignore").write_text("folder/link\n"),
}
OPTIONS: dict[str, dict[str, Any]] = {
    "a build argument": {"buildArgs": {"WORD": "other"}},
    "a label's name": {"labels": {CREATED: "then", "another": "1"}},
    "an annotation": {"annotations": {"a": "b"}},
    "not compared": {"cache": {"type": "registry", "compare": False}},
    "no cache": {"cache": False},
    "an archive": {"output": "app.tar"},
    "no newer base": {"pull": False},
}


def test_whatever_changes_is_built(sites: Callable[..., Site]) -> None:
    site = sites()
    site.build(site.place())
    place, reads = site.place(), {"CHANGE_ID": "1"}  # a pull request keeps nothing
    for name, change in CHANGES.items():
        site.fill(place)
        change(place.work)
        done = site.build(place, env=reads)
        assert (SAME in done.said, ASKED in done.said) == (False, True), name
    site.fill(place)
    for name, more in OPTIONS.items():
        assert SAME not in site.build(place, env=reads, **more).said, name
    site.fill(place)
    assert SAME in site.build(place, env=reads).said
    site.base("2")
    assert SAME not in site.build(place, env=reads).said
    assert site.tags() == ["1", "cache.whole"]


def test_what_changes_while_it_is_built_is_not_kept(sites: Callable[..., Site]) -> None:
    site = sites()
    place = site.place()
    dockerfile = (place.work / "Dockerfile").read_text()
    slow = dockerfile.replace("COPY", 'RUN ["/bin/busybox", "sleep", "4"]\nCOPY')
    (place.work / "Dockerfile").write_text(slow)
    running = site.start(place)
    running.until("STEP 4")
    (place.work / "folder/file").write_text("two\n")
    done = running.end()
    assert done.code == 0, done.log
    assert site.tags() == ["1"]


def test_branches_keep_their_own_and_read_the_main_one_too(sites: Callable[..., Site]) -> None:
    site = sites()
    main, branch = {"BRANCH_NAME": "main"}, {"BRANCH_NAME": "feature/x"}
    place = site.place()
    site.build(place, env=main)
    assert SAME in site.build(place, env=branch).said
    assert site.tags() == ["1", "cache.whole"]
    (place.work / "folder/file").write_text("two\n")
    assert SAME not in site.build(place, env=branch).said
    assert site.tags() == ["1", "cache.whole", "cache.whole-feature-x"]
    assert SAME in site.build(place, env=branch).said
    assert SAME not in site.build(place, env=main).said


def test_what_is_kept_and_not_whole_is_built_anew(sites: Callable[..., Site]) -> None:
    site = sites()
    place = site.place()
    first = site.build(place)
    made, _ = site.image(place, first.value["digest"])
    links = (
        site.registry.storage / "docker/registry/v2/repositories" / site.path / "app/_layers/sha256"
    )
    layer = made["layers"][-1]["digest"].partition(":")[2]
    (links / layer / "link").unlink()
    (site.registry.storage / f"docker/registry/v2/blobs/sha256/{layer[:2]}/{layer}/data").unlink()
    done = site.build(place, cache={"type": "registry"})
    assert SAME not in done.said
    site.image(place, done.value["digest"])


def test_what_the_registry_does_not_take_is_built(
    sites: Callable[..., Site], proxy: FaultProxy
) -> None:
    site = sites(host=proxy.host)
    proxy.fault = Fault(status=403, methods=("PUT",), path=r"/manifests/cache.whole")
    place = site.place()
    site.build(place)
    assert site.tags() == ["1"]
    proxy.fault = Fault()
    site.build(place)
    assert site.tags() == ["1", "cache.whole"]
    # Once: the push of the builder itself comes afterwards.
    proxy.fault = Fault(status=403, methods=("PUT",), path=r"/manifests/1$", times=1)
    done = site.build(place)
    assert SAME not in done.said
    assert "STEP" in done.log


IGNORES = {
    "nothing": "",
    "a folder": "folder\n",
    "everything but": "*\n!folder\n!busybox\n",
    "some of it": "folder/*\n!folder/file\n",
    "any depth": "**/file\n",
    "any depth but": "**/file\n!folder/deep/file\n",
    "later again": "*\n!folder\n!busybox\nfolder/deep\n",
    "forms": "# a comment\n\n  /folder/deep/ \n./big\n*.m?\n[ab]\n!\n",
    "not so": "!folder\n",
}


@pytest.mark.parametrize("builder", ["buildah", "podman"])
def test_all_that_a_builder_is_sent_counts(
    places: Callable[[str], Place], registry: Registry, builder: str
) -> None:
    """An ignore file that is read otherwise than a builder reads it would hide a change."""
    for number, (name, text) in enumerate(IGNORES.items()):
        place = places(f"i{number}")
        place.fill(f"{BASE}COPY . /context\n")
        for path in (
            "folder/file",
            "folder/deep/file",
            "folder/deep/er/x",
            "big",
            "x.md",
            "a",
            "c",
        ):
            (place.work / path).parent.mkdir(parents=True, exist_ok=True)
            (place.work / path).write_text("")
        (place.work / ".dockerignore").write_text(text)
        asked = request_for(registry, builder=builder, push=False, output="made.tar", cache=False)
        done = place.build(asked)
        if name == "forms" and done.code:
            continue  # a '!' alone is refused
        assert done.code == 0, done.log
        (place.work / "made.tar").rename(place.root / "made.tar")
        place.tool("umoci", "unpack", "--image", f"{_layout(place)}:1", f"{place.root}/bundle")
        root = place.root / "bundle/rootfs/context"
        sent = {str(path.relative_to(root)) for path in root.rglob("*")}
        tree = contexts.Tree(str(place.work), contexts.Ignores(text))
        counted = {path for path, _ in tree._all()}
        assert sent <= counted, name
        assert name in ("nothing", "not so", "any depth but") or len(counted) < 13, name


def _layout(place: Place) -> str:
    into = f"{place.root}/layout"
    place.tool("skopeo", "copy", "--quiet", f"oci-archive:{place.root}/made.tar", f"oci:{into}:1")
    return into
