"""How each builder is told of registries with an authority of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from podwright.config import Config
from podwright.records import replace

if TYPE_CHECKING:
    from podwright.workspace import Facts

ONE = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
TWO = ONE.replace("AAAA", "BBBB")
REGISTRIES = {"one.example": {"ca": ONE}, "two.example:5000": {"ca": TWO}}
HOME = "$HOME/.config/containers/certs.d"


def written(script: str) -> dict[str, str]:
    """Give the certificates that a script writes, by path."""
    found = {}
    for part in script.split("cat >")[1:]:
        path, _, rest = part.partition(" <<'PODWRIGHT_END_OF_FILE'\n")
        found[path.strip('"')] = rest.partition("PODWRIGHT_END_OF_FILE")[0]
    return {path: text for path, text in found.items() if "CERTIFICATE" in text}


@pytest.mark.parametrize("builder", ["buildah", "podman"])
def test_own_authorities_are_for_their_registries_alone(
    planned: Any, facts: Facts, builder: str
) -> None:
    asked = {"image": "one.example/a", "builder": builder, "registries": REGISTRIES}

    in_pod = planned(asked, Config(), replace(facts, pod_builder=builder)).script
    on_laptop = planned(asked).script

    assert written(in_pod) == {
        f"{HOME}/one.example/podwright.$$.crt": ONE,
        f"{HOME}/two.example:5000/podwright.$$.crt": TWO,
    }
    assert "--cert-dir" not in in_pod
    assert list(written(on_laptop).values()) == [ONE, TWO]
    assert '--cert-dir "$PW_TMP/certs"' in on_laptop


def test_kaniko_is_told_which_authority_is_whose(planned: Any, facts: Facts) -> None:
    asked = {"image": "one.example/ab", "builder": "kaniko", "registries": REGISTRIES}

    script = planned(asked, Config(), replace(facts, pod_builder="kaniko")).script

    assert "one.example=$PW_TMP/certs/0.crt" in script
    assert "two.example:5000=$PW_TMP/certs/1.crt" in script


@pytest.mark.parametrize("builder", ["buildah", "podman"])
def test_what_this_side_shows_stands_beside_the_authority(
    planned: Any, facts: Facts, builder: str
) -> None:
    known = {"one.example": {"ca": ONE, "client": "mtls"}}
    asked = {"image": "one.example/a", "builder": builder, "registries": known}

    script = planned(asked, Config(), replace(facts, pod_builder=builder)).script

    shown = "/etc/containers/certs.d/one.example/client"
    assert f'ln -sf {shown}.cert {shown}.key "{HOME}/one.example/"\n' in script


def test_a_daemon_that_knows_of_plain_http_is_not_told_again(planned: Any, facts: Facts) -> None:
    """By the attribute it would try TLS first, which a proxy may refuse."""
    known = {"plain.example": {"http": True}}
    asked = {"image": "plain.example/a", "builder": "buildkit", "registries": known}
    told = '{"plain.example": [true, false, "", [], ""]}'

    without = planned(
        asked, Config(), replace(facts, pod_builder="buildkit", engine_registries="{}")
    ).script
    with_it = planned(
        asked, Config(), replace(facts, pod_builder="buildkit", engine_registries=told)
    ).script

    assert "registry.insecure=true" in without
    assert "registry.insecure=true" not in with_it
