"""One file per subcommand of ``podwright``; the file's name is the subcommand's (`-` for `_`).

Each has ``SUMMARY`` (one line), ``configure(parser)`` and ``run(options, console) -> exit code``.
They are discovered, and only the one that was asked for is imported.
"""

from __future__ import annotations

import importlib

from podwright import resources

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Protocol

    from podwright.console import Console

    class Command(Protocol):
        """What a module of this package offers."""

        SUMMARY: str

        def configure(self, parser: argparse.ArgumentParser) -> None:
            """Add the command's options."""

        def run(self, options: argparse.Namespace, console: Console) -> int:
            """Do it; returns the exit code, raises PodwrightError for the user."""


# What a person runs at a desk, never a pipeline in its pod: bundles leave these and what they
# alone use out, because each pod gets the bundle anew.
INSTALLED = ("completion", "help", "helm-values", "init", "jcasc", "migrate", "report")


def names() -> list[str]:
    """All subcommands, sorted."""
    return [name.replace("_", "-") for name in resources.modules(__name__, __path__[0])]


def load(name: str) -> Command:
    """Import one subcommand."""
    module: Command = importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
    return module
