"""Plots of samples: each is a picture of its own (SVG), and all of them make a page."""

from __future__ import annotations

import html
import statistics
from typing import TYPE_CHECKING

from measuring import Row, spread

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_WIDTH, _LABEL, _TOLD, _HEAD, _ROW, _FOOT = 900, 230, 210, 58, 40, 30
OURS, MISSED, OTHERS, GOAL = "#1f6feb", "#d9480f", "#aab2bd", "#1a7f37"
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#222}"
    ".head{font-weight:600;font-size:15px}.about{fill:#555;font-size:12px}"
)


def picture(group: str, about: str, rows: Sequence[Row], known: Mapping[str, str]) -> str:
    """Give the plot of a group.

    A row has a bar for podwright and, under it, one for what it is compared with; a green line is
    the goal. Bars are medians, thin lines the middle half of the samples.

    Args:
        group: its name.
        about: a sentence: what was measured.
        rows: with samples.
        known: the machine.
    """
    most = max(map(_longest, rows)) or 1.0
    scale = (_WIDTH - _LABEL - _TOLD) / most
    drawn = [
        _text(8, 22, group, "head"),
        _text(8, 42, about, "about"),
        *(part for number, row in enumerate(rows) for part in _row(row, number, scale)),
    ]
    height = _HEAD + _ROW * len(rows) + _FOOT
    where = f"{known['processors']}, {known['memory']}, Linux {known['kernel']}, {known['date']}"
    drawn.append(_text(8, height - 10, where, "about"))
    body = "".join(drawn)
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {_WIDTH} {height}' role='img'>"
        f"<title>{html.escape(f'{group}: {about}')}</title><style>{_STYLE}</style>"
        f"<rect width='{_WIDTH}' height='{height}' rx='6' fill='#fff'/>{body}</svg>\n"
    )


def page(
    rows: Sequence[Row], known: Mapping[str, str], about: Mapping[str, str]
) -> tuple[str, dict[str, str]]:
    """Give a page of all plots, and the plots by group.

    Args:
        rows: all samples.
        known: the machine.
        about: a sentence per group, in the order of the plots.
    """
    drawn = {
        group: picture(group, sentence, own, known)
        for group, sentence in about.items()
        if (own := [row for row in rows if row.group == group])
    }
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        "<meta name=viewport content='width=device-width'><title>podwright: figures</title>",
        "<style>body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto}",
        "body{padding:0 1rem;color:#222;background:#f6f8fa}svg{width:100%;margin:.5rem 0}</style>",
        "<h1>podwright: figures</h1>",
        f"<p>{LEGEND} <code>make bench</code> measures again.</p>",
        *drawn.values(),
    ]
    return "\n".join(parts) + "</html>\n", drawn


LEGEND = (
    "Blue is podwright (orange where it misses the goal), grey what it is compared with in the "
    "same run, in turns; the green line is the goal. Bars are medians, the thin lines the middle "
    "half of the samples."
)


def _row(row: Row, number: int, scale: float) -> list[str]:
    y = _HEAD + number * _ROW
    goal = _goal(row)
    colour = MISSED if row.goal is not None and row.result > row.goal else OURS
    drawn = [_text(_LABEL - 10, y + 16, row.name, "", "end"), *_bar(row.values, y, scale, colour)]
    drawn += _bar(row.beside, y + 13, scale, OTHERS) if row.beside else []
    if goal is not None:
        x = _LABEL + goal * scale
        drawn.append(f"<path d='M{x:.1f} {y - 3}v31' stroke='{GOAL}' stroke-width='2'/>")
    drawn.append(_text(round(_LABEL + _longest(row) * scale + 8), y + 16, _told(row), ""))
    return drawn


def _longest(row: Row) -> float:
    """Give the largest number that is drawn of a row."""
    sides = [side for side in (row.values, row.beside) if side]
    return max([*map(statistics.median, sides), *(spread(x)[1] for x in sides), _goal(row) or 0])


def _goal(row: Row) -> float | None:
    """Give how long the bar may be."""
    if row.goal is None:
        return None
    partner = statistics.median(row.beside) if row.beside else 0.0
    found = {"ratio": row.goal * partner, "difference": row.goal + partner, "median": row.goal}
    return found[row.judged if row.beside else "median"]


def _told(row: Row) -> str:
    text = f"{row.median:.3g} {row.unit}"
    if not row.beside:
        return text
    more = f"x {row.result:.2f}" if row.judged == "ratio" else f"{row.result:+.2f}"
    return f"{text}; {row.partner} {statistics.median(row.beside):.3g} ({more})"


def _bar(values: Sequence[float], y: int, scale: float, colour: str) -> list[str]:
    low, high = (value * scale for value in spread(values))
    wide = max(statistics.median(values) * scale, 1)
    return [
        f"<rect x='{_LABEL}' y='{y}' width='{wide:.1f}' height='11' fill='{colour}'/>",
        f"<path d='M{_LABEL + low:.1f} {y + 5.5}H{_LABEL + high:.1f}' stroke='#222'/>",
    ]


def _text(x: float, y: float, text: str, kind: str, anchor: str = "start") -> str:
    about = f" class='{kind}'" if kind else ""
    return f"<text x='{x}' y='{y}' text-anchor='{anchor}'{about}>{html.escape(text)}</text>"
