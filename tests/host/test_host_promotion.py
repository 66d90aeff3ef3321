"""`podwright promote` and `podwright prune` between real registries."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from hostimages import attestation, image, index, repository
from hostrig import PASSWORD, USER
from hostservers import Fault, FaultProxy, Registry, wait_for

from podwright.distribution.client import Client, Login
from podwright.distribution.repository import Repository
from podwright.errors import PodwrightError
from podwright.request import Registry as Setting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOGIN = Login(USER, PASSWORD)
SBOM, SIGNATURE = "application/spdx+json", "application/vnd.dev.sigstore.bundle.v0.3+json"
MANY = 50


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """Another registry, whose images can be removed."""
    made = Registry(tmp_path_factory.mktemp("prod") / "r", {USER: PASSWORD}, delete=True)
    yield made
    made.close()


def call(folder: Path, verb: str, value: dict[str, Any], **env: str) -> tuple[int, Any, str]:
    """Run the command with a request; gives exit code, result and talk."""
    request = {"credentials": [{"variable": "REG"}], **value}
    (folder / "request.json").write_text(json.dumps(request))
    done = subprocess.run(
        [sys.executable, "-m", "podwright", verb, "--request", "request.json"],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=environment(folder, **env),
    )
    return done.returncode, json.loads(done.stdout or "null"), done.stderr


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Give the environment of a command: nothing of the machine's own logins."""
    known = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    return {**known, "REG_USR": USER, "REG_PSW": PASSWORD, **more}


def plain(*hosts: str) -> dict[str, Any]:
    """Give the settings of registries without TLS."""
    return {host: {"http": True} for host in hosts}


def test_an_image_goes_with_its_platforms_and_all_that_refers_to_it(
    tmp_path: Path, registry: Registry, production: Registry
) -> None:
    here = repository(registry.host, "stage/app", LOGIN)
    parts = [image(here), image(here)]
    made = index(here, "1.2", *parts)
    sbom = attestation(here, parts[0], SBOM)
    signature = attestation(here, sbom, SIGNATURE)
    image(here, made.digest.replace(":", "-") + ".sig")

    code, result, said = call(
        tmp_path,
        "promote",
        {
            "image": f"{registry.host}/stage/app:1.2",
            "to": f"{production.host}/prod/app",
            "tags": ["1.2", "1"],
            "registries": plain(registry.host, production.host),
        },
    )

    there = repository(production.host, "prod/app", LOGIN)
    assert (code, result["digest"], result["tags"]) == (0, made.digest, ["1.2", "1"]), said
    assert (result["manifests"], result["referrers"]) == (6, 3)
    assert result["reference"] == f"{production.host}/prod/app@{made.digest}"
    assert there.tags() == sorted(
        ["1", "1.2", f"{made.digest.replace(':', '-')}.sig"]
        + [f"sha256-{one.digest[7:]}" for one in (parts[0], sbom)]
    )
    assert [there.get(part.digest).content for part in parts] == [part.content for part in parts]
    assert [item["digest"] for item in there.referrers(parts[0].digest)] == [sbom.digest]
    assert [item["digest"] for item in there.referrers(sbom.digest)] == [signature.digest]


def test_what_is_there_is_not_sent_again(
    tmp_path: Path, registry: Registry, production: Registry
) -> None:
    image(repository(registry.host, "stage/again", LOGIN), "1", size=5000)
    value = {
        "image": f"{registry.host}/stage/again:1",
        "to": f"{production.host}/prod/again",
        "registries": plain(registry.host, production.host),
    }
    _, first, _ = call(tmp_path, "promote", value)
    _, second, _ = call(tmp_path, "promote", value)
    assert first["sent"] > 5000
    assert (second["sent"], second["digest"], second["tags"]) == (0, first["digest"], ["1"])


def test_within_a_registry_blobs_are_mounted(tmp_path: Path, registry: Registry) -> None:
    image(repository(registry.host, "stage/mount", LOGIN), "1", size=5000)
    code, result, _ = call(
        tmp_path,
        "promote",
        {
            "image": f"{registry.host}/stage/mount:1",
            "to": f"{registry.host}/prod/mount:2",
            "registries": plain(registry.host),
        },
    )
    assert (code, result["sent"], result["tags"]) == (0, 0, ["2"])


def test_fifty_images_survive_kill_and_503(
    tmp_path: Path, registry: Registry, production: Registry
) -> None:
    """Killed for good three times, with a registry that is busy now and then, and run again."""
    here = repository(registry.host, "stage/many", LOGIN)
    made = [image(here, f"v{number}", size=20_000) for number in range(MANY)]
    for one in made:
        attestation(here, one, SBOM)
    proxy = FaultProxy(production.host)
    value = {
        "images": [
            {"image": f"{registry.host}/stage/many:v{number}", "to": f"{proxy.host}/prod/many"}
            for number in range(MANY)
        ],
        "credentials": [{"variable": "REG"}],
        "registries": plain(registry.host, proxy.host),
    }
    (tmp_path / "request.json").write_text(json.dumps(value))
    words = [sys.executable, "-m", "podwright", "promote", "--request", "request.json"]
    try:
        for stage in range(3):
            proxy.fault = Fault(status=503, times=2)
            done = len(proxy.requests)
            with (tmp_path / "log").open("wb") as log:
                process = subprocess.Popen(
                    words, cwd=tmp_path, env=environment(tmp_path), stdout=log, stderr=log
                )
            wait_for("some progress", lambda: len(proxy.requests) > done + 100)  # noqa: B023
            process.send_signal(signal.SIGKILL)
            process.wait()
            complete = repository(production.host, "prod/many", LOGIN)
            for tag in (tag for tag in complete.tags() if tag.startswith("v")):
                whole(complete, complete.get(tag).digest)
            assert len(complete.tags()) < 2 * MANY, stage
        code, result, said = call(tmp_path, "promote", value)
    finally:
        proxy.close()
    there = repository(production.host, "prod/many", LOGIN)
    assert code == 0, said
    assert [one["digest"] for one in result] == [one.digest for one in made]
    assert {tag: there.get(tag).digest for tag in there.tags() if tag.startswith("v")} == {
        f"v{number}": one.digest for number, one in enumerate(made)
    }
    for one in made:
        whole(there, one.digest)
        assert len(there.referrers(one.digest)) == 1


def whole(repo: Any, digest: str) -> None:
    """Fail unless all of an image is there, with the bytes of its digests."""
    found = repo.get(digest)
    for item in found.blobs:
        assert repo.has_blob(item["digest"]), item


@pytest.mark.parametrize(
    ("value", "key", "sentence"),
    [
        (
            {"image": "{host}/stage/none:1"},
            "",
            "{host}/stage/none:1 is not there; correct name and tag",
        ),
        (
            {"image": "{host}/stage/app"},
            "image",
            (
                "image: '{host}/stage/app' has no tag; add one, or a digest: what 'latest' is may "
                "change"
            ),
        ),
        (
            {"image": "{host}/stage/app@sha256:12"},
            "image",
            "image: 'sha256:12' is not a digest (sha256:...)",
        ),
        (
            {"image": "{host}/stage/app:1", "to": None},
            "",
            "to: is missing; name the repository to copy to",
        ),
        (
            {"image": "{host}/stage/app:1", "tag": "2"},
            "tag",
            "unknown parameter 'tag'; did you mean 'tags'?",
        ),
        (
            {"image": "{host}/stage/app:1", "tags": "a b"},
            "tags",
            "tags[0]: 'a b' is not a tag (letters, digits, '_', '.', '-')",
        ),
    ],
)
def test_a_mistake_is_one_sentence(
    tmp_path: Path, registry: Registry, value: dict[str, Any], key: str, sentence: str
) -> None:
    image(repository(registry.host, "stage/app", LOGIN), "1")
    asked = {"to": f"{registry.host}/prod/x", "registries": plain(registry.host), **value}
    asked["image"] = asked["image"].format(host=registry.host)
    code, result, said = call(tmp_path, "promote", asked)
    text = (tmp_path / "request.json").read_text()
    column = text.index(json.dumps(key)) + 1 if key else 0
    place = f"request.json:1:{column}: " if key else ""
    expected = sentence.format(host=registry.host)
    assert result is None
    assert said == f"podwright promote: {place}{expected}\n"
    assert code in (1, 2)


def test_a_wrong_password_is_one_sentence(tmp_path: Path, registry: Registry) -> None:
    image(repository(registry.host, "stage/app", LOGIN), "1")
    value = {
        "image": f"{registry.host}/stage/app:1",
        "to": f"{registry.host}/prod/x",
        "registries": plain(registry.host),
    }
    code, _, said = call(tmp_path, "promote", value, REG_PSW="wrong")
    assert code == 1
    assert said == (
        f"podwright promote: reading {registry.host}/stage/app:1: {registry.host} answered 401 "
        "(UNAUTHORIZED: authentication required); the registry refused the login; check user, "
        "password and rights\n"
    )


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        asked: list[bytes] = []

        def answer() -> None:
            link, _ = server.accept()
            with link:
                asked.append(link.recv(1000).split(b"\r\n")[0])
                link.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.getsockname()[1]}")
        client = Client("registry.invalid", Setting(), LOGIN, patience=0)
        with pytest.raises(PodwrightError, match="Tunnel connection failed: 403"):
            Repository(client, "app").tags()
        thread.join()
    assert asked[0].startswith(b"CONNECT registry.invalid:443 HTTP/1.")
    monkeypatch.setenv("NO_PROXY", "registry.invalid")
    with pytest.raises(PodwrightError, match="there is no such host"):
        Repository(client, "app").tags()


def test_old_images_go_and_the_rest_says_why_it_stays(tmp_path: Path, production: Registry) -> None:
    here = repository(production.host, "prod/old", LOGIN)
    now = dt.datetime.now(dt.timezone.utc)
    date = lambda days: (now - dt.timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")  # noqa: E731
    image(here, "latest", "v9", created=date(0))
    image(here, "new", created=date(1))
    image(here, "b2", created=date(2))
    old = image(here, "b60", created=date(60))
    parts = [image(here, created=date(70)), image(here, created=date(71))]
    listed = index(here, "b70", *parts)
    sbom = attestation(here, listed, SBOM)
    shared = index(here, "v1", parts[0])
    value = {
        "repository": f"{production.host}/prod/old",
        "keep": 1,
        "olderThan": 30,
        "protect": ["latest", "v*"],
        "registries": plain(production.host),
    }

    code, planned, said = call(tmp_path, "prune", value)
    before = here.tags()
    assert (code, planned["kept"], [one["tags"] for one in planned["wouldRemove"]]) == (
        0,
        4,
        [["b60"], ["b70"]],
    )
    assert said.splitlines() == [
        f"[podwright] {production.host}/prod/old: {line}"
        for line in (
            "latest, v9 stays: tag 'latest' is protected by 'latest'",
            "new stays: one of the 1 newest",
            "b2 stays: younger than 30 days",
            "b60 goes",
            "b70 goes",
            "v1 stays: tag 'v1' is protected by 'v*'",
        )
    ] + ["[podwright] nothing was removed; with remove: true 2 images go"]
    assert here.tags() == before

    code, removed, said = call(tmp_path, "prune", {**value, "remove": True})
    assert (code, removed["removed"]) == (0, planned["wouldRemove"]), said
    gone = [old.digest, listed.digest, parts[1].digest, sbom.digest]
    assert [here.has(digest) for digest in gone] == [False] * 4
    assert [here.has(digest) for digest in (shared.digest, parts[0].digest)] == [True, True]
    assert here.tags() == ["b2", "latest", "new", "v1", "v9"]


def test_a_registry_that_removes_nothing_says_so(tmp_path: Path, registry: Registry) -> None:
    image(repository(registry.host, "stage/keep", LOGIN), "1")
    asked = {
        "repository": f"{registry.host}/stage/keep",
        "keep": 0,
        "remove": True,
        "registries": plain(registry.host),
    }
    code, _, said = call(tmp_path, "prune", asked)
    digest = repository(registry.host, "stage/keep", LOGIN).get("1").digest
    assert code == 1
    assert said.splitlines()[-1] == (
        f"podwright prune: removing {registry.host}/stage/keep@{digest}: {registry.host} answered "
        "405 (UNSUPPORTED: The operation is unsupported.); the registry does not allow it; its "
        "administrator can switch it on"
    )


def test_a_registry_that_stays_busy_is_waited_for_and_then_told(registry: Registry) -> None:
    proxy = FaultProxy(registry.host)
    proxy.fault = Fault(status=429, headers={"Retry-After": "1"})
    begin = time.monotonic()
    try:
        with pytest.raises(Exception, match=r"answered 429, also after 3 s of tries"):
            repository(proxy.host, "stage/app", LOGIN, patience=3).tags()
    finally:
        proxy.close()
    assert time.monotonic() - begin < 3 + 5


def test_podwrights_own_images_are_copied_to_a_mirror(
    tmp_path: Path, registry: Registry, production: Registry
) -> None:
    made = image(repository(registry.host, "upstream/syft", LOGIN), "v1")
    config = f"images: {{syft: '{registry.host}/upstream/syft:v1'}}\n"
    words = [sys.executable, "-m", "podwright", "images", "syft", "--request", "request.json"]
    value = {
        "credentials": [{"variable": "REG"}],
        "registries": plain(registry.host, production.host),
    }
    (tmp_path / "request.json").write_text(json.dumps(value))
    mirrored = f"{production.host}/mirror/upstream/syft:v1@{made.digest}"
    for more, expected in (
        ([], f"{registry.host}/upstream/syft:v1"),
        (["--digests"], f"{registry.host}/upstream/syft:v1@{made.digest}"),
        (["--mirror", f"{production.host}/mirror"], mirrored),
    ):
        done = subprocess.run(
            [*words, *more],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env=environment(tmp_path, PODWRIGHT_CONFIG=config),
        )
        assert (done.returncode, done.stdout) == (0, f"images:\n  syft: {expected}\n"), done.stderr
    there = repository(production.host, "mirror/upstream/syft", LOGIN)
    assert there.get("v1").digest == made.digest
