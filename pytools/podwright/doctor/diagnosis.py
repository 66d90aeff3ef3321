"""Decides what a log's symptoms mean: the innermost causes, each as one sentence. Pure."""

from __future__ import annotations

import re

from podwright.doctor import matching
from podwright.records import record
from podwright.references import DOCKER_HUB

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from podwright.doctor.context import Context
    from podwright.doctor.matching import Match, Matches

_LONGEST = 200  # characters of a quoted line


@record
class Cause:
    """One cause of a failure.

    Attributes:
        id: the symptom's name; '' when none is known.
        layer: where the cause is; '' when it is not known.
        sentence: what is wrong.
        remedy: what to do.
        transient: whether another try may succeed.
        line: the line of the log that shows it.
    """

    id: str
    layer: str
    sentence: str
    remedy: str
    transient: bool
    line: str

    def as_json(self) -> dict[str, Any]:
        """Give it as a pipeline's ``catch`` block gets it."""
        names = ("id", "layer", "sentence", "remedy", "transient")
        return {name: getattr(self, name) for name in names}


def unknown(sentence: str) -> Cause:
    """Give the cause of a failure that no symptom explains."""
    return Cause("unknown", "", sentence, "look at the log", transient=False, line="")


def decide(findings: Matches, context: Context) -> list[Cause]:
    """Give the independent causes, the most important one first; none for a successful build."""
    matches = [match for match in findings.matches if match.line > findings.succeeded]
    chosen = _innermost([match for match in matches if _meant(match, context)])
    return [_cause(match, context) for match in chosen]


def _meant(match: Match, context: Context) -> bool:
    """Say whether a symptom's conditions hold."""
    login = _host(match, context) in context.logins
    holds = {"login": login, "no-login": context.known and not login}
    return all(holds[name] for name in match.symptom.when)


def _innermost(matches: Iterable[Match]) -> list[Match]:
    """Leave out what another symptom explains; the last line of a log comes first."""
    found = list(matches)
    if any(match.symptom.step for match in found):
        # A RUN step failed: what it printed is a program's, not the builder's.
        found = [match for match in found if match.symptom.step or match.symptom.run]
    ids = {match.symptom.id for match in found}
    found = [match for match in found if not ids.intersection(match.symptom.unless)]
    inner = [match for match in found if not (match.symptom.wrapper or match.symptom.step)]
    steps = [match for match in found if match.symptom.step]
    return list(reversed(inner or steps or found))


def _host(match: Match, context: Context) -> str:
    """Give the registry that a line speaks of, by one name for Docker Hub."""
    host = match.values.get("host") or context.host
    return DOCKER_HUB if host.endswith("docker.io") else host


def _cause(match: Match, context: Context) -> Cause:
    """Fill in the sentence of a symptom."""
    symptom = match.symptom
    host = _host(match, context)
    login = context.logins.get(host, "")
    values = {
        "rest": "",
        "said": shortened(match.before),
        "line": shortened(matching.without_wrapping(match.text)),
        **{name: shortened(text) for name, text in match.values.items() if text},
        "host": host or "the registry",
        "login": f"'{login}'" if login else "that was given",
    }
    sentence = symptom.cause.format_map(_Known(values))
    remedy = symptom.remedy.format_map(_Known(values))
    others = [name for name in symptom.instead if name in context.allowed]
    if others:
        remedy += f", or take builder: '{others[0]}'"
    return Cause(symptom.id, symptom.layer, sentence, remedy, symptom.transient, match.text)


class _Known(dict[str, str]):
    """The values of a sentence; what a line did not have is told as '...'."""

    def __missing__(self, name: str) -> str:
        return "..."


def shortened(text: str) -> str:
    """Give a line that fits into a sentence."""
    flat = re.sub(r"\s+", " ", text).strip()
    return flat if len(flat) <= _LONGEST else f"{flat[: _LONGEST - 3]}..."


def sentence(causes: list[Cause], findings: Matches, context: Context, ended: str) -> str:
    """Give the sentence that ends a failed build.

    Args:
        causes: what :func:`decide` gave.
        findings: for a log without a known cause.
        context: for what was being done.
        ended: how the command ended, e.g. ``failed with exit code 1``.
    """
    where = f"{context.title}: " if context.title else ""
    if causes:
        return f"{where}{causes[0].sentence}; {causes[0].remedy}"
    if findings.last:
        told = (findings.telling or (findings.last,))[-1]
        line = shortened(matching.without_wrapping(told))
        return f"{where}{ended}, by a cause that is not known; its most telling line: {line}"
    return f"{where}{ended}; it said nothing"
