"""Mistakes and bad habits in Dockerfiles, by hadolint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from podwright.errors import PodwrightError, UsageError
from podwright.records import record
from podwright.schema import Choice, ListOf, Text, option
from podwright.supply.programs import Programs

LEVELS = ("style", "info", "warning", "error")


@record
class Linting:
    """Which findings fail, and where the report goes."""

    failOn: str = option(
        Choice(words=lambda: (*LEVELS, "never"), what="level"),
        "the lowest level that fails the step",
        "error",
    )
    ignore: tuple[str, ...] = option(
        ListOf(Text(r"(?:DL|SC)\d{4}", "a rule such as 'DL3008'")), "rules that do not count", ()
    )
    report: str = option(Text(), "file for the report, in SARIF", "podwright-lint.sarif")


@record
class Lint(Linting):
    """The parameters of ``lintDockerfile``."""

    dockerfile: tuple[str, ...] = option(ListOf(Text()), "Dockerfiles to look at", ("Dockerfile",))


def lint(asked: Lint, programs: Programs) -> list[dict[str, Any]]:
    """Look at Dockerfiles and write the report; gives the findings.

    Raises:
        UsageError: one is not there.
        PodwrightError: hadolint fails.
    """
    for name in asked.dockerfile:
        if not Path(name).is_file():
            raise UsageError(f"dockerfile: there is no file '{name}'")
    words = ["--no-fail", *(word for rule in asked.ignore for word in ("--ignore", rule))]
    files = ["--", *asked.dockerfile]
    if asked.report:
        text = programs.run("hadolint", [*words, "--format", "sarif", *files])
        Path(asked.report).write_text(text, encoding="utf-8")
    found: list[dict[str, Any]] = json.loads(
        programs.run("hadolint", [*words, "--format", "json", *files])
    )
    return found


def judge(asked: Lint, found: list[dict[str, Any]]) -> None:
    """Fail when something is as bad as the threshold.

    Raises:
        PodwrightError: it is.
    """
    worst = LEVELS[LEVELS.index(asked.failOn) :] if asked.failOn != "never" else ()
    bad = [item for item in found if item["level"] in worst]
    if bad:
        first = bad[0]
        raise PodwrightError(
            f"{first['file']}:{first['line']}: {first['code']}: {first['message'].rstrip('.')} "
            f"({len(bad)} findings of level {asked.failOn} or worse); put it right, or leave the "
            f"rule out: ignore: ['{first['code']}']"
        )
