"""Writes pages that podwright makes, for the checks: samples.py FOLDER."""

from __future__ import annotations

import io
import sys
from pathlib import Path

from podwright import cli
from podwright.console import Console
from podwright.jobs import plan_page
from podwright.jobs.planning import Change, ChangePlan

SAMPLES = Path(__file__).resolve().parents[1] / "unit" / "report"
DIFF = ("@@ -1,2 +1,2 @@", " <script>", "-sh 'make'", "+sh 'make test'")


def report(*words: str) -> str:
    """Give the page of a build."""
    out = io.StringIO()
    cli.run(["report", *words], Console(out, io.StringIO(), io.StringIO(), {}))
    return out.getvalue()


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    one, log = str(SAMPLES / "result.json"), str(SAMPLES / "buildkit.log")
    more = ["--scan", str(SAMPLES / "scan.json"), "--sbom", str(SAMPLES / "sbom.json")]
    changes = (
        Change("add", "team-a/new", "pipeline", why="new"),
        Change("change", "team-a/app", "pipeline", why="YAML changed", diff=DIFF),
        Change("change", "team-a/web", "pipeline", why="YAML changed", diff=DIFF),
        Change("delete", "team-a/old", "freestyle", why="no longer described"),
    )
    plan = ChangePlan("team-a", changes, 812, kept=("team-a/kept stays: it has builds",))
    (folder / "report.html").write_text(report(one, "--log", log, *more), encoding="utf-8")
    (folder / "failed.html").write_text(
        report("--log", str(SAMPLES / "failed.log")), encoding="utf-8"
    )
    (folder / "plan.html").write_text(plan_page.page(plan), encoding="utf-8")


main()
