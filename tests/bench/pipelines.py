"""Whole pipelines: the one that a competent author writes by hand beside `buildImage`.

The local runner runs both on the cluster, in turns: from `podTemplate` to the end of the pipeline,
with checkout, login, build, push and the digest. A `sh` outside of `container` is started by the
agent, for which the runner needs an exec: what that takes is measured, and taken off. Jenkins asks
a `sh` for its end less and less often while that says nothing (backoff.py), which the runner does
not: by the times of the lines that each `sh` has written it is added to both. For a shared library
Jenkins clones a repository first: cloning is measured for itself, and added to ours.

One pipeline has all pairs in it, for a controller has run for days when a build begins, and a Java
that has just started is slow at all that it does for the first time.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import backoff
import builds  # sets the path of what follows
import harness
import layout
import standins
from measuring import ROOT, Row, say, timed
from test_pipelines import credentials, organisation

if TYPE_CHECKING:
    from collections.abc import Iterator

REGISTRY = layout.PLAIN_REGISTRY
IMAGE = f"{REGISTRY}/bench/pipeline"
LEAN = ("vars", "src", "resources")
DOCKERFILE = """\
FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
RUN date > /date
"""
# The second one is what compilers and package managers do: nothing is said for a while.
STEPS = {"small": "", "silent": "RUN sleep 40\n"}

_CONFIG = (
    'mkdir -p "$DOCKER_CONFIG"; auth=$(printf %s "$USR:$PSW" | base64 | tr -d "\\n"); '
    f'printf \'{{"auths":{{"{REGISTRY}":{{"auth":"%s"}}}}}}\' "$auth" >"$DOCKER_CONFIG/config.json"'
)
_DOCKER = f"""
printf %s "$PSW" | docker login -u "$USR" --password-stdin {REGISTRY}
docker build -t {IMAGE}:1 .
docker push {IMAGE}:1
docker inspect --format '{{{{index .RepoDigests 0}}}}' {IMAGE}:1 | cut -d @ -f 2 >digest"""
_CONTAINERS = f"""
printf %s "$PSW" | @ login --tls-verify=false -u "$USR" --password-stdin {REGISTRY}
@ build --isolation chroot --layers -t {IMAGE}:1 .
@ push --tls-verify=false --digestfile digest {IMAGE}:1"""
# What the one `sh` does: login, build, push, and the digest into a file, which `readFile` reads.
WORDS = {
    "buildkit": f"""
{_CONFIG}
export BUILDKIT_HOST=unix:///run/buildkit/buildkitd.sock
buildctl build --progress plain --frontend dockerfile.v0 --local context=. --local dockerfile=. \\
  --metadata-file meta --output type=image,name={IMAGE}:1,push=true,registry.insecure=true
sed -n 's/.*"containerimage.digest": "\\([^"]*\\)".*/\\1/p' meta >digest""",
    "kaniko": f"""
{_CONFIG}
/kaniko/executor --context "dir://$PWD" --insecure --destination {IMAGE}:1 --digest-file digest""",
    "buildah": _CONTAINERS.replace("@", "buildah"),
    "podman": _CONTAINERS.replace("@", "podman"),
    **dict.fromkeys(("dind", "dind-sidecar", "dood"), _DOCKER),
}
HAND = """\
def hand() {{
podTemplate(showRawYaml: false, yaml: '''{pod}''') {{
  node(POD_LABEL) {{
    checkout scm
    dir('app') {{
      container('builder') {{
        withCredentials([usernamePassword(credentialsId: 'registry-login',
            usernameVariable: 'USR', passwordVariable: 'PSW')]) {{
          sh '''set +x
export STORAGE_DRIVER=vfs DOCKER_CONFIG="$PWD@tmp/docker"
mkdir -p "$DOCKER_CONFIG"
{words}
'''
        }}
      }}
      echo "pushed {image}@${{readFile('digest').trim()}}"
    }}
  }}
}}
}}
"""
OURS = """\
def ours() {{
def built = buildImage(builder: '{builder}', image: '{image}', tags: ['1'], context: 'app',
  credentials: 'registry-login', registries: ['{registry}': [http: true]]) {{
  checkout scm
}}

echo "pushed ${{built.reference}}"
}}
"""
PAIRS = """\
@Library('podwright') _

for (int i = 0; i <= {runs}; i++) {{
  List<String> both = i % 2 == 0 ? ['hand', 'ours'] : ['ours', 'hand']
  for (int k = 0; k < 2; k++) {{
    sleep 4 // what ends shall not slow down what is measured next
    echo "begin ${{both[k]}}"
    both[k] == 'ours' ? ours() : hand()
  }}
}}

"""


@dataclass
class Run:
    """A pipeline's run.

    Attributes:
        seconds: from the first step to the end.
        lines: of its log, and when each came.
    """

    lines: list[tuple[float, str]] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Give the seconds from the pod's template to the end of `node`, without files.

        Jenkins removes the pod when the build goes on already; the runner waits for it.
        """
        first = next(when for when, line in self.lines if "[Pipeline] podTemplate" in line)
        node, _ = [when for when, line in self.lines if line == "[Pipeline] }"][-2:]
        return node - first - self.files

    @property
    def files(self) -> float:
        """Give the seconds that the runner took for files of the agent."""
        return sum(
            after - when
            for (when, line), (after, _) in zip(self.lines, self.lines[1:])
            if line in ("[Pipeline] writeFile", "[Pipeline] readFile")
        )

    @property
    def launches(self) -> int:
        """Give how many `sh` the agent starts by itself, outside of `container`."""
        found, inside, last = 0, [False], ""
        for _, line in self.lines:
            if line == "[Pipeline] {":
                inside.append(inside[-1] or last.startswith("[Pipeline] container"))
            elif line == "[Pipeline] }":
                inside.pop()
            found += line.startswith("[Pipeline] sh") and not inside[-1]
            last = line
        return found

    def late(self, *, pulse: bool) -> float:
        """Give how late Jenkins sees the ends of all `sh`.

        A pulse, each second, is no line, so the runner does not show it; Jenkins sees it.
        """
        found, began, said = 0.0, 0.0, list[float]()
        for when, line in self.lines:
            if began and line.startswith("[Pipeline]"):
                beats = range(1, int(when - began) + 1) if pulse else ()
                found += backoff.late_after([*said, *beats], when - began)
                began = 0.0
            if line.startswith("[Pipeline] sh"):
                began, said = when, []
            elif began:
                said.append(when - began)
        return found


def compare(
    bench: builds.Bench, builders: list[str], runs: int, shapes: list[str], agents: builds.Agents
) -> Iterator[Row]:
    """Measure pairs of pipelines.

    With an agent that plans the library is in Jenkins' cache, as docs/how-to/install.md recommends.
    """
    tuned = bool(agents.config)
    with tempfile.TemporaryDirectory(prefix="podwright-bench-") as place:
        work = Path(place)
        library = _library(work)
        organisation(work / "acme", **agents.config)
        clones = [timed(lambda: _clone(work, library)) for _ in range(3)]
        clone = 0.0 if tuned else sorted(clones)[1]
        exec_ = _exec(bench)
        say(f"  cloning the library: {clone:.2f} s; an exec: {exec_:.2f} s")
        for shape in shapes:
            source = _source(work, shape)
            for builder in builders:
                group, name = agents.named(f"pipeline, {shape}"), agents.row(builder)
                row = Row(group, name, partner="by hand", goal=1.0)
                plain = Row(group, f"{name}, with its exec", partner="by hand")
                pairs = _runs(bench, work, source, builder, agents, runs)
                for number, (ours, done) in enumerate(pairs):
                    late = done.late(pulse=ours)
                    seconds = done.seconds + late + (clone if ours else 0.0)
                    spared = exec_ * done.launches
                    say(
                        f"  {builder}, {shape}, {'ours' if ours else 'by hand'}: "
                        f"{done.seconds:.2f} s, seen {late:.2f} s late"
                    )
                    if number > 1:  # the first pair fills caches
                        (row.values if ours else row.beside).append(seconds - spared)
                        (plain.values if ours else plain.beside).append(seconds)
                yield row
                if row.values != plain.values:
                    yield plain


def _exec(bench: builds.Bench) -> float:
    """Give the seconds that an exec takes."""
    with harness.pod(bench.cluster, "kaniko", builds.NAMESPACE) as pod:
        return statistics.median(timed(lambda: pod.shell("true")) for _ in range(9))


def _git(folder: Path, *words: str) -> None:
    own = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    subprocess.run(["git", "-C", str(folder), *own, *words], check=True, capture_output=True)


def _repository(folder: Path) -> None:
    _git(folder, "init", "-q", "-b", "main")
    _git(folder, "add", "-A")
    _git(folder, "commit", "-q", "-m", "All of it")


def _library(work: Path) -> Path:
    """Make the repository that Jenkins would clone: the release's tree."""
    folder = work / "library"
    for name in LEAN:
        shutil.copytree(ROOT / name, folder / name)
    _repository(folder)
    return folder


def _clone(work: Path, library: Path) -> None:
    """Do what the git plugin does for a library."""
    with tempfile.TemporaryDirectory(dir=work) as place:
        folder = Path(place)
        _git(folder, "init", "-q", "-b", "main")
        refs = "+refs/heads/*:refs/remotes/origin/*"
        _git(folder, "fetch", "--tags", "--force", "--", f"file://{library}", refs)
        _git(folder, "checkout", "-q", "-f", "origin/main")


def _source(work: Path, shape: str) -> Path:
    """Make the repository with the image's source."""
    app = work / shape / "app"
    app.mkdir(parents=True)
    shutil.copy("/bin/busybox", app / "busybox")
    (app / "Dockerfile").write_text(DOCKERFILE + STEPS[shape], encoding="utf-8")
    _repository(work / shape)
    return work / shape


def _pod(builder: str) -> dict[str, Any]:
    """Give the pod by hand, whose engine knows that the registry has no TLS."""
    made = builds.by_hand(builder)
    for item in [*made["spec"].get("initContainers", []), *made["spec"]["containers"]]:
        part = item.get("args") or item["command"]
        if "dockerd" in part:
            part.append(f"--insecure-registry={REGISTRY}")
    return made


def _text(builder: str, runs: int) -> str:
    pod = json.dumps(_pod(builder)).replace("\\", "\\\\").replace("'", "\\'")
    words = WORDS[builder].replace("\\", "\\\\").replace("'", "\\'")
    hand = HAND.format(pod=pod, words=words, image=IMAGE)
    ours = OURS.format(builder=builder, image=IMAGE, registry=REGISTRY)
    return PAIRS.format(runs=runs) + hand + ours


def _runs(
    bench: builds.Bench, work: Path, source: Path, builder: str, agents: builds.Agents, runs: int
) -> list[tuple[bool, Run]]:
    """Run pairs of pipelines, as one; gives whether each is ours, and how it went.

    Raises:
        RuntimeError: it failed; with its log.
    """
    with tempfile.TemporaryDirectory(dir=work) as place:
        folder, acme = Path(place), work / "acme"
        (folder / "Jenkinsfile").write_text(_text(builder, runs), encoding="utf-8")
        (folder / "credentials.json").write_text(json.dumps(credentials(bench.site)))
        command = [str(ROOT / "tests/runner/run-pipeline"), "--kubernetes"]
        command += ["--namespace", builds.NAMESPACE]
        # Ours names its own.
        command += ["--agent-image", agents.image or standins.AGENT]
        command += ["--agent-url", bench.controller.url] if agents.image else []
        command += ["--restricted-agent", "--scm", str(source)]
        command += ["--credentials", str(folder / "credentials.json")]
        command += ["--workspace-root", str(folder / "agent")]
        command += ["--library", f"podwright={work / 'library'}"]
        command += ["--implicit-library", f"acme={acme}"]
        command += ["--env", "PODWRIGHT_RESOURCES=acme-podwright"]
        command += ["--env", f"PODWRIGHT_CONFIG={acme / 'acme.yaml'}"]
        whole = _followed([*command, str(folder / "Jenkinsfile")], bench.site.kubeconfig)
    found: list[tuple[bool, Run]] = []
    run = Run()
    for when, line in whole.lines:
        if line in ("begin hand", "begin ours"):
            run = Run()
            found.append((line == "begin ours", run))
        run.lines.append((when, line))
    return found


def _followed(command: list[str], kubeconfig: str) -> Run:
    """Run a pipeline and note when each line comes.

    Raises:
        RuntimeError: it failed; with its log.
    """
    run = Run()
    with subprocess.Popen(
        command,
        env=harness.environment(kubeconfig),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        for line in process.stdout or ():
            run.lines.append((time.perf_counter(), line.rstrip()))
    if process.returncode:
        raise RuntimeError("\n".join(line for _, line in run.lines))
    return run
