"""Scan an image, or an OCI archive, for known vulnerabilities.

Fails when something is found that is as bad as --fail-on says, and that
nobody accepts. Reports are written as SARIF and JSON, with the SBOM. Programs
that are not installed are taken out of their images.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from podwright import steps
from podwright.distribution import parameters as named
from podwright.distribution.client import Login
from podwright.errors import PodwrightError, UsageError
from podwright.supply import scanning
from podwright.supply.parameters import LEVELS
from podwright.supply.parameters import Scan as Asked
from podwright.supply.programs import programs_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from podwright.console import Console

SUMMARY = "scan an image for known vulnerabilities"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("image", nargs="?", help="the image, with its digest or a tag")
    parser.add_argument("--archive", metavar="FILE", help="an OCI archive in its place")
    levels = [*LEVELS, "never"]
    parser.add_argument(
        "--fail-on", dest="failOn", metavar="LEVEL", choices=levels, help=", ".join(levels)
    )
    parser.add_argument(
        "--only-fixed",
        dest="onlyFixed",
        action="store_true",
        default=None,
        help="what has no fix yet does not fail",
    )
    parser.add_argument(
        "--ignore-file", dest="ignoreFile", metavar="FILE", help="accepted findings, as YAML"
    )
    parser.add_argument("--report", metavar="PREFIX", help="where the reports go")
    steps.add_request(parser)


def run(options: argparse.Namespace, console: Console) -> int:
    return steps.run(
        options, console, work, "image", "archive", "failOn", "onlyFixed", "ignoreFile", "report"
    )


def work(value: dict[str, Any], console: Console) -> dict[str, Any]:
    asked = named.parse(Asked, value)
    if bool(asked.image) == bool(asked.archive):
        raise UsageError("name either an image or an archive")
    known = named.Registries(asked, Path.cwd(), console.env)
    name, login, source = None, Login(), f"oci-archive:{asked.archive}"
    if asked.image:
        where = named.read_source(asked.image)
        repository = known.repository(where.name, "pull")
        image = repository.get(where.digest or where.tag)
        name, login = where.name, repository.client.login
        source = f"registry:{repository}@{image.digest}"
    elif not Path(asked.archive).is_file():
        raise UsageError(f"archive: there is no file '{asked.archive}'")
    with programs_for(known, console.env, name, login) as programs:
        report = scanning.scan(asked, programs, source, dt.datetime.now(dt.timezone.utc).date())
    for match in report.matches:
        console.say(f"[podwright] {match}")
    if report.failing:
        raise PodwrightError(f"{asked.image or asked.archive}: {report.sentence}")
    console.say(
        f"[podwright] {asked.image or asked.archive}: {len(report.matches)} vulnerabilities, none "
        f"of them fails ({len(report.accepted)} accepted)"
    )
    if asked.discard:
        Path(asked.archive).unlink()
    return {"image": asked.image or asked.archive, "report": asked.report, **report.as_json()}
