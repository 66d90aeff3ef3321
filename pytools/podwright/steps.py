"""What commands share that a step of Jenkins runs as well: a request file, and one answer."""

from __future__ import annotations

import json

from podwright import inputs
from podwright.errors import PodwrightError
from podwright.options import registries_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from podwright.console import Console


def add_request(parser: argparse.ArgumentParser) -> None:
    """Add what commands share that a step of Jenkins runs as well."""
    parser.add_argument(
        "--registry",
        action="append",
        dest="registries",
        metavar="HOST,K=V,...",
        help="settings of a registry, such as localhost:5000,http=true",
    )
    parser.add_argument(
        "--request", metavar="FILE", help="the step's parameters as a JSON or YAML file"
    )
    parser.add_argument(
        "--machine",
        action="store_true",
        help='answer one JSON object, {"value": ...} or {"error": ...}, and always exit with 0',
    )


def answered(options: argparse.Namespace, console: Console, work: Any) -> int:
    """Do the work and print its value; for a machine also its failure."""
    try:
        answer = work()
    except PodwrightError as error:
        if not options.machine:
            raise
        console.result(json.dumps({"error": "\n".join(error.problems)}))
        return 0
    console.result(json.dumps({"value": answer} if options.machine else answer, indent=2))
    return 0


def request_of(options: argparse.Namespace, console: Console, *names: str) -> dict[str, Any]:
    """Give the parameters: a file's, and those of the command line, which win."""
    value: dict[str, Any] = {}
    if options.request:
        value = dict(inputs.read_request(options.request, console.stdin).value)
    given = {name: getattr(options, name) for name in names}
    if options.registries:
        given["registries"] = registries_of(options.registries)
    return {**value, **{name: item for name, item in given.items() if item is not None}}
