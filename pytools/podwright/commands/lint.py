"""Look for mistakes and bad habits in Dockerfiles, by hadolint.

The report is SARIF, which the plugin warnings-ng reads. hadolint is taken out
of its image when it is not installed.
"""

from __future__ import annotations

from typing import Any

from podwright.console import Console
from podwright.distribution import parameters as named
from podwright.distribution.client import Login
from podwright.supply import linting
from podwright.supply.programs import programs_for

SUMMARY = "look for mistakes in Dockerfiles"
PARAMETERS = linting.Lint, "[dockerfile] failOn ignore report"


def work(value: dict[str, Any], console: Console) -> dict[str, Any]:
    asked = named.parse(linting.Lint, value)
    known = named.Registries(named.Repositories(), console.env)
    with programs_for(known, console.env, None, Login()) as programs:
        found = linting.lint(asked, programs)
    for item in found:
        place = f"{item['file']}:{item['line']}"
        console.say(f"[podwright] {place}: {item['level']}: {item['code']}: {item['message']}")
    linting.judge(asked, found)
    return {"findings": len(found), "report": asked.report}
