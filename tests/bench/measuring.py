"""What all benchmarks share: rows of samples, their medians, a JSON file, a page, a comparison.

Times of two machines say nothing about each other, so a row may have a partner: what was measured
beside it, in the same run and in turns. What counts is the ratio or the difference of the two.
"""

from __future__ import annotations

import html
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

ROOT = Path(__file__).resolve().parents[2]


def say(line: str) -> None:
    """Print one line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


@dataclass
class Row:
    """Samples of one thing, in seconds unless the unit says otherwise.

    Attributes:
        group: the plot that it belongs to.
        name: what was measured.
        values: one per run.
        beside: the same of its partner, run by run; empty without one.
        partner: what that is.
        unit: of the values.
        goal: the largest allowed value of `judged`, None for none.
        judged: what the goal is about: `ratio`, `difference` (of medians) or `median`.
    """

    group: str
    name: str
    values: list[float] = field(default_factory=list)
    beside: list[float] = field(default_factory=list)
    partner: str = ""
    unit: str = "s"
    goal: float | None = None
    judged: str = "ratio"

    @property
    def median(self) -> float:
        """Give the median of the samples."""
        return statistics.median(self.values)

    @property
    def result(self) -> float:
        """Give what the goal is about; pairs are compared run by run."""
        pairs = list(zip(self.values, self.beside))
        if self.judged == "ratio" and pairs:
            return statistics.median(ours / theirs for ours, theirs in pairs)
        if self.judged == "difference" and pairs:
            return statistics.median(ours - theirs for ours, theirs in pairs)
        return self.median


def spread(values: Sequence[float]) -> tuple[float, float]:
    """Give the middle half of the samples; of fewer than four, all of them."""
    if len(values) < 4:
        return min(values), max(values)
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


def timed(function: Callable[[], object]) -> float:
    """Give the seconds that a call takes."""
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin


def in_turns(runs: int, *functions: Callable[[], float]) -> list[list[float]]:
    """Call functions in turns, so that what else the machine does weighs on all of them alike."""
    rounds = [[function() for function in functions] for _ in range(runs)]
    return [list(column) for column in zip(*rounds)]


def machine() -> dict[str, str]:
    """Say on what was measured."""
    cpu = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model = next((x.split(":")[1].strip() for x in cpu.splitlines() if "model name" in x), "?")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    commit = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    return {
        "processors": f"{os.cpu_count()} x {model}",
        "memory": f"{memory:.0f} GiB",
        "kernel": platform.release(),
        "python": platform.python_version(),
        "commit": commit,
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def line(row: Row) -> str:
    """Give a row as a line of a table."""
    low, high = spread(row.values)
    text = f"{row.group:<12} {row.name:<44} {row.median:9.3f} {row.unit:<4} ({low:.3f}-{high:.3f})"
    if row.beside:
        text += (
            f"  {row.partner} {statistics.median(row.beside):.3f}  {row.judged} {row.result:.3f}"
        )
    if row.goal is not None:
        text += f"  goal {row.goal:g}: {'met' if row.result <= row.goal else 'MISSED'}"
    return text


def save(rows: Sequence[Row], file: Path) -> None:
    """Write the samples, for comparisons; rows of other groups that are there stay."""
    groups = {row.group for row in rows}
    old = [row for row in load(file) if row.group not in groups] if file.exists() else []
    content = {"machine": machine(), "rows": [asdict(row) for row in [*old, *rows]]}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def load(file: Path) -> list[Row]:
    """Read samples."""
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return [Row(**row) for row in content["rows"]]


def compare(old: Sequence[Row], new: Sequence[Row]) -> list[str]:
    """Give a line per row that both have; a change counts when the middle halves are apart."""
    before = {(row.group, row.name): row for row in old}
    lines = []
    for row in new:
        earlier = before.get((row.group, row.name))
        if not earlier:
            continue
        (low, high), (old_low, old_high) = spread(row.values), spread(earlier.values)
        word = "slower" if low > old_high else "faster" if high < old_low else "alike"
        lines.append(
            f"{row.group:<12} {row.name:<44} {earlier.result:9.3f} -> {row.result:9.3f}  {word}"
        )
    return lines


# -- the page ------------------------------------------------------------------------------------

_WIDTH, _LABEL, _BAR = 900, 330, 22
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "color:#222;background:#fff}svg{width:100%;height:auto}text{font:13px system-ui,sans-serif;"
    "fill:#222}.n{fill:#555}table{border-collapse:collapse}td,th{padding:.1rem .8rem .1rem 0;"
    "text-align:left}"
)


_LEGEND = (
    "<p>Blue is podwright, grey what it is compared with in the same run, in turns. "
    "Bars are medians, the thin lines the middle half of the samples. "
    "<code>make bench</code> measures again.</p>"
)


def page(rows: Sequence[Row], known: Mapping[str, str], about: Mapping[str, str]) -> str:
    """Give the page: a plot per group, on what it was measured, and how to get it again.

    Args:
        rows: all samples.
        known: the machine.
        about: a sentence per group, in the order of the plots.
    """
    told = "".join(f"<tr><th>{key}</th><td>{html.escape(known[key])}</td></tr>" for key in known)
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        "<meta name=viewport content='width=device-width'>",
        f"<title>podwright: figures</title><style>{_STYLE}</style><h1>podwright: figures</h1>",
        f"<p>Measured on:</p><table>{told}</table>",
        _LEGEND,
    ]
    for group, sentence in about.items():
        own = [row for row in rows if row.group == group]
        if own:
            parts += [f"<h2>{html.escape(group)}</h2><p>{html.escape(sentence)}</p>", plot(own)]
    return "\n".join(parts) + "\n</html>\n"


def plot(rows: Sequence[Row]) -> str:
    """Give one plot of horizontal bars."""
    most = max(max([*row.values, *row.beside]) for row in rows) or 1.0
    scale = (_WIDTH - _LABEL - 130) / most
    drawn: list[str] = []
    y = 6
    for row in rows:
        name = html.escape(row.name)
        drawn.append(f"<text x='{_LABEL - 8}' y='{y + 14}' text-anchor='end'>{name}</text>")
        drawn.append(_bar(row.values, y, scale, "#1f6feb", _told(row)))
        drawn += [_bar(row.beside, y + 11, scale, "#b0b7c0", "")] if row.beside else []
        y += _BAR + 8
    body = "".join(drawn)
    return f"<svg viewBox='0 0 {_WIDTH} {y}' role='img'>{body}</svg>"


def _told(row: Row) -> str:
    text = f"{row.median:.3g} {row.unit}"
    if row.beside and row.judged == "ratio":
        return f"{text} (x {row.result:.2f})"
    return f"{text} ({row.result:+.2f} {row.unit})" if row.beside else text


def _bar(values: Sequence[float], y: int, scale: float, colour: str, told: str) -> str:
    middle = statistics.median(values) * scale
    low, high = (value * scale for value in spread(values))
    end = _LABEL + max(middle, high) + 6
    return (
        f"<rect x='{_LABEL}' y='{y}' width='{max(middle, 1):.1f}' height='10' fill='{colour}'/>"
        f"<line x1='{_LABEL + low:.1f}' x2='{_LABEL + high:.1f}' y1='{y + 5}' y2='{y + 5}' "
        f"stroke='#222'/><text class=n x='{end:.1f}' y='{y + 10}'>{told}</text>"
    )
