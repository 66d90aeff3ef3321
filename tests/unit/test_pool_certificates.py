"""Certificates of a pool: made, changed without an outage, and refused by another pool's."""

from __future__ import annotations

import base64
import io
import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from podwright import cli
from podwright.console import Console

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """\
pools:
  a:
    namespace: pool-a
    certificates: pool-a-client
    daemons: [{service: amd64, replicas: 2}, {service: arm64, replicas: 1}]
  b:
    namespace: pool-b
    certificates: pool-b-client
    daemons: [{service: amd64, replicas: 2}]
"""


@pytest.fixture
def make(tmp_path: Path) -> Any:
    """Run the command for a pool; gives what it said and the secrets by their names."""
    (tmp_path / "org.yaml").write_text(CONFIG)

    def run(name: str, *words: str) -> tuple[str, dict[str, dict[str, str]]]:
        console = Console(io.StringIO(), io.StringIO(), io.StringIO(), {})
        folder = tmp_path / name
        more = ["--config", str(tmp_path / "org.yaml"), "--directory", str(folder)]
        code = cli.run(["pool", "certificates", name, *more, *words], console)
        said = console.stderr.getvalue() or console.stdout.getvalue()  # type: ignore[attr-defined]
        if code:
            return f"{code}: {said}", {}
        found = {}
        for file in ("daemons", "client"):
            path = folder / f"{file}.yaml"
            assert path.stat().st_mode & 0o777 == 0o600
            for item in json.loads(path.read_text())["items"]:
                held = {k: base64.b64decode(v).decode() for k, v in item["data"].items()}
                found[f"{item['metadata']['namespace']}/{item['metadata']['name']}"] = held
        return said, found

    return run


def trusts(tmp_path: Path, one: dict[str, str], other: dict[str, str], purpose: str) -> bool:
    """Say whether one side takes the certificate that another shows."""
    authorities, shown = tmp_path / "authorities", tmp_path / "shown"
    authorities.write_text(one["ca.crt"])
    shown.write_text(other["tls.crt"])
    words = ["openssl", "verify", "-purpose", purpose, "-CAfile", str(authorities), str(shown)]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def both(tmp_path: Path, found: dict[str, dict[str, str]], later: Any = None) -> bool:
    """Say whether daemons and clients, perhaps of another time, trust each other."""
    daemons, client = found["pool-a/amd64-daemons"], (later or found)["builds/pool-a-client"]
    return trusts(tmp_path, daemons, client, "sslclient") and trusts(
        tmp_path, client, daemons, "sslserver"
    )


def test_daemons_and_builds_of_a_pool_trust_each_other(make: Any, tmp_path: Path) -> None:
    said, found = make("a")

    assert sorted(found) == [
        "builds/pool-a-client",
        "pool-a/amd64-daemons",
        "pool-a/arm64-daemons",
    ]
    assert both(tmp_path, found)
    assert f"  kubectl apply -f {tmp_path}/a/client.yaml -f {tmp_path}/a/daemons.yaml\n" in said
    names = subprocess.run(
        ["openssl", "x509", "-noout", "-ext", "subjectAltName"],
        input=found["pool-a/arm64-daemons"]["tls.crt"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "DNS:*.arm64.pool-a.svc," in names
    left = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert left == ["ca.crt", "ca.key", "client.yaml", "daemons.yaml"]
    assert (tmp_path / "a" / "ca.key").stat().st_mode & 0o777 == 0o600


def test_a_client_of_one_pool_is_a_stranger_to_another(make: Any, tmp_path: Path) -> None:
    _, one = make("a")
    _, other = make("b")

    assert not trusts(
        tmp_path, other["pool-b/amd64-daemons"], one["builds/pool-a-client"], "sslclient"
    )
    assert not trusts(
        tmp_path, one["builds/pool-a-client"], other["pool-b/amd64-daemons"], "sslserver"
    )


def test_a_new_certificate_works_beside_the_old_one(make: Any, tmp_path: Path) -> None:
    _, before = make("a")
    _, after = make("a")

    assert before["builds/pool-a-client"] != after["builds/pool-a-client"]
    assert both(tmp_path, before, after)
    assert both(tmp_path, after, before)


def test_at_each_step_to_a_new_authority_both_sides_may_be_a_step_behind(
    make: Any, tmp_path: Path
) -> None:
    _, before = make("a")
    first = before["builds/pool-a-client"]["ca.crt"]
    for step in (1, 2, 3):
        said, after = make("a", "--rotate")

        assert f"step {step} of 3" in said
        assert both(tmp_path, after)
        assert both(tmp_path, before, after)
        assert both(tmp_path, after, before)
        before = after
    assert first not in before["builds/pool-a-client"]["ca.crt"]


def test_a_pool_that_is_not_declared_is_refused(make: Any) -> None:
    said, _ = make("c")

    assert said == (
        "2: podwright pool: pool: 'c' is not declared in the organisation's config; declared: "
        "a, b\n"
    )


def test_without_openssl_it_says_what_to_do(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")

    said, _ = make("a")

    assert said == (
        "1: podwright pool: there is no openssl here, which makes certificates; install it, or "
        "have cert-manager make them (deploy/pool/cert-manager)\n"
    )
