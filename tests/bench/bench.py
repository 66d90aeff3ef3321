"""Measure podwright; groups of builds need a cluster.

    tests/bench/bench.py                                   # start, rendering, silence
    tests/bench/bench.py overhead --builders kaniko --runs 7
    tests/bench/bench.py cache --shape ten --runs 5
    tests/bench/bench.py --compare build/bench-before.json # of what was measured before

Samples are added to build/bench.json; --page and --pictures show them as plots.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Callable

import backoff
import measuring
import pictures
from measuring import ROOT, Row, say

if TYPE_CHECKING:
    from collections.abc import Iterator

BUNDLE = ROOT / "resources" / "podwright" / "podwright.pyz"
ABOUT = {
    "start": "Processor time of one command, from the start of the interpreter to its end.",
    "rendering": "Pods that one process renders in a second.",
    "overhead": "One build in a pod that is there, by podwright and by the builder's own words: "
    "planning, logins, the log, and asking the registry for the result.",
    "pod start": "From the pod's creation to its first line, beside a minimal pod written by hand.",
    "pod start, agent": "The same with a real agent, which has to be connected as well.",
    "pod start, tuned": "The same with an agent that has python3 and plans.",
    "pod start, agent, tuned": "The same with a real agent that has python3 and plans.",
    "pod start, agent, planner": "From the pod's creation to its first line: ours with the "
    "planner's image, by hand with Jenkins' own agent.",
    "pipeline, small": "From podTemplate to the end of node, beside a pipeline written by hand; "
    "ours clones the library.",
    "pipeline, small, tuned": "The same with an agent that plans and a cached library.",
    "pipeline, small, agent": "The same with a real agent, which has to be connected as well.",
    "pipeline, small, agent, planner": "From podTemplate to the end of node: ours with the "
    "planner's image and a cached library, by hand with Jenkins' own agent.",
    "pipeline, silent": "The same with a step that says nothing for 40 s.",
    "cache, small": "A small image, each build on a fresh pod, with `cache: true`.",
    "cache, ten": "Ten steps of a second, each build on a fresh pod, with `cache: true`.",
    "cache, layered": "30 steps of a second, each build on a fresh pod, with `cache: true`.",
    "cache, large": "20,000 files of 1 GB, each build on a fresh pod, with `cache: true`.",
    "strategies": "A small image, nothing cached, from the pod's creation to the result.",
    "memory": "Peak memory of a pod's containers but the agent's in that time, with cached files.",
    "silence": "How late Jenkins sees the end of a silent build of two minutes, by its plugin's "
    "documented back-off, with the script's pulse and without.",
}
# podman+socket: the one by hand has it too (pod-start)
BUILDERS = "buildkit,kaniko,buildah,podman,dind-sidecar,dind,dood"


def start(runs: int) -> Iterator[Row]:
    """Measure commands; the goal is for `podwright pod`, as installed."""
    script = [str(Path(sys.executable).parent / "podwright")]
    system = "/usr/bin/python3" if Path("/usr/bin/python3").exists() else sys.executable
    bundle = [system, "-I", str(BUNDLE)]
    plan = ["plan", "--image", "registry.example/app", "--tag", "1", "--builder", "buildah"]
    commands = {
        "podwright pod": [*script, "pod", "--builder", "buildah"],
        "podwright pod, dind-sidecar": [*script, "pod", "--builder", "dind-sidecar"],
        "podwright plan": [*script, *plan],
        "bundle: pod": [*bundle, "pod", "--builder", "buildah"],
        "bundle: plan": [*bundle, *plan],
    }
    bare = [sys.executable, "-c", "pass"]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "Dockerfile").write_text("FROM scratch\n", encoding="utf-8")
        every = [lambda words=words: _cpu(words, folder) for words in [bare, *commands.values()]]
        for function in every:  # fills caches
            function()
        columns = measuring.in_turns(runs, *every)
    for name, values in zip(commands, columns[1:]):
        goal = 40.0 if name.startswith("podwright pod") else None
        row = Row("start", name, values, columns[0], "interpreter", "ms", goal, "median")
        yield row


def _cpu(words: list[str], folder: str) -> float:
    """Run a command; gives milliseconds of processor time."""
    # As installed by pip: with compiled modules.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(words, cwd=folder, env=env, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


def rendering(runs: int) -> Iterator[Row]:
    """Measure pods per second in one process; the goal is the other way round, so as ms a pod."""
    sys.path.insert(0, str(ROOT / "pytools"))
    from podwright import config, pod, request  # noqa: PLC0415 - not for other groups
    from podwright.plan import plan_pod  # noqa: PLC0415

    settings = config.Config()
    forms: dict[str, Callable[[dict[str, object]], object]] = {
        "planned": lambda made: made,
        "as Jenkins is given it": lambda made: pod.as_line({"pod": made}),
        "as YAML for people": pod.as_yaml,
    }
    shown = [("buildkit", form) for form in forms]
    shown += [(name, "as Jenkins is given it") for name in BUILDERS.split(",")[1:]]
    for builder, form in shown:
        asked = request.parse_pod({"builder": builder, "pod": {"labels": {"team": "a"}}})

        def thousand(asked: request.Request = asked, form: str = form) -> float:
            """Give ms a pod; processor time, for others' work on the machine is nobody's goal."""
            begin = time.process_time()
            for _ in range(1000):
                forms[form](plan_pod(asked, settings)[1])
            return time.process_time() - begin

        thousand()
        name = f"{builder}, {form}"
        row = Row("rendering", name, [thousand() for _ in range(runs)], unit="ms")
        row.goal, row.judged = 0.1, "median"
        yield row


def silence(_: int) -> Iterator[Row]:
    """Say how late Jenkins sees the end; a model, so the same on every machine."""
    ends = [seconds / 10 for seconds in range(1100, 1301)]
    row = Row("silence", "end of a silent build of two minutes", partner="without pulse")
    row.values = [backoff.late(end, pulse=1) for end in ends]
    row.beside = [backoff.late(end, pulse=0) for end in ends]
    row.goal, row.judged = 0.5, "median"
    yield row


def on_cluster(group: str, options: argparse.Namespace) -> Iterator[Row]:
    """Measure what needs a cluster: `python3 tests/e2e/cluster.py up`, or KUBECONFIG."""
    import builds  # noqa: PLC0415 - not for other groups

    bench = builds.Bench()
    names = options.builders.split(",")
    agents = builds.Agents(options.agent, options.planner, options.tuned, options.docker)
    if group == "overhead":
        return builds.overhead(bench, names, options.runs)
    if group == "pool":
        return builds.pool_starts(bench, options.runs)
    if group == "strategies":
        return builds.side_by_side(bench, names, options.runs)
    if group == "jenkinsfile":
        import pipelines  # noqa: PLC0415 - needs the runner

        shapes = options.shapes.split(",")
        return pipelines.compare(bench, names, options.runs, shapes, agents)
    if group == "start":
        return builds.starts(bench, names, options.runs, agents)
    return builds.caches(bench, names, options.runs, options.shape, json.loads(options.cache))


GROUPS: dict[str, Callable[[argparse.Namespace], Iterator[Row]]] = {
    "start": lambda options: start(options.runs),
    "rendering": lambda options: rendering(options.runs),
    "silence": lambda options: silence(options.runs),
    "overhead": lambda options: on_cluster("overhead", options),
    "pod-start": lambda options: on_cluster("start", options),
    "pool-start": lambda options: on_cluster("pool", options),
    "cache": lambda options: on_cluster("cache", options),
    "strategies": lambda options: on_cluster("strategies", options),
    "jenkinsfile": lambda options: on_cluster("jenkinsfile", options),
}
ALONE = ("start", "rendering", "silence")


def main() -> None:
    """Measure, print, save, compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("groups", nargs="*", choices=[[], *GROUPS], metavar="GROUP")
    parser.add_argument("--runs", type=int, default=5, help="samples of each row (default: 5)")
    parser.add_argument("--builders", default=BUILDERS, help=f"default: {BUILDERS}")
    parser.add_argument("--agent", default="", help="pod-start, jenkinsfile: a real agent's image")
    parser.add_argument("--planner", default="", help="with --agent: ours has this one, and plans")
    parser.add_argument(
        "--docker", action="store_true", help="with --planner: that image has docker's client"
    )
    parser.add_argument(
        "--tuned",
        action="store_true",
        help="the agent has python3 and plans, the library is cached",
    )
    parser.add_argument("--shapes", default="small", help="jenkinsfile: small, silent")
    parser.add_argument("--shape", default="ten", help="small, ten, layered or large")
    parser.add_argument("--cache", default="true", help="the parameter `cache`, as JSON")
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "bench.json")
    parser.add_argument("--page", type=Path, help="also write the plots to this file")
    parser.add_argument("--pictures", type=Path, help="also write each plot into this folder")
    parser.add_argument("--compare", type=Path, help="samples of an earlier run")
    options = parser.parse_args()
    for group in options.groups or (
        [] if options.page or options.pictures or options.compare else ALONE
    ):
        rows = []
        for row in GROUPS[group](options):
            rows.append(row)
            say(measuring.line(row))
        measuring.save(rows, options.json)
    known = measuring.load(options.json)
    if options.compare:
        say("\n".join(measuring.compare(measuring.load(options.compare), known)))
    content = json.loads(options.json.read_text(encoding="utf-8"))
    page, drawn = pictures.page(known, content["machine"], ABOUT)
    if options.page:
        options.page.write_text(page, encoding="utf-8")
    for group, text in drawn.items() if options.pictures else ():
        name = f"figures-{re.sub('[^a-z]+', '-', group)}.svg"
        (options.pictures / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
