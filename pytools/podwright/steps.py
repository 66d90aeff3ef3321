"""What commands share that a step of Jenkins runs as well: a request file, and one answer."""

from __future__ import annotations

import json

from podwright import inputs
from podwright.errors import Findings, PodwrightError, UsageError
from podwright.options import registries_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable
    from typing import Any

    from podwright.console import Console
    from podwright.sources import Document

    Work = Callable[[dict[str, Any], Console], Any]


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


def run(options: argparse.Namespace, console: Console, work: Work, *names: str) -> int:
    """Do the work of a command with its parameters, and print what it gives.

    Args:
        options: the command line; those of its values that have one of the names are parameters.
        console: for the log and the answer.
        work: gets the parameters.
        names: of parameters.
    """
    document = inputs.read_request(options.request, console.stdin) if options.request else None
    value = _parameters(options, document, names)
    found = Findings(None if options.machine else document)

    def answer() -> Any:
        made = None
        with found:
            made = work(value, console)
        found.raise_if_any()
        return made

    return answered(options, console, answer)


def answered(options: argparse.Namespace, console: Console, work: Callable[[], Any]) -> int:
    """Do the work and print its value; for a machine also its failure."""
    try:
        answer = work()
    except PodwrightError as error:
        if not options.machine:
            raise
        told = {"error": "\n".join(error.problems)}
        failure = {} if isinstance(error, UsageError) else {"failure": {"sentence": told["error"]}}
        console.result(json.dumps({**told, **failure}))
        return 0
    console.result(json.dumps({"value": answer} if options.machine else answer, indent=2))
    return 0


def request_of(options: argparse.Namespace, console: Console, *names: str) -> dict[str, Any]:
    """Give the parameters: a file's, and those of the command line, which win."""
    document = inputs.read_request(options.request, console.stdin) if options.request else None
    return _parameters(options, document, names)


def _parameters(
    options: argparse.Namespace, document: Document | None, names: Iterable[str]
) -> dict[str, Any]:
    given = {name: getattr(options, name) for name in names}
    if options.registries:
        given["registries"] = registries_of(options.registries)
    given = {name: item for name, item in given.items() if item is not None}
    if document:
        document.overridden |= set(given)
    return {**(document.value if document else {}), **given}
