"""The parameters of ``attestImage``, ``scanImage`` and ``verifyImage``."""

from __future__ import annotations

from typing import Any

from podwright.distribution.parameters import Repositories
from podwright.errors import Problem, UsageError
from podwright.records import record
from podwright.request import IDENTIFIER, PROVENANCE
from podwright.schema import Anything, Choice, Flag, ListOf, MapOf, Number, RecordOf, Text, option

LEVELS = ("negligible", "low", "medium", "high", "critical")


@record
class Held:
    """Something secret: a credential of Jenkins, or outside of it a file or a variable."""

    credentialsId: str = option(Text(), "Jenkins credential", "")
    src: str = option(Text(), "outside of Jenkins: a file", "")
    env: str = option(
        Text(pattern=IDENTIFIER, expected="a variable"), "outside of Jenkins: a variable", ""
    )
    variable: str = option(
        Text(pattern=IDENTIFIER, expected="a variable"), "set by the step itself", "", internal=True
    )


@record
class Sign:
    """Who signs: a key, a key service, or an identity."""

    key: Held | None = option(
        RecordOf(of=Held, shorthand="credentialsId"), "Cosign's private key: a secret file", None
    )
    password: Held | None = option(
        RecordOf(of=Held, shorthand="credentialsId"), "its password: a secret text", None
    )
    kms: str = option(Text(), "address of a key service, e.g. 'awskms:///alias/sign'", "")
    token: Held | None = option(
        RecordOf(of=Held, shorthand="credentialsId"),
        "an identity token (OIDC) for signing without a key: a secret text",
        None,
    )
    config: str = option(
        Text(),
        "Sigstore's signing config: which services are asked. With a key and none named, none is",
        "",
    )

    def check(self) -> None:
        """Look whether it is clear who signs.

        Raises:
            UsageError: nobody, or more than one.
        """
        if sum(map(bool, (self.key, self.kms, self.token))) != 1:
            raise UsageError([Problem("name one of key, kms and token", "sign")])


@record
class Trust:
    """Whose signatures count, and which signed attestations must be there."""

    key: str = option(Text(), "the public key: a file of the workspace, or the PEM text", "")
    kms: str = option(Text(), "address of a key service", "")
    identity: str = option(Text(), "who signed without a key: an address or a URL", "")
    issuer: str = option(Text(), "who vouches for that identity", "")
    trustedRoot: str = option(Text(), "Sigstore's trusted root, for services of your own", "")
    attestations: tuple[str, ...] = option(
        ListOf(Choice(words=lambda: ("spdx", "cyclonedx", "provenance"), what="attestation")),
        "signed attestations that must be there",
        (),
    )


@record
class Attestation(Repositories):
    """The parameters of ``attestImage``."""

    image: str = option(Text(), "the image, with its digest or a tag", required=True)
    sbom: bool = option(Flag(), "attach SBOMs: SPDX and CycloneDX, by Syft", default=False)
    provenance: str = option(
        PROVENANCE, "attach SLSA provenance v1: true, or 'max' with all parameters' names", ""
    )
    sign: Sign | None = option(
        RecordOf(of=Sign, shorthand="key"), "sign all of it, by Cosign", None
    )
    build: dict[str, Any] | None = option(
        Anything(types=(dict,)),
        "what was asked of buildImage, for the provenance; no values of buildArgs are used",
        None,
    )


@record
class Ignored:
    """A finding that is accepted, by somebody and until a day."""

    id: str = option(Text(), "of the vulnerability, e.g. 'CVE-2026-1234'", required=True)
    package: str = option(Text(), "in this package alone", "")
    owner: str = option(Text(), "who answers for it", required=True)
    until: str = option(
        Text(r"\d{4}-\d\d-\d\d", "a day such as '2026-12-31'"), "the last day", required=True
    )
    reason: str = option(Text(), "why", "")


@record
class Scanning:
    """How to scan, and what fails."""

    failOn: str = option(
        Choice(words=lambda: (*LEVELS, "never"), what="level"),
        "the lowest severity that fails the step",
        "high",
    )
    onlyFixed: bool = option(Flag(), "what has no fix yet does not fail the step", default=False)
    ignore: tuple[Ignored, ...] = option(
        ListOf(RecordOf(of=Ignored)), "accepted findings: id, owner and until", ()
    )
    ignoreFile: str = option(Text(), "a YAML file with such an `ignore`", "")
    report: str = option(
        Text(), "prefix of the reports: X gives X.sarif, X.json, X.sbom.json", "podwright-scan"
    )
    database: str = option(Text(), "where Grype's database is had, for mirrors: a URL", "")
    databaseDir: str = option(Text(), "a folder with the database, which is then not updated", "")
    databaseAge: int = option(Number(0), "days after which a database is too old", 5)


@record
class Scan(Repositories, Scanning):
    """The parameters of ``scanImage``."""

    image: str = option(Text(), "the image, with its digest or a tag", "")
    archive: str = option(Text(), "an OCI archive in its place: buildImage's `output`", "")
    discard: bool = option(Flag(), "remove the archive afterwards", default=False, internal=True)


@record
class Verification(Repositories, Trust):
    """The parameters of ``verifyImage``."""

    image: str = option(Text(), "the image, with its digest or a tag", "")
    dockerfile: str = option(Text(), "in its place: a Dockerfile, all of whose bases count", "")
    buildArgs: dict[str, str] = option(
        MapOf(Text(numbers=True)), "values of ARG, for bases that name one", {}
    )
    refusal: str = option(Text(), "set by the step itself", "", internal=True)
