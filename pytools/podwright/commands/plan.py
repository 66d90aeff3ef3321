"""Print what a request would do, without doing it.

The answer is for people; --script prints the script that would run, --json
strategy, pod, container and script as one object.
"""

from __future__ import annotations

from pathlib import Path

from podwright import inputs, workspace
from podwright.errors import Findings
from podwright.options import add_request_options, request_from
from podwright.plan import plan
from podwright.resources import LazyModule

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from podwright import local, summary
    from podwright.console import Console
else:
    local = LazyModule("podwright.local")
    summary = LazyModule("podwright.summary")

SUMMARY = "print what a request would do, without doing it"


OPTIONS = """
--script  print the script alone
"""
configure = add_request_options


def run(options: argparse.Namespace, console: Console) -> int:
    root = Path.cwd()
    found = Findings()
    value = request_from(options, console, found)
    request, config = inputs.load(value, root, console.env, found)
    facts = workspace.inspect(root, console.env)
    made = plan(request, config, facts, found, config_text=inputs.organisation(console.env))
    if options.script or options.json:
        console.result(made.script, None if options.script else made.as_json())
    else:
        here = "" if value.get("builder") else local.chosen(config, console.env)
        console.result("\n".join(summary.lines(made, request, config, console, here)))
    return 0
