"""Say what a log's failure comes from, and what to do.

Reads a file, or standard input for '-': the console of a Jenkins build, the
output of a builder, the events of a pod. Exit code 0 when a cause was found or
the log has no failure, 1 when no cause is known.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from podwright import strategies
from podwright.console import Console
from podwright.doctor import context, diagnosis, matching
from podwright.errors import UsageError

SUMMARY = "say what a log's failure comes from, and what to do"
OPTIONS = """
log  the file, '-' for standard input
"""


def run(options: argparse.Namespace, console: Console) -> int:
    findings = _scan(options.log, console)
    causes = diagnosis.decide(findings, context.Context(allowed=tuple(strategies.names())))
    console.result("\n".join(_lines(causes, findings)), [cause.as_json() for cause in causes])
    return 1 if findings.telling and not causes and not findings.succeeded else 0


def _scan(log: str, console: Console) -> matching.Matches:
    try:
        if log == "-":
            return matching.scan(console.stdin.buffer)
        with Path(log).open("rb") as stream:
            return matching.scan(stream)
    except OSError as error:
        raise UsageError(f"'{log}' cannot be read: {error.strerror}; give a log file") from None


def _lines(causes: list[diagnosis.Cause], findings: matching.Matches) -> list[str]:
    if not causes and findings.telling and not findings.succeeded:
        return ["No known cause. The most telling lines:", *(f"  {t}" for t in findings.telling)]
    if not causes:
        return ["No failure was found."]
    blocks = [
        f"{cause.sentence}\n  do:     {cause.remedy}\n  layer:  {cause.layer}\n"
        f"  line:   {diagnosis.shortened(cause.line)}"
        for cause in causes
    ]
    return ["\n\n".join(blocks)]
