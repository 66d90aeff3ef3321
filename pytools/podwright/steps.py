"""What commands share that a step of Jenkins runs as well: a request file, and one answer."""

from __future__ import annotations

import json

from podwright import inputs
from podwright.errors import Findings, PodwrightError, UsageError
from podwright.options import given_parameters

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from typing import Any

    from podwright.console import Console
    from podwright.sources import Document

OPTIONS = """
--request FILE  the step's parameters as a JSON or YAML file
--machine       answer {"value": ...} or {"error": ...} as JSON, and always exit with 0
"""


def run(options: argparse.Namespace, console: Console, command: Any) -> int:
    """Do the work of a command with its parameters, and print what it gives."""
    document = inputs.read_request(options.request, console.stdin) if options.request else None
    value = _parameters(options, document, *command.PARAMETERS)
    found = Findings(None if options.machine else document)

    def answer() -> Any:
        made = None
        with found:
            made = command.work(value, console)
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
        told: Any = {"error": "\n".join(error.problems)}
        failure: Any = (
            {} if isinstance(error, UsageError) else {"failure": {"sentence": told["error"]}}
        )
        told.update(failure)
    else:
        told = {"value": answer} if options.machine else answer
    text = told if isinstance(told, str) else None
    console.result(json.dumps(told) if options.machine else text, told)
    return 0


def request_of(options: argparse.Namespace, console: Console, cls: type) -> dict[str, Any]:
    """Give the parameters that commands share: a file's, and the command line's, which win."""
    document = inputs.read_request(options.request, console.stdin) if options.request else None
    return _parameters(options, document, cls, "")


def _parameters(
    options: argparse.Namespace, document: Document | None, cls: type, names: str
) -> dict[str, Any]:
    given = given_parameters(options, cls, names)
    if document:
        document.overridden |= set(given)
    return {**(document.value if document else {}), **given}
