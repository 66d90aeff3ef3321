"""Print what a request would do, without doing it.

The answer is one JSON object with strategy, pod, container and script; with
--script the script alone.
"""

from __future__ import annotations

import json
from pathlib import Path

from podwright import inputs, workspace
from podwright.errors import Findings
from podwright.options import EXAMPLES, add_request_options, request_from
from podwright.plan import plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from podwright.console import Console

SUMMARY = "print what a request would do, without doing it"


def configure(parser: argparse.ArgumentParser) -> None:
    add_request_options(parser)
    parser.epilog = EXAMPLES.format(command="plan")
    parser.add_argument("--script", action="store_true", help="print the script alone")


def run(options: argparse.Namespace, console: Console) -> int:
    root = Path.cwd()
    found = Findings()
    value = request_from(options, console.stdin, found)
    request, config = inputs.load(value, root, console.env, found)
    facts = workspace.inspect(root, console.env)
    made = plan(request, config, facts, found, config_text=inputs.organisation(console.env))
    text = made.script if options.script else json.dumps(made.as_json(), indent=2)
    console.result(text)
    return 0
