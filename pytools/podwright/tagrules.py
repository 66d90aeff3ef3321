"""Tags by rule, in the manner of docker/metadata-action (README, "tags input"). Pure.

A tag with an '=' is a rule: ``type=semver,pattern={{major}}.{{minor}}``. Each gives one tag or
none, by the branch, tag or pull request that is built.
"""

from __future__ import annotations

import re

from podwright.errors import guess, shown
from podwright.references import tag_like

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from podwright.workspace import Facts, Source

# semver.org: with or without the usual 'v'; build metadata ('+') can be in no tag.
_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+.*)?")
_FIELD = re.compile(r"\{\{\s*(\w+)\s*\}\}")
# Keys of each type, with the values that a key may have (none for any).
_KEYS: dict[str, dict[str, tuple[str, ...]]] = {
    "semver": {"pattern": ()},
    "ref": {"event": ("branch", "tag", "pr")},
    "sha": {},
    "raw": {"value": ()},
}
_COMMON: dict[str, tuple[str, ...]] = {"prefix": (), "suffix": (), "enable": ()}
_FIELDS = ("branch", "tag", "sha", "version", "major", "minor", "patch", "is_default_branch")


def mistake(rule: str) -> str:
    """Say what is wrong with a rule; '' for nothing."""
    given = _read(rule)
    kind = given.pop("type", "")
    if kind not in _KEYS:
        known = guess(kind, _KEYS) if kind else f"; begin with type=, one of {', '.join(_KEYS)}"
        return f"{shown(rule)} has no type of rule that is known{known}"
    keys = {**_KEYS[kind], **_COMMON}
    for key, value in given.items():
        if key not in keys:
            return f"{shown(rule)}: unknown key '{key}'{guess(key, keys)}"
        if keys[key] and value not in keys[key]:
            return f"{shown(rule)}: {key} is one of {', '.join(keys[key])}, got '{value}'"
    strange = [name for name in _FIELD.findall(rule) if name not in _FIELDS]
    if strange:
        return f"{shown(rule)}: unknown field '{strange[0]}'{guess(strange[0], _FIELDS)}"
    missing = {"ref": "event", "raw": "value"}.get(kind, "")
    return f"{shown(rule)} needs '{missing}'" if missing and not given.get(missing) else ""


def applied(tags: tuple[str, ...], facts: Facts, source: Source) -> tuple[str, ...]:
    """Give the tags that rules without a mistake make, and all others, each once."""
    made = (_tag_of(tag, facts, source) if "=" in tag else tag for tag in tags)
    return tuple(dict.fromkeys(tag for tag in made if tag))


def _tag_of(rule: str, facts: Facts, source: Source) -> str:
    """Give the tag of a rule; '' when it gives none for what is built."""
    given = _read(rule)
    branch = "" if facts.tag_name or facts.change_id else source.ref_name
    fields = _fields(facts, source.commit, branch)
    if _filled(given.get("enable", "true"), fields) != "true":
        return ""
    kind = given["type"]
    if kind == "semver":
        made, prefix = _version(given.get("pattern", "{{version}}"), fields), ""
    elif kind == "ref":
        made, prefix = _reference(given["event"], facts, branch), "pr-" * (given["event"] == "pr")
    elif kind == "sha":
        made, prefix = fields["sha"], "sha-"
    else:
        made, prefix = _filled(given["value"], fields), ""
    if not made:
        return ""
    whole = given.get("prefix", prefix) + made + given.get("suffix", "")
    return tag_like(_filled(whole, fields))


def _read(rule: str) -> dict[str, str]:
    parts = (part.partition("=") for part in rule.split(","))
    return {key.strip(): value.strip() for key, _, value in parts}


def _fields(facts: Facts, commit: str, branch: str) -> dict[str, str]:
    found = _VERSION.fullmatch(facts.tag_name)
    major, minor, patch, pre = found.groups("") if found else ("", "", "", "")
    version = f"{major}.{minor}.{patch}{f'-{pre}' if pre else ''}" if found else ""
    return {
        "branch": branch,
        "tag": facts.tag_name,
        "sha": commit[:7],
        "version": version,
        "major": major,
        "minor": minor,
        "patch": patch,
        "is_default_branch": str(facts.primary).lower(),
    }


def _filled(text: str, fields: Mapping[str, str]) -> str:
    return _FIELD.sub(lambda match: fields[match[1]], text)


def _version(pattern: str, fields: Mapping[str, str]) -> str:
    """Fill a pattern; a pre-release is only what it says in full, and never '1' or '1.2'."""
    if not fields["version"] or ("-" in fields["version"] and "version" not in pattern):
        return ""
    return _filled(pattern, fields)


def _reference(event: str, facts: Facts, branch: str) -> str:
    """Give the name of what is built, when it is of that kind."""
    return {"pr": facts.change_id, "tag": facts.tag_name, "branch": branch}[event]
