"""Print the pod of a strategy, as Kubernetes and podTemplate take it.

It is JSON, and so YAML.
"""

from __future__ import annotations

import json
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


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "request", nargs="?", help="request as a JSON or YAML file, '-' for stdin; none: defaults"
    )
    names = ", ".join([*strategies.names(), "auto"])
    parser.add_argument(
        "--builder", metavar="NAME", help=f"the strategy; wins over the request's: {names}"
    )
    parser.add_argument(
        "--step",
        choices=["buildImage", "withBuilderPod"],
        metavar="STEP",
        help="the step whose request it is, buildImage or withBuilderPod; without "
        "it the request's parameters tell",
    )
    parser.add_argument(
        "--machine",
        action="store_true",
        help='answer one JSON object, {"pod": ...} or {"error": ...}, and always exit with 0',
    )
    parser.add_argument("--graph", action="store_true", help="draw it, as SVG")
    parser.add_argument(
        "--check",
        action="store_true",
        help="only look for mistakes; files of the workspace, which nobody may have checked out "
        "yet, are not looked for",
    )


def run(options: argparse.Namespace, console: Console) -> int:
    if not options.machine:
        name, made = _planned_pod(options, console)
        if not options.check:
            console.result(_drawn(name, made) if options.graph else pod.as_yaml(made))
        return 0
    try:
        _, made = _planned_pod(options, console)
        answer: dict[str, Any] = {"pod": {} if options.check else made}
    except PodwrightError as error:
        answer = {"error": "\n".join(error.problems)}
    console.result(json.dumps(answer))
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
