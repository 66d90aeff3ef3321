"""Verify that an image was signed by those whom you trust, as it is.

A tag is resolved first, and what is verified is its digest; use the printed
reference afterwards, so that nobody can move the tag in between.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from podwright import dockerfile
from podwright.console import Console
from podwright.distribution import parameters as named
from podwright.errors import UsageError
from podwright.sources import read_text
from podwright.supply import pins, verifying
from podwright.supply.parameters import Verification
from podwright.supply.programs import programs_for

SUMMARY = "verify signatures and attestations of an image"
PARAMETERS = Verification, "[image] dockerfile key identity issuer attestations"


def work(value: dict[str, Any], console: Console) -> dict[str, Any]:
    asked = named.parse(Verification, value)
    if bool(asked.image) == bool(asked.dockerfile):
        raise UsageError("name either an image or a dockerfile")
    known = named.Registries(asked, console.env)
    if asked.image:
        reference, verified = _verify(asked, asked.image, known, console)
        return {"image": asked.image, "reference": reference, "verified": verified}
    text = read_text(Path(asked.dockerfile), asked.dockerfile)
    content = dockerfile.read(text, asked.buildArgs)
    if not content.certain:
        raise UsageError(
            f"{asked.dockerfile}: not all base images can be told, so they cannot be verified; "
            "write them without variables that have no value"
        )
    bases = dict.fromkeys([*content.bases, *content.sources])
    found = {name: _verify(asked, pins.tagged(name), known, console)[0] for name in bases}
    return {"dockerfile": asked.dockerfile, "bases": found}


def _verify(
    asked: Verification, image: str, known: named.Registries, console: Console
) -> tuple[str, list[str]]:
    """Verify one image; gives its reference by digest, and what was verified."""
    repository, manifest = known.image(image)
    reference = f"{repository}@{manifest.digest}"
    name, login = named.read_source(image).name, repository.client.login
    with programs_for(known, console.env, name, login) as programs:
        verified = verifying.verify(asked, programs, reference)
    console.say(f"[podwright] {reference}: verified {', '.join(verified)}")
    return reference, verified
