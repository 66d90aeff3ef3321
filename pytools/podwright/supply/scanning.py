"""Known vulnerabilities of an image, by Grype; what is accepted, by whom, until when."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from podwright.errors import UsageError
from podwright.records import record
from podwright.schema import Invalid, ListOf, RecordOf
from podwright.sources import Document, read_text
from podwright.supply.attesting import sboms
from podwright.supply.parameters import LEVELS, Ignored, Scan
from podwright.supply.programs import Programs

_MOST_NAMED = 5


@record
class Vulnerability:
    """A vulnerability in a package.

    Attributes:
        id: of the vulnerability.
        severity: one of LEVELS, or 'unknown'.
        package: its name.
        version: of the package.
        fixed: the version that has the fix, '' for none.
    """

    id: str
    severity: str
    package: str
    version: str
    fixed: str

    def __str__(self) -> str:
        fix = f"fixed in {self.fixed}" if self.fixed else "no fix yet"
        return f"{self.id} ({self.severity}) in {self.package} {self.version}, {fix}"


@record
class ScanReport:
    """What was found.

    Attributes:
        matches: all of it, the worst first.
        failing: what is bad enough to fail.
        accepted: what somebody accepts today.
        expired: acceptances of something failing whose day is over.
    """

    matches: tuple[Vulnerability, ...]
    failing: tuple[Vulnerability, ...]
    accepted: tuple[Vulnerability, ...]
    expired: tuple[Ignored, ...]

    @property
    def sentence(self) -> str:
        """Say what fails, and what to do."""
        named = "; ".join(map(str, self.failing[:_MOST_NAMED]))
        more = len(self.failing) - _MOST_NAMED
        ended = "".join(
            f"; the acceptance of {one.id} by {one.owner} ended on {one.until}"
            for one in self.expired
        )
        return (
            f"{len(self.failing)} vulnerabilities: {named}{f' and {more} more' if more > 0 else ''}"
            f"{ended}; update these packages, or accept them for a while: "
            "ignore: [[id: ..., owner: ..., until: ...]]"
        )

    def as_json(self) -> dict[str, Any]:
        """Give it as the step's result."""
        levels = [match.severity for match in self.matches]
        return {
            "vulnerabilities": {level: levels.count(level) for level in dict.fromkeys(levels)},
            "failing": [str(match) for match in self.failing],
            "accepted": [str(match) for match in self.accepted],
        }


def scan(asked: Scan, programs: Programs, source: str, today: dt.date) -> ScanReport:
    """Scan, write the reports, and judge.

    Args:
        asked: threshold, acceptances, and where the reports go.
        programs: to run Syft and Grype.
        source: as Syft names it, `registry:...` or `oci-archive:...`.
        today: for acceptances that end.

    Raises:
        PodwrightError: a program fails.
        UsageError: the file of acceptances is wrong.
    """
    accepted = [*asked.ignore, *_from_file(asked.ignoreFile)]
    documents = sboms(programs, source, "syft-json", "cyclonedx-json")
    listed = programs.folder / "syft.json"
    listed.write_bytes(documents["syft-json"])
    found = {form: programs.folder / f"grype.{form}" for form in ("json", "sarif")}
    outputs = [word for form, path in found.items() for word in ("-o", f"{form}={path}")]
    programs.run("grype", [f"sbom:{listed}", *outputs], **_database(asked))
    _keep_reports(asked.report, documents["cyclonedx-json"], found)
    return judge(asked, accepted, _matches(json.loads(found["json"].read_bytes())), today)


def judge(
    asked: Scan, ignored: list[Ignored], matches: list[Vulnerability], today: dt.date
) -> ScanReport:
    """Decide what fails."""
    bad = [match for match in matches if _counts(asked, match)]
    failing: list[Vulnerability] = []
    accepted: list[Vulnerability] = []
    expired: list[Ignored] = []
    for match in bad:
        of_it = [
            one for one in ignored if one.id == match.id and one.package in ("", match.package)
        ]
        valid = [one for one in of_it if dt.date.fromisoformat(one.until) >= today]
        (accepted if valid else failing).append(match)
        expired += [] if valid else of_it
    return ScanReport(
        tuple(matches), tuple(failing), tuple(accepted), tuple(dict.fromkeys(expired))
    )


def _counts(asked: Scan, match: Vulnerability) -> bool:
    if asked.failOn == "never" or (asked.onlyFixed and not match.fixed):
        return False
    # What nobody has rated yet may be the worst.
    return match.severity not in LEVELS or LEVELS.index(match.severity) >= LEVELS.index(
        asked.failOn
    )


def _matches(report: Mapping[str, Any]) -> list[Vulnerability]:
    made = {
        Vulnerability(
            id=item["vulnerability"]["id"],
            severity=str(item["vulnerability"].get("severity", "unknown")).lower(),
            package=item["artifact"]["name"],
            version=item["artifact"]["version"],
            fixed=", ".join((item["vulnerability"].get("fix") or {}).get("versions") or []),
        )
        for item in report.get("matches") or []
    }
    rank = {level: -number for number, level in enumerate(("unknown", *LEVELS))}
    return sorted(made, key=lambda match: (rank.get(match.severity, 0), match.id, match.package))


def _database(asked: Scan) -> dict[str, str]:
    """Give Grype's settings: where its database is from, and how old it may be."""
    env = {"GRYPE_CHECK_FOR_APP_UPDATE": "false"}
    env["GRYPE_DB_MAX_ALLOWED_BUILT_AGE"] = f"{24 * asked.databaseAge}h"
    if asked.databaseDir:
        folder = str(Path(asked.databaseDir).resolve())
        return {**env, "GRYPE_DB_CACHE_DIR": folder, "GRYPE_DB_AUTO_UPDATE": "false"}
    return {**env, **({"GRYPE_DB_UPDATE_URL": asked.database} if asked.database else {})}


def _keep_reports(prefix: str, sbom: bytes, found: Mapping[str, Path]) -> None:
    if not prefix:
        return
    Path(prefix).parent.mkdir(parents=True, exist_ok=True)
    Path(f"{prefix}.sbom.json").write_bytes(sbom)
    for form, path in found.items():
        shutil.copyfile(path, f"{prefix}.{form}")


def _from_file(name: str) -> list[Ignored]:
    """Read acceptances from a file.

    Raises:
        UsageError: it cannot be read, or an entry lacks id, owner or until.
    """
    if not name:
        return []
    document = Document(read_text(Path(name), name), name)
    value = document.value
    if not isinstance(value, dict) or set(value) != {"ignore"}:
        raise UsageError(f"{name}: expected a map with 'ignore', a list of id, owner and until")
    try:
        made: tuple[Ignored, ...] = ListOf(RecordOf(of=Ignored)).parse(value["ignore"])
    except Invalid as error:
        problems = (document.locate(problem.below("ignore")) for problem in error.problems)
        raise UsageError(problems) from None
    return list(made)
