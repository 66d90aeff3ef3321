"""Signatures and signed attestations of an image, by Cosign."""

from __future__ import annotations

from podwright.errors import PodwrightError, UsageError
from podwright.supply.attesting import registry_flags
from podwright.supply.parameters import Verification
from podwright.supply.programs import Programs

KINDS = {"spdx": "spdxjson", "cyclonedx": "cyclonedx", "provenance": "slsaprovenance1"}


def verify(asked: Verification, programs: Programs, reference: str) -> list[str]:
    """Verify that those who are trusted have signed an image; gives what was verified.

    Raises:
        UsageError: nobody is trusted.
        PodwrightError: they have not.
    """
    words = [*_trusted(asked, programs), *registry_flags(programs)]
    made = []
    for name, verb in [
        ("signature", ["verify"]),
        *((kind, ["verify-attestation", "--type", KINDS[kind]]) for kind in asked.attestations),
    ]:
        try:
            programs.run("cosign", [*verb, *words, reference])
        except PodwrightError as error:
            refused = f"{asked.refusal}: it " if asked.refusal else ""
            raise PodwrightError(
                f"{reference} {refused}has no {name} of those who are trusted: {error}; use an "
                "image that they have signed, or correct whom you trust"
            ) from None
        made.append(name)
    return made


def _trusted(asked: Verification, programs: Programs) -> list[str]:
    """Give Cosign's flags for whom to trust."""
    words = ["--trusted-root", asked.trustedRoot] if asked.trustedRoot else []
    if asked.key or asked.kms:
        key = asked.kms or asked.key
        if asked.key.lstrip().startswith("-----BEGIN"):
            path = programs.folder / "cosign.pub"
            path.write_text(asked.key, encoding="utf-8")
            key = str(path)
        # What is signed by a key need not be in a public log.
        return [*words, "--key", key, "--insecure-ignore-tlog=true"]
    if asked.identity and asked.issuer:
        identity = ["--certificate-identity", asked.identity]
        return [*words, *identity, "--certificate-oidc-issuer", asked.issuer]
    raise UsageError("name whom to trust: key, kms, or identity with issuer")
