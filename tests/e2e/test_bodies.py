"""Bodies of `withBuilderPod` that use the strategy's engine; the pipelines of examples/ in pods."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import harness
import layout
import pytest
import standins

if TYPE_CHECKING:
    from pathlib import Path

ENGINES = ["dind", "dind-sidecar", "dood", "podman"]
LOGIN = 'printf %s "$REGISTRY_PSW" | $D login --username "$REGISTRY_USR" --password-stdin {registry}'
TALK = """
$D network create net
$D run -d --name web --network net {image} sh -c 'echo hello > /index.html && httpd -f -h / -p 80'
for try in 1 2 3 4 5 6 7 8 9 10; do
  $D run --rm --network net {image} wget -qO- http://web/index.html && break
  sleep 1
done
$D rm -f web
$D network rm net
"""


def body(pod: harness.Pod, script: str) -> str:
    """Run a pipeline's own shell step in the builder's container."""
    site = pod.cluster.site
    client = "podman --remote --url $DOCKER_HOST" if pod.builder == "podman" else "docker"
    text = script.format(registry=site.registry, image=f"{site.registry}/base/busybox:1")
    lines = [f"export {k}={harness._quoted(v)}" for k, v in site.login.items()]
    whole = "\n".join([*lines, f"D='{client}'", 'eval "D=\\"$D\\""', "set -e", text])
    return pod.shell(whole, seconds=120)


@pytest.mark.parametrize("builder", ENGINES)
def test_a_pipeline_runs_containers_that_talk_to_each_other(
    builder: str, cluster: harness.Cluster
) -> None:
    with harness.pod(cluster, builder, "e2e-privileged") as pod:
        said = body(pod, LOGIN + "\n$D pull -q {image}\n" + TALK)
    assert "hello" in said.splitlines()


@pytest.mark.parametrize("builder", ENGINES)
def test_a_container_sees_its_own_output_and_exit_code(
    builder: str, cluster: harness.Cluster
) -> None:
    with harness.pod(cluster, builder, "e2e-privileged") as pod:
        said = body(
            pod, LOGIN + "\n$D run --rm {image} sh -c 'echo out; exit 7' || echo \"code $?\""
        )
    assert said.splitlines()[-2:] == ["out", "code 7"]


EXAMPLES = {
    "declarative": ["declarative"],
    "several-images": ["api", "last", "web"],
    "secrets": ["secrets"],
    "parallel": ["parallel-one", "parallel-two"],
    "planned-pod": ["planned-pod"],
}
# As tests/host has it: these have tests of their own.
ELSEWHERE = {"hello", "seed"}


def test_every_example_is_run() -> None:
    folders = {path.parent.name for path in (harness.ROOT / "examples").glob("*/Jenkinsfile")}
    assert folders - ELSEWHERE == set(EXAMPLES)


@pytest.mark.parametrize("builder", ["buildkit", "buildah"])
@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_the_pipelines_of_the_examples_run_on_the_cluster(
    name: str, builder: str, cluster: harness.Cluster, tmp_path: Path
) -> None:
    if cluster.site.kubeconfig != str(layout.KUBECONFIG):
        pytest.skip("the examples speak plain HTTP: needs the registry of the tests' own cluster")
    source = tmp_path / "source"
    shutil.copytree(harness.ROOT / "examples" / name, source)
    shutil.copy("/bin/busybox", source / "app" / "busybox")
    git = ["git", "-C", str(source), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "The example"]):
        subprocess.run([*git, *words], check=True)
    site = cluster.site
    login = {"type": "usernamePassword", "username": site.user, "password": site.password}
    credentials = {
        "registry-login": login,
        "api-token": {"type": "string", "secret": "examples-t0ken"},
        "settings-file": {"type": "file", "content": "s3ttings", "fileName": "settings.xml"},
    }
    (tmp_path / "credentials.json").write_text(json.dumps(credentials))
    command = [str(harness.ROOT / "tests/groovy/run-pipeline")]
    command += ["--library", f"podwright={harness.ROOT}", "--kubernetes"]
    command += ["--namespace", "e2e-baseline", "--agent-image", standins.AGENT]
    command += ["--restricted-agent", "--scm", str(source)]
    command += ["--credentials", str(tmp_path / "credentials.json")]
    command += ["--param", f"REGISTRY={layout.PLAIN_REGISTRY}", "--param", f"BUILDER={builder}"]
    command += ["--workspace-root", str(tmp_path / "agent")]
    done = subprocess.run(
        [*command, str(source / "Jenkinsfile")],
        env={**os.environ, "KUBECONFIG": site.kubeconfig},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    found = re.findall(
        r"^(?:\[\w+\] )?reference: \S+/examples/([a-z-]+)@sha256:", done.stdout, re.MULTILINE
    )
    assert sorted(found) == EXAMPLES[name], done.stdout[-4000:]
    assert "examples-t0ken" not in done.stdout
