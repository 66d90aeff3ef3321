"""Explains a step that failed to the script that ran it, while the script still waits.

The script (prelude.sh, ``pw_explain``) leaves a file ``failed`` in a directory and gets ``why``,
the sentence that ends the build, ``also``, a line for each further cause, and ``failure.json``.
"""

from __future__ import annotations

import json
from pathlib import Path

from podwright.doctor import context, diagnosis, matching

FAILED = "failed"  # what the script leaves, and `podwright answer` looks for


def explain(folder: Path) -> None:
    """Write the answer beside the question: kind, title, end, log, mark and context of the step."""
    question = (folder / FAILED).read_text(encoding="utf-8", errors="replace").split("\n")
    kind, title, ended, path, mark, text = question[:6]
    with Path(path).open("rb") as log:
        log.seek(int(mark))  # what is before belongs to earlier steps
        findings = matching.scan(log)
    known = context.read(text, kind, title)
    causes = diagnosis.decide(findings, known)
    why = diagnosis.sentence(causes, findings, known, ended)
    first = causes[0] if causes else diagnosis.unknown(why)
    also = [f"also: {cause.sentence}; {cause.remedy}\n" for cause in causes[1:]]
    for name, content in (
        ("why", f"{why}\n"),
        ("also", "".join(also)),
        ("failure.json", json.dumps(first.as_json()) + "\n"),
    ):
        (folder / name).write_text(content, encoding="utf-8")
