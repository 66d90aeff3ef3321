"""A plan in a file, to be looked at now and applied later, exactly as it is.

It holds the XML that is sent and, for each change, what the controller must still have. No secret
can be in it, because none can be in a description.
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING, Any

from podwright.errors import PodwrightError, UsageError
from podwright.jobs.planning import ADD, REMOVALS, RENAME, Change, ChangePlan

if TYPE_CHECKING:
    from podwright.jobs.snapshot import Found, Snapshot

FORMAT = "podwright-jobs-plan/1"
ACTIONS = frozenset({"add", "change", "adopt", "rename", "disable", "delete"})


def dump(plan: ChangePlan, url: str) -> str:
    """Write a plan for one controller."""
    changes = []
    for change in plan.changes:
        data = asdict(change)
        data["xml"] = change.xml.decode("utf-8")
        data["diff"] = list(change.diff)
        changes.append(data)
    content = {
        "format": FORMAT,
        "controller": url.rstrip("/"),
        "owner": plan.owner,
        "unchanged": plan.unchanged,
        "owned": plan.owned,
        "share": plan.share,
        "changes": changes,
    }
    return json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def load(text: str, file: str, url: str) -> ChangePlan:
    """Read a plan back.

    Raises:
        UsageError: when it is no plan, of another version, or for another controller.
    """
    try:
        data = json.loads(text)
    except ValueError:
        raise UsageError(f"{file}: this is not a plan; make one with `jobs plan --out`") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise UsageError(f"{file}: this is not a plan of this version; plan again")
    if data.get("controller") != url.rstrip("/"):
        raise UsageError(
            f"{file}: the plan was made for {data.get('controller')}, not for {url.rstrip('/')}"
        )
    try:
        changes = tuple(_read_change(item) for item in data["changes"])
        return ChangePlan(
            data["owner"],
            changes,
            int(data["unchanged"]),
            owned=int(data["owned"]),
            share=int(data["share"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise UsageError(f"{file}: the plan was edited or cut short; plan again") from None


def _read_change(item: dict[str, Any]) -> Change:
    known = {part.name for part in fields(Change)}
    if set(item) != known or item["action"] not in ACTIONS:
        raise ValueError
    made = Change(**item)
    return replace(made, xml=made.xml.encode("utf-8"), diff=tuple(made.diff))  # type: ignore[attr-defined]


def still_due(plan: ChangePlan, server: Snapshot) -> ChangePlan:
    """Leave out what was done already, as by an earlier run of the same plan.

    Raises:
        PodwrightError: when the controller is neither as it was planned nor as it shall become.
    """
    due, problems = [], []
    for change in plan.changes:
        state = _change_state(change, server, plan.owner)
        if state == "due":
            due.append(change)
        elif state != "done":
            problems.append(f"{change.name}: {state}")
    if problems:
        raise PodwrightError(
            [*problems, "the controller is not as it was planned; nothing was changed, plan again"]
        )
    return replace(plan, changes=tuple(due))


def _change_state(change: Change, server: Snapshot, owner: str) -> str:
    """Say whether a change is ``due``, ``done``, or what came in between."""
    found = server.get(change.key)
    digest = found.marker.digest if found and found.marker and found.marker.owner == owner else ""
    if change.action in REMOVALS:
        states = ((found is None, "done"), (digest == change.expected, "due"))
        return next((state for true, state in states if true), "was changed since")
    if found is not None and digest == change.digest and change.expected != change.digest:
        return "done"
    if change.action == ADD:
        return "due" if found is None else "was created by somebody since"
    if change.action == RENAME:
        return _rename_state(change, found, server)
    if found is None:
        return "was removed since"
    return "due" if digest == change.expected else "was changed since"


def _rename_state(change: Change, found: Found | None, server: Snapshot) -> str:
    old = server.get((False, change.old))
    if old is not None and found is None:
        return "due"
    return "was renamed or removed since"
