"""Scan an image, or an OCI archive, for known vulnerabilities.

Fails when something is found that is as bad as --fail-on says, and that
nobody accepts. Reports are written as SARIF and JSON, with the SBOM. Programs
that are not installed are taken out of their images.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from podwright.console import Console
from podwright.distribution import parameters as named
from podwright.distribution.client import Login
from podwright.errors import PodwrightError, UsageError
from podwright.supply import scanning
from podwright.supply.parameters import Scan as Asked
from podwright.supply.programs import programs_for

SUMMARY = "scan an image for known vulnerabilities"
PARAMETERS = Asked, "[image] archive failOn onlyFixed ignoreFile report"


def work(value: dict[str, Any], console: Console) -> dict[str, Any]:
    asked = named.parse(Asked, value)
    if bool(asked.image) == bool(asked.archive):
        raise UsageError("name either an image or an archive")
    known = named.Registries(asked, console.env)
    name, login, source = None, Login(), f"oci-archive:{asked.archive}"
    if asked.image:
        repository, image = known.image(asked.image)
        name, login = named.read_source(asked.image).name, repository.client.login
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
