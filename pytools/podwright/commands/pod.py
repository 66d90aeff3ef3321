"""Print the pod of a strategy, as Kubernetes and podTemplate take it.

It is JSON, and so YAML.
"""

from __future__ import annotations

from pathlib import Path

from podwright import inputs, pod, strategies
from podwright.errors import Findings, PodwrightError, UsageError
from podwright.plan import plan_pod
from podwright.request import Registry, is_build

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from podwright.console import Console

SUMMARY = "print the pod of a strategy"
OPTIONS = f"""
[request]       request as a JSON or YAML file, '-' for stdin; none: defaults
--builder NAME  the strategy; wins over the request's: {", ".join(strategies.names())}, auto
--step {{buildImage,withBuilderPod}}
                the step whose request it is; without it the request's parameters tell
--machine       answer {{"pod": ...}} or {{"error": ...}} as JSON, and always exit with 0
--graph         draw it, as SVG
--check         only look for mistakes; files of the workspace, which nobody may have checked out
                yet, are not looked for
"""


def run(options: argparse.Namespace, console: Console) -> int:
    if not options.machine:
        name, made = _planned_pod(options, console)
        if options.graph:
            console.result(_drawn(name, made))
        else:
            console.result("" if options.check else pod.as_yaml(made), made)
        return 0
    try:
        _, made = _planned_pod(options, console)
        answer: dict[str, Any] = {"pod": {} if options.check else made}
    except PodwrightError as error:
        answer = {"error": "\n".join(error.problems)}
    console.result(pod.as_line(answer), answer)
    return 0


def _drawn(name: str, made: dict[str, Any]) -> str:
    try:
        from podwright.desk import graph  # noqa: PLC0415 - not in the bundle
    except ModuleNotFoundError:
        raise UsageError("--graph: comes with `pipx install .`, not with the bundle") from None
    by_daemon = strategies.get(name).daemon_setting(Registry(mirrors=("m",)))
    return graph.picture(name, made, by_daemon=by_daemon)


def _planned_pod(options: argparse.Namespace, console: Console) -> tuple[str, dict[str, Any]]:
    document = inputs.read_request(options.request, console.stdin) if options.request else None
    value = dict(document.value) if document else {}
    # A program that asks wrote the file itself, and the author never saw it.
    found = Findings(None if options.machine else document)
    if options.builder:
        value["builder"] = options.builder
        if document:
            document.overridden.add("builder")
    build = options.step == "buildImage" if options.step else is_build(value)
    request, config = inputs.load_for_pod(
        value, Path.cwd(), console.env, found, build=build, files=not options.check
    )
    return plan_pod(request, config, found, inputs.organisation(console.env))
