"""No secret of a build is found in its pod, its logs or its images, however it ends."""

from __future__ import annotations

import base64
import json
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import harness
import layout
import levels
import pytest
from test_pipelines import organisation, run_pipeline

sys.path.append(str(Path(__file__).parents[1] / "host"))
from marks import Marks, leaks_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

AT_ONCE = 3
MARK = "STARTED_BY=the-test"
BASE = "FROM @R@/base/busybox:1\n"
SECRETS = [{"id": "env", "env": "TOKEN"}, {"id": "file", "src": "secret.txt"}]
MOUNTED = "RUN --mount=type=secret,id=env --mount=type=secret,id=file "
# What a pod keeps: memory, temporary files, homes, what is shared, and all processes.
LOOK = """
find /dev/shm /tmp /var/tmp /run /home /root /kaniko /workspace -xdev -type f -size -4096 \
  ! -name executor ! -path '*/overlay*' 2>/dev/null | while read -r file; do
  echo "$file"; cat "$file" 2>/dev/null
done
cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'
"""
# How a build ends: the Dockerfile's step, and what is done meanwhile.
ENDINGS: dict[str, tuple[str, str]] = {
    "well": ("true", ""),
    "a step that fails": ("exit 3", ""),
    "an abort": ("sleep 600", "TERM"),
    "a timeout": ("sleep 600", ""),
    "a kill": ("sleep 600", "KILL"),
    "well, after all of them": ("true; true", ""),
}


class Pod:
    """A pod of a strategy with secrets of its own, and all that was said in it."""

    def __init__(self, cluster: harness.Cluster, builder: str, work: Path) -> None:
        self.cluster, self.builder, self.work = cluster, builder, work
        self.marks = Marks()
        self.marks.add("the login", cluster.site.password)
        self.said: list[str] = []
        self.found: dict[str, set[str]] = {}
        self.stayed: dict[str, Counter[str]] = {}

    def run(self) -> None:
        """Build once for each ending; kaniko's stand-in needs a pod for each."""
        single = self.builder == "kaniko"
        groups = [[name] for name in ENDINGS] if single else [list(ENDINGS)]
        for group in groups:
            with harness.pod(self.cluster, self.builder, "e2e-privileged") as pod:
                began = self._running(pod)
                for name in group:
                    self._one(pod, name)
                if group != ["a kill"]:  # nobody could end them
                    looks = [self._running(pod) for _ in range(3)]  # a probe comes and goes
                    self.stayed[group[-1]] = (looks[0] & looks[1] & looks[2]) - began
                self.said.append(pod.state())
                self.said.append(json.dumps(self.cluster.get("-n", pod.namespace, "pod", pod.name)))

    def _one(self, pod: harness.Pod, name: str) -> None:
        step, meanwhile = ENDINGS[name]
        folder = self.work / name.replace(" ", "-")
        folder.mkdir(parents=True)
        text = BASE.replace("@R@", self.cluster.site.registry)
        # The stand-in of kaniko has no secrets.
        mounted = "RUN " if self.builder == "kaniko" else MOUNTED
        (folder / "Dockerfile").write_text(f"{text}{mounted}echo begun-42; {step}\n")
        (folder / "secret.txt").write_text(self.marks.file)
        (folder / ".dockerignore").write_text("secret.txt\n")
        image = f"{self.cluster.site.registry}/secrets/{self.builder}"
        more: dict[str, Any] = {} if self.builder == "kaniko" else {"secrets": SECRETS}
        if name == "a timeout":
            more["timeout"] = "5s"
        request = self.cluster.site.request(
            builder=self.builder, image=image, tags=["1"], retries=0, **more
        )
        # A login of the site, which is everybody's, and one that is nobody's.
        request["credentials"].append(
            {"type": "string", "variable": "OTHER", "username": "u", "registry": "other.example"}
        )
        env = {**self.cluster.site.login, "TOKEN": self.marks.env, "OTHER": self.marks.password}
        env["STARTED_BY"] = "the-test"
        meddler = threading.Thread(target=self._meddle, args=(pod, meanwhile))
        meddler.start()
        outcome = pod.build(request, env, folder, fresh=self.builder != "kaniko", seconds=120)
        meddler.join()
        assert bool(outcome.code or "error" in outcome.answer) != name.startswith("well"), (
            f"{name}: {outcome.code} {outcome.log}"
        )
        pod.exec("jnlp", "rm", "-f", f"{harness.WORKSPACE}/secret.txt")  # the checkout's own
        self.said += [outcome.log, json.dumps(outcome.answer)]
        if name != "a kill":  # nobody could clear up: the next build does
            self.found[name] = self._left(pod)

    def _running(self, pod: harness.Pod) -> Counter[str]:
        """Count the processes of the builder by name, once it is ready for a build."""
        time.sleep(1)
        look = 'while [ -e "${CONTAINERS_STORAGE_CONF-}.trying" ]; do sleep 0.1; done; '
        return Counter(pod.shell(f"{look}cat /proc/[0-9]*/comm 2>/dev/null; true").split("\n"))

    def _left(self, pod: harness.Pod) -> set[str]:
        """Name what is left in the pod once the script's processes have ended."""
        until = time.monotonic() + 15
        while True:
            found: set[str] = set()
            for container in ("builder", "tools", "jnlp"):
                done = pod.exec(container, "sh", "-c", LOOK)
                found |= {f"{one} in {container}" for one in self.marks.found(done.stdout)}
            look = f"find {harness.HOME} -type f ! -name '*.pyz' -exec cat {{}} +"
            done = pod.exec("jnlp", "sh", "-c", look)
            found |= {f"{one} in the workspace" for one in self.marks.found(done.stdout)}
            if not found or time.monotonic() > until:
                return found
            time.sleep(0.5)

    def _meddle(self, pod: harness.Pod, signal: str) -> None:
        """End the script while its step runs; a kill takes all that it has started in the pod."""
        logs = f"{harness.WORKSPACE}@tmp/podwright/*/podwright.*.log"
        for _ in range(120 if signal else 0):
            if not pod.exec("jnlp", "sh", "-c", f"grep -qs 'begun-42$' {logs}").returncode:
                break
            time.sleep(0.5)
        which = {"TERM": ("cmdline", "^sh .*/build.s[h] "), "KILL": ("environ", MARK)}
        if signal:
            file, pattern = which[signal]
            script = f"for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/{file} 2>/dev/null | "
            script += f"grep -q '{pattern}' && echo ${{p#/proc/}}; done"
            found = pod.exec("builder", "sh", "-c", script).stdout.decode().split()
            # The script itself began before its children.
            chosen = found if signal == "KILL" else sorted(found, key=int)[:1]
            pod.exec("builder", "sh", "-c", f"kill -{signal} {' '.join(chosen)}")


@pytest.fixture(scope="module")
def ended(
    request: pytest.FixtureRequest,
    cluster: harness.Cluster,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, tuple[Pod, Future[None]]]]:
    """Run the selected strategies' pods, some at a time."""
    specs = [getattr(item, "callspec", None) for item in request.session.items]
    builders = {spec.params["builder"] for spec in specs if spec and "builder" in spec.params}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        pods = {one: Pod(cluster, one, tmp_path_factory.mktemp(one)) for one in sorted(builders)}
        yield {name: (pod, pool.submit(pod.run)) for name, pod in pods.items()}


@pytest.mark.parametrize("builder", levels.builders())
def test_no_secret_is_found_after_any_end_of_a_build(
    builder: str, ended: dict[str, tuple[Pod, Future[None]]], cluster: harness.Cluster
) -> None:
    pod, running = ended[builder]
    running.result()
    assert {name: left for name, left in pod.found.items() if left} == {}
    assert pod.marks.found("\n".join(pod.said).encode()) == set()
    if cluster.site.kubeconfig == str(layout.KUBECONFIG):
        # Layers, configs with their histories; logs of all containers, also of those that are gone.
        pod.marks.forms = [item for item in pod.marks.forms if item[0] != "the login"]
        assert leaks_in(pod.marks, layout.STATE / "registry", layout.STATE / "pod-logs") == []


@pytest.mark.parametrize("builder", levels.builders())
def test_no_process_stays_after_any_end_of_a_build(
    builder: str, ended: dict[str, tuple[Pod, Future[None]]]
) -> None:
    """Beside those that were there before the first one."""
    pod, running = ended[builder]
    running.result()
    assert {name: sorted(left) for name, left in pod.stayed.items() if left} == {}


# A RUN step looks for the login: its password, and that with the user in Base64 as configs have it.
# Brackets keep the search from finding itself.
DOCKERFILE = """FROM scratch
COPY busybox /bin/busybox
COPY search.sh /search.sh
RUN ["/bin/busybox", "sh", "/search.sh"]
"""
SEARCH = """
b=/bin/busybox
$b find / -xdev -type f -size -99 2>/dev/null | $b grep -v ^/proc | while read -r f; do
  $b grep -qE '@' "$f" && echo "FOUND in $f"
done
for f in /proc/[0-9]*/environ /proc/[0-9]*/cmdline /dev/shm/*/*/* /dev/shm/*/* /run/*/* /run/*/*/* \
  /run/*/*/*/* /tmp/*/* /kaniko/.docker/*; do
  # Opening the planner's FIFO would wait for its next reader or writer.
  [ -f "$f" ] && $b grep -aqE '@' "$f" 2>/dev/null && echo "FOUND in $f"
done
echo looked-42
"""
PIPELINE = """@Library('podwright') _
buildImage(
  builder: params.BUILDER,
  image: "${params.REGISTRY}/secrets/search-${params.BUILDER}",
  context: 'app',
  credentials: [[credentialsId: 'registry-login', use: params.USE]],
) { checkout scm }
"""


def search(cluster: harness.Cluster, builder: str, use: str, work: Path) -> list[str]:
    """Give where a RUN step finds the login."""
    site = cluster.site
    token = base64.b64encode(f"{site.user}:{site.password}".encode()).decode()
    parts = [f"{word[:-1]}[{word[-1]}]" for word in (site.password[:12], token[:24])]
    folder = work / "example"
    (folder / "app").mkdir(parents=True)
    (folder / "app" / "Dockerfile").write_text(DOCKERFILE)
    (folder / "app" / "search.sh").write_text(SEARCH.replace("@", "|".join(parts)))
    (folder / "Jenkinsfile").write_text(PIPELINE)
    acme = organisation(work / "acme")
    done = run_pipeline(site, folder, builder, work / "run", acme, "--param", f"USE={use}")
    assert done.returncode == 0, done.stdout
    assert "looked-42" in done.stdout
    return [line for line in done.stdout.splitlines() if "FOUND in" in line]


@pytest.mark.parametrize("builder", levels.builders())
def test_no_run_step_finds_the_login_for_pushing(
    builder: str, cluster: harness.Cluster, tmp_path: Path
) -> None:
    use = "push" if builder == "kaniko" else "both"
    assert search(cluster, builder, use, tmp_path) == []


def test_a_run_step_of_kaniko_finds_a_login_that_is_for_pulling_as_well(
    cluster: harness.Cluster, tmp_path: Path
) -> None:
    """What the page about strategies says; and the search finds what is there."""
    assert search(cluster, "kaniko", "both", tmp_path)
