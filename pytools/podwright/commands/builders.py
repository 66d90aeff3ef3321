"""Show the strategies, with their needs, Pod Security levels and features."""

from __future__ import annotations

import json
import textwrap

from podwright import strategies
from podwright.builders._base import FEATURES

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from podwright.console import Console

SUMMARY = "show the strategies: needs, level, features"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace, console: Console) -> int:
    """Print the table, the safest strategy first."""
    found = strategies.everything()
    if options.json:
        table = [
            {
                "name": name,
                "summary": strategies.summary(strategy),
                "level": strategy.level,
                "needs": strategy.needs,
                "features": sorted(strategy.features),
            }
            for name, strategy in found.items()
        ]
        console.result(json.dumps(table, indent=2))
        return 0
    lines = []
    for name, strategy in found.items():
        lines.append(f"{name}  ({strategy.level})")
        can = ", ".join(text for feature, text in FEATURES.items() if feature in strategy.features)
        lines += [
            *_wrap_below("", strategies.summary(strategy)),
            *_wrap_below("needs: ", strategy.needs),
            *_wrap_below("can:   ", can),
            "",
        ]
    lines.append("Sorted by safety; 'auto' takes the first that can do what is asked.")
    console.result("\n".join(lines))
    return 0


def _wrap_below(title: str, text: str) -> list[str]:
    """Break a text into lines that fit a terminal, below its title."""
    first, others = f"    {title}", " " * (4 + len(title))
    return textwrap.wrap(
        text, 79, initial_indent=first, subsequent_indent=others, break_on_hyphens=False
    )
