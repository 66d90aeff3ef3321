"""A plan as one HTML page that needs nothing else: an artifact to be read in a browser."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from podwright.jobs import planning, report
from podwright.jobs.planning import Change, ChangePlan
from podwright.page import page as whole


def page(plan: ChangePlan) -> str:
    """Write the page: one section for each group of equal changes, then notes."""
    out = [f"<p>{escape(report.counts(plan))}</p>"]
    out += map(_section, report.groups(plan))
    notes = [*plan.problems, *plan.kept, *planning.hints(plan)]
    if notes:
        out.append("<ul>" + "".join(f"<li>{escape(note)}</li>" for note in notes) + "</ul>\n")
    return whole(f"Plan for the jobs of {plan.owner}", "".join(out))


def _section(group: Sequence[Change]) -> str:
    names = "".join(f"<li>{escape(report.change_line(change).strip())}</li>" for change in group)
    diff, action = group[0].diff, f"change-{group[0].action}"
    lines = "\n".join(map(_line, diff))
    told = f"<details><summary>the difference</summary><pre>{lines}</pre></details>" if diff else ""
    return f'<section class="change {action}"><ul>{names}</ul>{told}</section>\n'


def _line(line: str) -> str:
    tag = {"+": "ins", "-": "del"}.get(line[:1])
    return f"<{tag}>{escape(line)}</{tag}>" if tag else escape(line)
