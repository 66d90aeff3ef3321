"""One file per subcommand of ``podwright``; the file's name is the subcommand's (`-` for `_`).

Each has ``SUMMARY`` (one line), ``OPTIONS`` (see declared.py), or ``configure(parser)`` for what no
line can say, and ``run(options, console) -> exit code``. One that a step of Jenkins runs as well
has ``PARAMETERS``, the step's record with the names of those that are options, and
``work(parameters, console) -> result`` in place of ``run``. They are discovered, and only the one
that was asked for is imported.
"""

from __future__ import annotations

import importlib

from podwright import declared, resources

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from podwright.console import Console

# What a person runs at a desk, never a pipeline in its pod: bundles leave these and what they
# alone use out, because each pod gets the bundle anew.
INSTALLED = ("completion", "help", "helm-values", "init", "jcasc", "migrate", "pool", "prepull")


def names() -> list[str]:
    """All subcommands, sorted."""
    return [name.replace("_", "-") for name in resources.modules(__name__, __path__[0])]


def load(name: str) -> Any:
    """Import one subcommand."""
    return importlib.import_module(f"{__name__}.{name.replace('-', '_')}")


def configure(parser: argparse.ArgumentParser, command: Any) -> None:
    """Add the options of a command."""
    text = getattr(command, "OPTIONS", "")
    if hasattr(command, "PARAMETERS"):
        from podwright import options, steps  # noqa: PLC0415 - the planner in a pod does without

        options.add_parameters(parser, *command.PARAMETERS)
        text += steps.OPTIONS
    if hasattr(command, "configure"):
        command.configure(parser)
    if not hasattr(command, "VERBS"):
        declared.add(parser, text)


def run(options: argparse.Namespace, console: Console) -> int:
    """Run the command that was asked for; gives its exit code."""
    command = load(options.command)
    if hasattr(command, "run"):
        code: int = command.run(options, console)
        return code
    from podwright import steps  # noqa: PLC0415 - as above

    return steps.run(options, console, command)
