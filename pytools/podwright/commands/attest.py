"""Attach SBOMs, provenance and signatures to an image that was pushed.

SPDX and CycloneDX are made by Syft, provenance is SLSA v1, signatures are
Cosign's; all of it refers to the image in its registry. Programs that are not
installed are taken out of their images. What is secret (`sign`) is given in a
request file: see docs/how-to/trust.md.
"""

from __future__ import annotations

from typing import Any

from podwright.console import Console
from podwright.distribution import parameters as named
from podwright.errors import UsageError
from podwright.supply import attesting
from podwright.supply.parameters import Attestation
from podwright.supply.programs import programs_for

SUMMARY = "attach SBOM, provenance and signature to an image"
PARAMETERS = Attestation, "[image] sbom provenance"


def work(value: dict[str, Any], console: Console) -> dict[str, Any]:
    asked = named.parse(Attestation, value)
    if not (asked.sbom or asked.provenance or asked.sign):
        raise UsageError("nothing is asked for; say sbom, provenance or sign")
    if asked.sign:
        asked.sign.check()
    source = named.read_source(asked.image)
    known = named.Registries(asked, console.env)
    repository = known.repository(source.name, "push")
    image = repository.get(source.digest or source.tag)
    with programs_for(known, console.env, source.name, repository.client.login) as programs:
        made = attesting.attest(asked, repository, image, programs, known)
    words = [f"{len(made['sbom'])} SBOMs"] if made["sbom"] else []
    words += ["provenance"] if made["provenance"] else []
    words += ["a signature"] if made["signed"] else []
    console.say(f"[podwright] {made['reference']}: attached {', '.join(words)}")
    return made
