"""What all benchmarks share: rows of samples, their medians, a JSON file, a comparison.

Times of two machines say nothing about each other, so a row may have a partner: what was measured
beside it, in the same run and in turns. What counts is the ratio or the difference of the two.
"""

from __future__ import annotations

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
    from collections.abc import Callable, Sequence

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
        "kernel": platform.release().partition("-")[0],
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
    """Write the samples, for comparisons; other rows that are there stay."""
    new = {(row.group, row.name) for row in rows}
    known = load(file) if file.exists() else []
    old = [row for row in known if (row.group, row.name) not in new]
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
