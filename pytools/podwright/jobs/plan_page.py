"""A plan as one HTML page that needs nothing else: an artifact to be read in a browser."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from podwright.jobs import planning, report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podwright.jobs.planning import Change, ChangePlan

HEAD = """\
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 15px/1.5 sans-serif; margin: 2em auto; max-width: 70em; padding: 0 1em }}
section {{ border-left: 4px solid #999; margin: .6em 0; padding: .1em .8em }}
.add {{ border-color: #2a2 }} .change, .adopt {{ border-color: #c90 }}
.rename {{ border-color: #07c }} .disable, .delete {{ border-color: #c22 }}
pre {{ background: #f6f6f6; overflow: auto; padding: .5em }}
ins, del {{ text-decoration: none }} ins {{ background: #dfd }} del {{ background: #fdd }}
</style></head><body>
<h1>{title}</h1>
<p>{counts}</p>
"""


def page(plan: ChangePlan) -> str:
    """Write the page: one section for each group of equal changes, then notes."""
    title = escape(f"Plan for the jobs of {plan.owner}")
    out = [HEAD.format(title=title, counts=escape(report.counts(plan)))]
    out += map(_section, report.groups(plan))
    notes = [*plan.problems, *plan.kept, *planning.hints(plan)]
    if notes:
        out.append("<ul>" + "".join(f"<li>{escape(note)}</li>" for note in notes) + "</ul>\n")
    return "".join(out) + "</body></html>\n"


def _section(group: Sequence[Change]) -> str:
    names = "".join(f"<li>{escape(report.change_line(change).strip())}</li>" for change in group)
    diff = group[0].diff
    lines = "\n".join(map(_line, diff))
    told = f"<details><summary>the difference</summary><pre>{lines}</pre></details>" if diff else ""
    return f'<section class="{group[0].action}"><ul>{names}</ul>{told}</section>\n'


def _line(line: str) -> str:
    tag = {"+": "ins", "-": "del"}.get(line[:1])
    return f"<{tag}>{escape(line)}</{tag}>" if tag else escape(line)
