"""Images that each strategy has built in real pods: attested, and verified from outside.

Needs the cluster of `make e2e` with the images of its conformance cases:

    PODWRIGHT_E2E_KEEP=1 tests/e2e/run -k "test_bodies or bare-base"
    pytest -m 'trust and cluster'
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from layout import REGISTRY, REGISTRY_PASSWORD, REGISTRY_USER, STATE
from test_attest import PLAIN, Workspace

from podwright import strategies

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.cluster
CASE = "conformance/bare-base"


@pytest.mark.parametrize("strategy", strategies.names())
def test_sbom_provenance_and_signature_are_verified(
    tmp_path: Path, host: str, tools: dict[str, str], strategy: str
) -> None:
    place = Workspace(tmp_path, host, tools)
    place.env.update(PULL_USR=REGISTRY_USER, PULL_PSW=REGISTRY_PASSWORD)
    ca = (STATE / "pki" / "ca.crt").read_text()
    target = f"{host}/each/{strategy}"
    code, copied, said = place.podwright(
        "promote",
        {
            "image": f"{REGISTRY}/{CASE}:{strategy}",
            "to": f"{target}:1",
            "credentials": [
                {"variable": "PULL", "registry": REGISTRY},
                {"variable": "REG", "registry": host},
            ],
            "registries": {host: {"http": True}, REGISTRY: {"ca": ca}},
        },
    )
    assert code == 0, said
    place.tool(tools["cosign"], "generate-key-pair")
    sign = {"key": {"src": "cosign.key"}, "password": {"env": "COSIGN_PASSWORD"}}
    build = {"image": target, "builder": strategy}
    value = {"image": copied["reference"], "sbom": True, "provenance": True, "build": build}

    code, made, said = place.podwright("attest", {**value, "sign": sign})

    assert code == 0, said
    found = place.attached(copied["reference"])
    assert sorted(found) == [
        "application/spdx+json",
        "application/vnd.cyclonedx+json",
        "application/vnd.dev.sigstore.bundle.v0.3+json",
        "application/vnd.in-toto+json",
    ]
    key = ["--key", "cosign.pub", "--insecure-ignore-tlog=true", *PLAIN]
    place.tool(tools["cosign"], "verify", *key, copied["reference"])
    for kind in ("spdxjson", "cyclonedx", "slsaprovenance1"):
        words = ["verify-attestation", "--type", kind, *key, copied["reference"]]
        place.tool(tools["cosign"], *words)
    assert made["digest"] == copied["digest"]
