"""A plan in a file, to be looked at now and applied later, exactly as it is.

It holds the XML that is sent and, for each change, what the controller must still have. No secret
can be in it, because none can be in a description.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Any

from podwright.errors import UsageError
from podwright.jobs import marker
from podwright.jobs.marker import DISABLED
from podwright.jobs.planning import ADD, REMOVALS, RENAME, Change, ChangePlan
from podwright.jobs.snapshot import Snapshot

Refusal = tuple[Change, str]
FORMAT = "podwright-jobs-plan/2"
ACTIONS = frozenset({"add", "change", "adopt", "rename", "disable", "delete"})


PLAN = ("owner", "unchanged", "owned", "share")
KINDS = {"view": bool, "folder": bool, "step": int, "size": int, "diff": list}


def dump(plan: ChangePlan, url: str) -> str:
    """Write a plan for one controller; each part is sealed, so that edits by hand are seen."""
    changes = []
    for change in plan.changes:
        data = asdict(change)
        data["xml"] = change.xml.decode("utf-8")
        data["diff"] = list(change.diff)
        changes.append({**data, "seal": _seal(data)})
    head = {name: getattr(plan, name) for name in PLAN}
    content: dict[str, Any] = {"controller": url.rstrip("/"), **head}
    content["seal"] = _seal({**content, "changes": len(changes)})
    content.update(format=FORMAT, changes=changes)
    return json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _seal(data: Mapping[str, Any]) -> str:
    text = json.dumps(data, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def load(text: str, file: str, url: str) -> tuple[ChangePlan, list[Refusal]]:
    """Read a plan back.

    Returns:
        The plan, and what was edited since it was written.

    Raises:
        UsageError: when it is no plan, of another version, or for another controller.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise UsageError(f"{file}: this is not a plan; make one with `jobs plan --out`") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise UsageError(f"{file}: this is not a plan of this version; plan again")
    if data.get("controller") != url.rstrip("/"):
        raise UsageError(
            f"{file}: the plan was made for {data.get('controller')}, not for {url.rstrip('/')}"
        )
    try:
        return _read_plan(data)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise UsageError(f"{file}: the plan was edited or cut short; plan again") from None


def _read_plan(data: dict[str, Any]) -> tuple[ChangePlan, list[Refusal]]:
    head = {name: data[name] for name in ("controller", *PLAN)}
    if data["seal"] != _seal({**head, "changes": len(data["changes"])}):
        raise ValueError
    good: list[Change] = []
    refused: list[Refusal] = []
    for item in data["changes"]:
        change = _read_change(item)
        if item["seal"] == _seal(_unsealed(item)) and _is_whole(change, data["owner"]):
            good.append(change)
        else:
            refused.append((change, "the plan was edited here; plan again"))
    return ChangePlan(changes=tuple(good), **{name: data[name] for name in PLAN}), refused


def _unsealed(item: Mapping[str, Any]) -> dict[str, Any]:
    """Give the part of a change that its seal is about."""
    return {key: value for key, value in item.items() if key != "seal"}


def _read_change(item: dict[str, Any]) -> Change:
    known = {part.name for part in fields(Change)}
    data = _unsealed(item)
    if set(data) != known or data["action"] not in ACTIONS:
        raise ValueError
    if any(type(value) is not KINDS.get(name, str) for name, value in data.items()):
        raise TypeError
    return Change(**{**data, "xml": data["xml"].encode("utf-8"), "diff": tuple(data["diff"])})


def _is_whole(change: Change, owner: str) -> bool:
    """Say whether the XML is what its marker says."""
    if change.action in REMOVALS:
        return not change.xml
    found = marker.of_sent(change.xml)
    return found is not None and (found.owner, found.digest) == (owner, change.digest)


def still_due(plan: ChangePlan, server: Snapshot) -> tuple[ChangePlan, list[Refusal]]:
    """Leave out what was done already, as by an earlier run of the same plan.

    Returns:
        What is to be done, and what is neither as it was planned nor as it shall become.
    """
    due: list[Change] = []
    refused: list[Refusal] = []
    turns = sorted(plan.of(RENAME), key=lambda change: change.step)
    moved = {change.old: change.name for change in turns if change.folder}
    for change in plan.changes:
        state = _change_state(change, server, plan.owner, moved)
        if state == "due":
            due.append(change)
        elif state != "done":
            refused.append((change, f"{state}; plan again"))
    return replace(plan, changes=tuple(due)), refused


def _change_state(change: Change, server: Snapshot, owner: str, moved: Mapping[str, str]) -> str:
    """Say whether a change is ``due``, ``done``, or what came in between."""
    found = server.get(change.key)
    if found is None:
        found = server.get((change.view, _name_before(change.name, moved)))
    was = (found.marker.owner, found.marker.digest) if found and found.marker else ("", "")
    planned = was == (change.claim, change.expected)
    if change.action in REMOVALS:
        done = found is None or was == (owner, DISABLED)
        return "done" if done else "due" if planned else "was changed since"
    is_written = was == (owner, change.digest)
    if change.action == RENAME:
        names = (change.old, _name_before(change.old, moved))
        old = next(filter(None, (server.items.get((False, name)) for name in names)), None)
        return "due" if old else "done" if is_written else "was renamed or removed since"
    if is_written and not planned:
        return "done"
    if change.action == ADD:
        return "due" if found is None else "was created by somebody since"
    if found is None:
        return "was removed since"
    return "due" if planned else "was changed since"


def _name_before(name: str, moved: Mapping[str, str]) -> str:
    """Give the name that something has until the folders above it are renamed."""
    for old, new in reversed(list(moved.items())):
        if name.startswith(new + "/"):
            name = old + name[len(new) :]
    return name
