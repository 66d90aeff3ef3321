"""Explains a step that failed to the script that ran it, while the script still waits.

The script (prelude.sh, ``pw_explain``) leaves a file ``failed`` in a directory and gets ``why``, the
sentence that ends the build, ``also``, a line for each further cause, and ``failure.json`` for programs.
"""

from __future__ import annotations

import io
import json
from pathlib import Path

from podwright.doctor import diagnosis, matching
from podwright.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FAILED = "failed"


@record
class Failed:
    """What the script knows of its step.

    Attributes:
        kind: build, push or none, as in the recipe.
        title: what the log says of the step.
        ended: how it ended, in the script's own words.
        log: path of the log.
        mark: bytes of the log that belong to earlier steps.
        context: what the planner knew of logins and strategies, as JSON.
    """

    kind: str
    title: str
    ended: str
    log: str
    mark: str
    context: str


def explain(folder: Path) -> None:
    """Write the answer beside the question."""
    lines = (folder / FAILED).read_text(encoding="utf-8", errors="replace").split("\n")
    failed = Failed(*lines[:6])
    with Path(failed.log).open("rb") as log:
        log.seek(int(failed.mark))
        findings = matching.scan(log)
    context = context_of(failed)
    causes = diagnosis.decide(findings, context)
    if not causes:  # the script's own words may be a symptom: killed, not installed
        own = matching.scan(io.BytesIO(failed.ended.encode()))
        causes = diagnosis.decide(own, context)
    why = diagnosis.sentence(causes, findings, context, failed.ended)
    (folder / "why").write_text(why + "\n", encoding="utf-8")
    also = [f"also: {cause.sentence}; {cause.remedy}" for cause in causes[1:]]
    (folder / "also").write_text("".join(f"{line}\n" for line in also), encoding="utf-8")
    told = causes[0].as_json() if causes else unknown(why)
    (folder / "failure.json").write_text(json.dumps(told) + "\n", encoding="utf-8")


def context_of(failed: Failed) -> diagnosis.Context:
    """Give what is known of the build at this step."""
    known = json.loads(failed.context)
    uses = ("push",) if failed.kind == "push" else ("push", "pull")
    logins = {host: login for use in uses for host, login in known[use].items()}
    return diagnosis.Context(
        title=failed.title,
        host=known["host"],
        logins=logins,
        known=known["known"],
        allowed=tuple(known["allowed"]),
    )


def unknown(sentence: str) -> dict[str, Any]:
    """Give the failure that no symptom explains."""
    cause = diagnosis.Cause("unknown", "", sentence, "look at the log", transient=False, line="")
    return cause.as_json()
