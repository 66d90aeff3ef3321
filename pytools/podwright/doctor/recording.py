"""Tells what doctor found: a table, JSON, and the organisation's config that it leads to."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Mapping
from typing import Any

from podwright.doctor.examination import Report, Requirement

_WIDTH = 100


def as_json(report: Report, others: Mapping[str, list[Requirement]]) -> dict[str, Any]:
    """Give all of it as plain maps; `able` are the strategies that can run."""
    return {
        "namespace": report.namespace,
        "facts": report.facts,
        "able": [name for name in report.found if report.can(name) == "yes"],
        "strategies": {
            name: {"can": report.can(name), "requirements": [_plain(item) for item in items]}
            for name, items in report.found.items()
        },
        **{who: [_plain(item) for item in items] for who, items in others.items()},
    }


def _plain(item: Requirement) -> dict[str, str]:
    values = {"name": item.name, "state": item.state, "why": item.why, "remedy": item.remedy}
    return {key: value for key, value in values.items() if value}


def table(report: Report, others: Mapping[str, list[Requirement]]) -> str:
    """Give strategy by requirement, then what is behind each no and unknown."""
    names = list(dict.fromkeys(item.name for items in report.found.values() for item in items))
    rows = [["strategy", "can run", *names]]
    for builder, items in report.found.items():
        states = {item.name: item.state for item in items}
        rows.append([builder, report.can(builder), *(states.get(name, "-") for name in names)])
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = [f"Namespace {report.namespace}"]
    lines += _told((f"  {key}: {value}" for key, value in report.facts.items()))
    lines += ["", *("  ".join(w.ljust(n) for w, n in zip(row, widths)).rstrip() for row in rows)]
    lines += [""]
    for builder, items in report.found.items():
        lines += _reasons(builder, items)
    for who, items in others.items():
        lines += _reasons(who, items)
        if items:
            lines.append(f"{who}: " + ", ".join(f"{item.name} {item.state}" for item in items))
    return "\n".join(lines)


def _reasons(who: str, items: list[Requirement]) -> list[str]:
    return _told(
        f"{who}: {item.name}: {item.state}: {item.why}"
        + (f"; {item.remedy}" if item.remedy else "")
        for item in items
        if item.state != "yes"
    )


def _told(texts: Any) -> list[str]:
    """Break texts into lines of a terminal."""
    return [
        line
        for text in texts
        for line in textwrap.wrap(text, _WIDTH, subsequent_indent="    ", break_on_hyphens=False)
    ]


def config(before: str, report: Report) -> str:
    """Give an organisation's config with what cannot run; its other settings stay as they are."""
    reasons = {}
    for name in report.found:
        decides = report.reason(name)
        if report.can(name) == "no" and decides:
            reasons[name] = f"{decides.name}: {decides.why}"
    if before.lstrip().startswith("{"):
        value = {**json.loads(before), "builder": "auto", "unable": reasons}
        return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    kept = re.sub(r"(?m)^(unable|builder):.*\n(?:[ \t]+.*\n)*", "", before).rstrip("\n")
    said = f" # recorded by `podwright doctor --write` in namespace {report.namespace}"
    lines = ["builder: auto", f"unable:{said}" if reasons else f"unable: {{}}{said}"]
    lines += [f"  {name}: {json.dumps(why, ensure_ascii=False)}" for name, why in reasons.items()]
    return "\n".join([*([kept] if kept else []), *lines]) + "\n"
