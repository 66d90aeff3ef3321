"""Show the strategies: one screen for all, or what one needs, costs and can do.

Sorted by safety; 'auto' takes the first that can do what is asked.
"""

from __future__ import annotations

import argparse
import inspect
import textwrap
from collections.abc import Iterator

from podwright import strategies
from podwright.builders._base import FEATURES, Strategy
from podwright.console import Console
from podwright.errors import UsageError
from podwright.request import BUILDER
from podwright.schema import Invalid

SUMMARY = "show the strategies: needs, level, features"
OPTIONS = """
[name]  one of them, in words
"""


def run(options: argparse.Namespace, console: Console) -> int:
    found = strategies.everything()
    if options.name:
        try:
            BUILDER.parse(options.name)
        except Invalid as error:
            raise UsageError(error.problems) from None
        found = {name: one for name, one in found.items() if options.name in (name, "auto")}
    blocks = ["\n".join(_words(*item)) for item in found.items()]
    text = "\n\n".join(blocks) if options.name else "\n".join(_matrix(found, console))
    console.result(text, [_as_json(*item) for item in found.items()])
    return 0


def _as_json(name: str, strategy: Strategy) -> dict[str, object]:
    return {
        "name": name,
        "summary": strategies.summary(strategy),
        "level": strategy.level,
        "needs": strategy.needs,
        "features": sorted(strategy.features),
    }


def _matrix(found: dict[str, Strategy], console: Console) -> Iterator[str]:
    """Give a table that fits a screen: a row for each feature, a column for each strategy."""
    width = {name: len(name) + 2 for name in found}
    yield " " * 16 + "".join(f"{name:<{width[name]}}" for name in found).rstrip()
    for feature in FEATURES:
        marks = [
            console.paint(f"{'yes':<{width[name]}}", "good", result=True)
            if feature in strategy.features
            else f"{'-':<{width[name]}}"
            for name, strategy in found.items()
        ]
        yield f"{feature:<16}{''.join(marks).rstrip()}"
    levels = dict.fromkeys(strategy.level for strategy in found.values())
    for level in levels:
        names = [name for name, strategy in found.items() if strategy.level == level]
        yield f"{level + ':':<16}{', '.join(names)}"
    yield "The safest come first. More of one: podwright builders NAME"


def _words(name: str, strategy: Strategy) -> Iterator[str]:
    yield f"{name}  ({strategy.level})"
    about = " ".join(inspect.cleandoc(type(strategy).__doc__ or "").split())
    can = ", ".join(text for feature, text in FEATURES.items() if feature in strategy.features)
    for title, text in (("", about), ("needs: ", strategy.needs), ("can:   ", can)):
        first, others = f"    {title}", " " * (4 + len(title))
        yield from textwrap.wrap(
            text, 79, initial_indent=first, subsequent_indent=others, break_on_hyphens=False
        )
