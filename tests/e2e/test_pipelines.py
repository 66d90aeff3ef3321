"""The pipelines of examples/, run by the local runner in real pods, with every strategy."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import harness
import layout
import levels
import pytest
import standins

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# What the folders' pipelines build, by repository.
EXAMPLES = {
    "declarative": ["declarative"],
    "several-images": ["api", "last", "web"],
    "secrets": ["secrets"],
    "parallel": ["parallel-one", "parallel-two"],
    "planned-pod": ["planned-pod"],
    "hello": ["hello"],
    "push-apart": ["push-apart"],
}
# Those of languages and layouts need nothing of a pod: tests/host/test_examples.py runs them. The
# jobs of `seed` have tests of their own: it builds no image. `pool` is in test_pool.py, `compose`
# in tests/engine/test_authz_compose_engine.py.
ELSEWHERE = {
    *("compose", "go", "maven", "monorepo", "multi-platform", "node", "private-registry", "python"),
    *("pool", "seed", "test-then-push", "wrapper-library"),
}
# All but these leave the strategy to a parameter; the smallest one is run with each all the same.
FIXED = {"push-apart": "kaniko"}
SMALL, LINES = "hello", 45
PAIRS = [
    (name, builder)
    for name in sorted(EXAMPLES)
    for builder in ([FIXED[name]] if name in FIXED else levels.builders())
]
# The stand-in of kaniko is older than the fork: it has no --secret (as the conformance suite's
# case `secret` tells), and what it leaves behind its own --cleanup is no place for a second image.
REFUSED = {
    ("secrets", "kaniko"): "unknown flag: --secret",
    ("several-images", "kaniko"): "a RUN step needs /bin/sh, and the image has none",
}
RECORDED = json.loads(levels.DATA.read_text())
TOKEN, SETTINGS = "examples-t0ken", "examples-s3ttings"
NOT_COUNTED = re.compile(r"Loading library acme|\[pipeline-\S+\] (?:\w+: \w+$|not scheduled: )")
LOGS = harness.ROOT / "build" / "small-logs"
AT_ONCE = 1  # two processors are busy enough with what runs beside it


class Pipelines:
    """Runs all selected pipelines, some at a time; tests wait for their own."""

    def __init__(self, site: harness.Site, pairs: list[tuple[str, str]], work: Path) -> None:
        self._site, self._work = site, work
        self.organisation = organisation(work / "acme")
        self._pool = ThreadPoolExecutor(AT_ONCE)
        self._futures: dict[tuple[str, str], Future[subprocess.CompletedProcess[str]]] = {
            (name, builder): self._pool.submit(self._run, name, builder) for name, builder in pairs
        }

    def result(self, name: str, builder: str) -> subprocess.CompletedProcess[str]:
        """Wait for a pipeline's end."""
        return self._futures[name, builder].result()

    def close(self) -> None:
        """Begin no more pipelines, and wait for those that run."""
        self._pool.shutdown(cancel_futures=True)

    def _run(self, name: str, builder: str) -> subprocess.CompletedProcess[str]:
        folder = harness.ROOT / "examples" / name
        work = self._work / f"{name}-{builder}"
        return run_pipeline(self._site, folder, builder, work, self.organisation)


def run_pipeline(
    site: harness.Site, folder: Path, builder: str, work: Path, acme: Path, *more: str
) -> subprocess.CompletedProcess[str]:
    """Run a folder's pipeline on the cluster; its standard output is the pipeline's log."""
    source = work / "source"
    shutil.copytree(folder, source)
    shutil.copy("/bin/busybox", source / "app" / "busybox")
    text = (source / "Jenkinsfile").read_text()
    (source / "Jenkinsfile").write_text(text.replace("r: 'buildah'", f"r: '{builder}'"))
    git = ["git", "-C", str(source), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "The example"]):
        subprocess.run([*git, *words], env=layout.ENVIRONMENT, check=True)
    (work / "credentials.json").write_text(json.dumps(credentials(site)))
    level = RECORDED["presets"][builder]["level"]
    command = [str(harness.ROOT / "tests/runner/run-pipeline")]
    command += ["--library", f"podwright={harness.ROOT}", "--kubernetes"]
    command += ["--implicit-library", f"acme={acme}"]
    command += ["--env", "PODWRIGHT_RESOURCES=acme-podwright"]
    command += ["--env", f"PODWRIGHT_CONFIG={acme / 'acme.yaml'}"]
    command += ["--namespace", f"e2e-{level}", "--agent-image", standins.AGENT]
    command += ["--restricted-agent", "--scm", str(source)]
    command += ["--credentials", str(work / "credentials.json")]
    command += ["--param", f"REGISTRY={layout.PLAIN_REGISTRY}", "--param", f"BUILDER={builder}"]
    command += ["--workspace-root", str(work / "agent"), *more]
    return subprocess.run(
        [*command, str(source / "Jenkinsfile")],
        env=harness.environment(site.kubeconfig),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
        check=False,
    )


def organisation(folder: Path, **settings: object) -> Path:
    """Make an organisation's library, as docs/how-to/install.md says, with these settings.

    Engines learn of a registry without TLS from nowhere else.
    """
    pods = folder / "resources" / "acme-podwright" / "pods"
    pods.mkdir(parents=True)
    (folder / "vars").mkdir()
    (folder / "vars" / "acme.txt").write_text("Jenkins wants src/ or vars/ in each library.\n")
    config = folder / "acme.yaml"
    registries = {layout.PLAIN_REGISTRY: {"http": True}}
    config.write_text(json.dumps({"registries": registries, **settings}))
    words = ["generate", "--presets", str(pods), "--config", str(config)]
    bundle = [sys.executable, "-I", str(harness.BUNDLE)]
    subprocess.run([*bundle, *words], env=layout.ENVIRONMENT, check=True, capture_output=True)
    return folder


def credentials(site: harness.Site) -> dict[str, dict[str, str]]:
    """Give what the pipelines name by id."""
    login = {"type": "usernamePassword", "username": site.user, "password": site.password}
    return {
        "registry-login": login,
        "api-token": {"type": "string", "secret": TOKEN},
        "settings-file": {"type": "file", "content": SETTINGS, "fileName": "settings.xml"},
    }


@pytest.fixture(scope="module")
def pipelines(
    request: pytest.FixtureRequest,
    cluster: harness.Cluster,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Pipelines]:
    if cluster.site.kubeconfig != str(layout.KUBECONFIG):
        pytest.skip("the examples speak plain HTTP: needs the registry of the tests' own cluster")
    specs = [getattr(item, "callspec", None) for item in request.session.items]
    wanted = [spec.params for spec in specs if spec and set(spec.params) == {"builder", "name"}]
    pairs = [(p["name"], p["builder"]) for p in wanted if p["name"] in EXAMPLES]
    made = Pipelines(cluster.site, pairs, tmp_path_factory.mktemp("examples"))
    yield made
    made.close()


def test_every_example_is_run() -> None:
    folders = {path.parent.name for path in (harness.ROOT / "examples").glob("*/Jenkinsfile")}
    assert folders - ELSEWHERE == set(EXAMPLES)


APART = """@Library('podwright') _
def built = buildImage(
  image: "${params.REGISTRY}/examples/apart-${params.BUILDER}",
  builder: params.BUILDER,
  credentials: 'registry-login',
  tags: ['1'],
  platforms: ['linux/amd64', 'linux/386'],
  podPerPlatform: true,
) {
  checkout scm
}
echo "reference: ${built.reference}"
"""


@pytest.mark.parametrize("builder", levels.builders())
def test_platforms_are_built_in_pods_of_their_own_and_joined(
    builder: str, pipelines: Pipelines, site: harness.Site, tmp_path: Path
) -> None:
    source = tmp_path / "folder"
    (source / "app").mkdir(parents=True)
    (source / "Jenkinsfile").write_text(APART)
    text = "FROM scratch\nARG TARGETARCH\nCOPY Dockerfile /$TARGETARCH\n"
    (source / "Dockerfile").write_text(text)

    done = run_pipeline(site, source, builder, tmp_path, pipelines.organisation)

    assert done.returncode == 0, done.stdout[-4000:]
    assert done.stdout.count("joined linux/") == 1
    command = ["skopeo", "--insecure-policy", "inspect", "--raw", "--tls-verify=false"]
    command += ["--creds", f"{site.user}:{site.password}"]
    image = f"docker://{layout.PLAIN_REGISTRY}/examples/apart-{builder}:1"
    told = subprocess.run(
        [*command, image], env=layout.ENVIRONMENT, capture_output=True, text=True, check=True
    )
    platforms = [item["platform"] for item in json.loads(told.stdout)["manifests"]]
    found = sorted(item["architecture"] for item in platforms if item["os"] == "linux")
    assert found == ["386", "amd64"]


PLANNED = """@Library('podwright') _
withBuilderPod(builder: params.BUILDER) {
  checkout scm
  sh 'ls /run/podwright'
  def built = buildImage(
    image: "${params.REGISTRY}/examples/planned-${params.BUILDER}",
    credentials: 'registry-login',
    tags: ['1'],
    report: true,
  )
  echo "reference: ${built.reference}"
}
"""


@pytest.mark.usefixtures("pipelines")
@pytest.mark.parametrize("builder", levels.builders())
def test_an_agent_with_python_plans_and_makes_the_report(
    builder: str, site: harness.Site, tmp_path: Path
) -> None:
    """The agent of the tests has python3, as the image in resources/podwright/images/planner."""
    done, names = planned(site, builder, tmp_path, PLANNED, agent=standins.AGENT)
    assert next(name for name in names if not name.startswith("sidecar ")) == "jnlp"
    assert {"tools", "builder"} & set(names) == {"builder"}
    assert re.search(r"^ask$", done.stdout, re.MULTILINE), done.stdout[-4000:]
    assert len(re.findall(r"^reference: \S+@sha256:", done.stdout, re.MULTILINE)) == 1


def planned(
    site: harness.Site, builder: str, place: Path, pipeline: str, **images: str
) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Run a pipeline of an organisation whose agent plans; gives its pod's containers too."""
    acme = organisation(place / "acme", images=images)
    source = place / "folder"
    (source / "app").mkdir(parents=True)
    (source / "Jenkinsfile").write_text(pipeline)
    (source / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    done = run_pipeline(site, source, builder, place, acme)
    assert done.returncode == 0, done.stdout[-4000:]
    pod = re.findall(r"^Pod \S+: (.*)$", done.stdout, re.MULTILINE)
    return done, [re.sub(r" \(.*", "", item) for item in pod[0].split("), ")]


TOGETHER = """
@Library('podwright') _

def built = buildImage(
  builder: params.BUILDER,
  image: "${params.REGISTRY}/examples/together-${params.BUILDER}",
  credentials: 'registry-login',
  tags: ['1'],
) {
  checkout scm
  sh 'docker version'
}
echo "reference: ${built.reference}"
withBuilderPod(builder: params.BUILDER) {
  sh 'echo "agent: $(docker version --format "{{.Server.Version}}")"'
  container('builder') {
    sh 'echo "builder: $(docker version --format "{{.Server.Version}}")"'
  }
}
"""


@pytest.mark.usefixtures("pipelines")
@pytest.mark.parametrize("builder", ["dood", "dind-sidecar"])
def test_an_agent_with_dockers_client_builds(
    builder: str, site: harness.Site, tmp_path: Path
) -> None:
    """No container is there for the client but for the body of withBuilderPod."""
    own = standins.DOCKER_AGENT
    images = {"agent": own, "docker-cli": own}
    done, names = planned(site, builder, tmp_path, TOGETHER, **images)
    assert not {"tools", "builder"} & set(names), names
    said = done.stdout.partition("reference: ")
    assert "[Pipeline] container" not in said[0]
    assert re.match(r"\S+@sha256:", said[2])
    engines = re.findall(r"^(agent|builder): (29[.].*)$", said[2], re.MULTILINE)
    assert [name for name, _ in engines] == ["agent", "builder"], done.stdout[-4000:]


@pytest.mark.parametrize(("name", "builder"), PAIRS, ids=[f"{n}-{b}" for n, b in PAIRS])
def test_the_pipelines_of_the_examples_run_on_the_cluster(
    name: str, builder: str, pipelines: Pipelines
) -> None:
    done = pipelines.result(name, builder)
    said = done.stdout[-4000:]
    for secret in (TOKEN, SETTINGS):
        assert secret not in done.stdout
    if (name, builder) in REFUSED:
        assert done.returncode != 0, said
        assert REFUSED[name, builder] in done.stdout, said
        return
    assert done.returncode == 0, said
    found = re.findall(
        r"^(?:\[\w+\] )?(?:reference:|built) \S+/(?:examples|demo)/([a-z-]+)@sha256:",
        done.stdout,
        re.MULTILINE,
    )
    assert sorted(found) == EXAMPLES[name], said
    if name == SMALL:
        LOGS.mkdir(parents=True, exist_ok=True)
        (LOGS / f"{builder}.log").write_text(done.stdout)
        # The organisation's library is the tests' own; how often a pod's state is told is the
        # node's affair.
        lines = [line for line in done.stdout.splitlines() if not NOT_COUNTED.match(line)]
        assert len(lines) <= LINES, done.stdout
