"""Plans and outcomes as text for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from podwright.jobs.applying import DONE, FAILED, SKIPPED, ChangeOutcome
from podwright.jobs.planning import Change, ChangePlan, hints

SIGNS = {"add": "+", "change": "~", "adopt": "~", "rename": ">", "disable": "-", "delete": "-"}
PAST = {
    "add": "added", "change": "changed", "adopt": "adopted", "rename": "renamed",
    "disable": "disabled", "delete": "deleted",
}  # fmt: skip
MOST_DIFF_LINES = 200


def plan_text(plan: ChangePlan) -> str:
    """Show a plan: one line per change, equal differences once, the counts last."""
    out: list[str] = []
    for group in groups(plan):
        out += map(change_line, group)
        diff = group[0].diff
        out += [f"      in each of these {len(group)}:"] if diff and len(group) > 1 else []
        out += [f"      {line}" for line in diff[:MOST_DIFF_LINES]]
        if len(diff) > MOST_DIFF_LINES:
            out.append(f"      ... and {len(diff) - MOST_DIFF_LINES} lines more")
    out += [f"  . {sentence}" for sentence in plan.kept]
    out += [f"  ? {sentence}" for sentence in hints(plan)]
    out.append(counts(plan))
    return "\n".join(out)


def groups(plan: ChangePlan) -> list[list[Change]]:
    """Put changes together that differ in their names alone, in the order of their first."""
    made: dict[object, list[Change]] = {}
    for change in plan.changes:
        lines = tuple(line for line in change.diff if line[:1] in "+-")
        key = (change.action, change.kind, lines) if lines else change.key
        made.setdefault(key, []).append(change)
    return list(made.values())


COLOURS = {"+": 32, "-": 31, "~": 33, ">": 36, "!": 31, "?": 35}


def coloured(text: str) -> str:
    """Colour the lines of a plan or an outcome for a terminal."""
    out = []
    for line in text.split("\n"):
        sign = line.strip()[:1] if line.startswith("  ") else ""
        out.append(f"\x1b[{COLOURS[sign]}m{line}\x1b[0m" if sign in COLOURS else line)
    return "\n".join(out)


def change_line(change: Change) -> str:
    """Say one change in one line."""
    what = f"{change.kind} " if change.kind else ""
    why = f" ({change.why})" if change.why and change.action != "add" else ""
    return f"  {SIGNS[change.action]} {change.action:<7} {what}{change.name}{why}"


def counts(plan: ChangePlan) -> str:
    """Count a plan's changes in one sentence."""
    parts = [f"{len(plan.of(action))} to {action}" for action in SIGNS if plan.of(action)] or [
        "nothing to do"
    ]
    return f"{', '.join(parts)}; {plan.unchanged} unchanged."


def plan_json(plan: ChangePlan) -> dict[str, Any]:
    """Give a plan to programs."""
    return {
        "owner": plan.owner,
        "changes": [_change_json(change) for change in plan.changes],
        "unchanged": plan.unchanged,
        "kept": list(plan.kept),
        "hints": hints(plan),
        "problems": list(plan.problems),
    }


def _change_json(change: Change) -> dict[str, Any]:
    names = ("action", "name", "kind", "view", "why")
    data: dict[str, Any] = {name: getattr(change, name) for name in names}
    if change.old:
        data["old"] = change.old
    if change.diff:
        data["diff"] = list(change.diff)
    return data


def outcome_text(outcomes: Sequence[ChangeOutcome]) -> str:
    """Say exactly what was done, what failed and what was not tried."""
    by_state: dict[str, list[ChangeOutcome]] = {DONE: [], FAILED: [], SKIPPED: []}
    for outcome in sorted(outcomes, key=lambda outcome: outcome.change.name):
        by_state[outcome.state].append(outcome)
    done = [outcome.change for outcome in by_state[DONE]]
    out = [
        f"  {SIGNS[one.action]} {PAST[one.action]:<8} {f'{one.kind} {one.name}'.strip()}"
        + f" (formerly {one.old})" * bool(one.old)
        for one in done
    ]
    for state in (FAILED, SKIPPED):
        out += [
            f"  ! {outcome.change.name}: {state}" + f": {outcome.sentence}" * bool(outcome.sentence)
            for outcome in by_state[state]
        ]
    actions = [change.action for change in done]
    numbers = {PAST[action]: actions.count(action) for action in SIGNS}
    numbers.update({state: len(by_state[state]) for state in (FAILED, SKIPPED)})
    parts = [f"{number} {word}" for word, number in numbers.items() if number]
    out.append((", ".join(parts) or "nothing to do") + ".")
    return "\n".join(out)


def outcome_json(outcomes: Sequence[ChangeOutcome], unchanged: int) -> dict[str, Any]:
    """Give the outcomes to programs."""
    data: dict[str, Any] = {
        "unchanged": unchanged,
        "outcomes": [
            {**_change_json(outcome.change), "state": outcome.state, "sentence": outcome.sentence}
            for outcome in sorted(outcomes, key=lambda outcome: outcome.change.name)
        ],
    }
    for item in data["outcomes"]:
        item.pop("diff", None)
    return data
