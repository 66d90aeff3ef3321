"""Docker config files in all forms that people have, put together into one."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from podwright import loginfiles

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FILE = {"index": 0, "kind": "file", "name": "", "registry": "", "own": ["r.example"]}
GIVE = "give what `docker login` writes to ~/.docker/config.json"


def auth(text: str) -> dict[str, str]:
    """Give a login of a config file."""
    return {"auth": base64.b64encode(text.encode()).decode()}


@pytest.fixture
def answered(tmp_path: Path) -> Callable[..., Any]:
    """Ask for the logins of a use; gives what the script finds afterwards, by name."""

    def ask(asked: list[dict[str, Any]], env: dict[str, str] | None = None, **files: Any) -> Any:
        (tmp_path / "use").write_text("push\n")
        (tmp_path / "asked.json").write_text(json.dumps(asked))
        for name, content in files.items():
            text = content if isinstance(content, str) else json.dumps(content)
            (tmp_path / name.replace("_", ".")).write_text(text)
        loginfiles.answer(tmp_path, env or {})
        made = {p.name: p.read_text() for p in tmp_path.iterdir() if p.is_file()}
        if "config.json" in made:
            made["config"] = json.loads(made["config.json"])
        answers = (tmp_path / "answers").glob("*")
        made["answers"] = {p.name: json.loads(p.read_text()) for p in answers}
        return made

    return ask


@pytest.mark.parametrize(
    ("content", "auths"),
    [
        ({"auths": {"r.example": auth("u:p")}}, {"r.example": auth("u:p")}),
        # kubectl create secret docker-registry
        (
            {"auths": {"r.example": {"username": "u", "password": "p:x", "email": "e"}}},
            {"r.example": auth("u:p:x")},
        ),
        # ~/.dockercfg, before Docker 1.7
        (
            {"https://r.example/v1/": {**auth("u:p"), "email": "e"}},
            {"https://r.example/v1/": auth("u:p")},
        ),
        (
            {"auths": {"r.example": {"auth": "", "identitytoken": "t"}}},
            {"r.example": {"auth": "", "identitytoken": "t"}},
        ),
        ("\ufeff" + json.dumps({"auths": {"r.example": auth("u:p")}}), {"r.example": auth("u:p")}),
    ],
    ids=["config", "kubernetes", "dockercfg", "identity-token", "bom"],
)
def test_every_form_of_a_docker_config_file_is_understood(
    answered: Any, content: Any, auths: dict[str, Any]
) -> None:
    made = answered([FILE], file_0=content)

    assert (made["config"], made["notes"]) == ({"auths": auths}, "")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", f"it is no docker config file but an empty file; {GIVE}"),
        (
            "-----BEGIN CERTIFICATE-----",
            f"it is no docker config file but a key or a certificate; {GIVE}",
        ),
        (
            "machine r.example login u",
            f"it is no docker config file but a text that is no JSON; {GIVE}",
        ),
        ([1], f"it is no docker config file but JSON of another kind (list); {GIVE}"),
        (
            {"apiVersion": "v1", "kind": "Config", "clusters": []},
            (
                "it is no docker config file: it has apiVersion, clusters, kind, and none of "
                f"auths, credHelpers, credsStore; {GIVE}"
            ),
        ),
        (
            {"apiVersion": "v1", "kind": "Secret", "data": {}},
            (
                "it is a Kubernetes secret as a whole; give the value of its '.dockerconfigjson' "
                "(decoded), or name the secret by 'secret'"
            ),
        ),
        ({"auths": {}}, f"the docker config file has no login in it; {GIVE}"),
        (
            {"auths": {"https://r.example/v2/": {}}},
            (
                "the docker config file has no login for r.example in 'auth' (Base64 of "
                "user:password); log in again and take the file that this writes"
            ),
        ),
        (
            {"auths": {"r.example": {"auth": "u:p"}}},
            (
                "the docker config file has no login for r.example in 'auth' (Base64 of "
                "user:password); log in again and take the file that this writes"
            ),
        ),
        (
            {"type": "service_account", "private_key": "x"},
            (
                "it is the key of a Google service account, and r.example is not a registry of "
                "Google; name the registry that it is for with 'registry'"
            ),
        ),
    ],
    ids=[
        "empty",
        "pem",
        "netrc",
        "list",
        "kubeconfig",
        "secret",
        "none",
        "hole",
        "plain",
        "google",
    ],
)
def test_a_file_that_no_builder_can_log_in_with_is_told_for_what_it_is(
    answered: Any, content: Any, sentence: str
) -> None:
    assert answered([FILE], file_0=content)["error"] == f"credentials[0]: {sentence}"


def test_a_google_key_is_the_login_of_googles_registries_alone(answered: Any) -> None:
    key = {"type": "service_account", "private_key": "x\ny"}
    own = ["docker.io", "europe-docker.pkg.dev"]

    made = answered([{**FILE, "own": own}], file_0=key)

    auths = made["config"]["auths"]
    assert list(auths) == ["europe-docker.pkg.dev"]
    user, _, password = base64.b64decode(auths[own[1]]["auth"]).decode().partition(":")
    assert (user, json.loads(password)) == ("_json_key", key)


def test_a_file_for_one_registry_gives_no_other_login(answered: Any) -> None:
    content = {"auths": {"r.example": auth("u:p"), "other.example": auth("o:o")}}
    named = {**FILE, "registry": "r.example"}

    assert answered([named], file_0=content)["config"]["auths"] == {"r.example": auth("u:p")}
    wrong = {**FILE, "registry": "third.example"}
    assert answered([wrong], file_0=content)["error"] == (
        "credentials[0]: it has no login for third.example, but for other.example, r.example"
    )


def test_a_file_for_none_of_the_images_is_a_line_of_the_log(answered: Any) -> None:
    made = answered([FILE], file_0={"auths": {"https://index.docker.io/v1/": auth("u:p")}})

    assert made["notes"] == "credentials[0]: it has logins for docker.io and none for r.example\n"


def test_of_several_logins_for_a_registry_the_most_explicit_one_counts(answered: Any) -> None:
    given = {"auths": {"https://index.docker.io/v1/": auth("given:1")}}
    file = {
        "auths": {"docker.io": auth("file:2"), "f.example": auth("file:2")},
        "credHelpers": {"h.example": "ecr-login"},
    }
    own = {
        "auths": {
            "f.example": auth("own:3"),
            "h.example": auth("own:3"),
            "o.example": auth("own:3"),
        },
        "credHelpers": {"index.docker.io": "mine"},
        "proxies": {"default": {}},
    }

    made = answered([FILE], given_json=given, file_0=file, own_0=own, own_1="broken")

    assert made["config"] == {
        "auths": {
            "https://index.docker.io/v1/": auth("given:1"),
            "f.example": auth("file:2"),
            "o.example": auth("own:3"),
        },
        "credHelpers": {"h.example": "ecr-login"},
        "proxies": {"default": {}},
    }
    assert made["needs"] == "ecr-login\n"


def test_a_store_of_the_person_leaves_given_logins_alone(answered: Any) -> None:
    given = {"auths": {"r.example:5000/team": auth("given:1")}}

    made = answered([], given_json=given, own_0={"auths": {"o.example": {}}, "credsStore": "pass"})

    assert made["config"]["credHelpers"] == {"r.example:5000/team": "podwright-push"}
    assert made["config"]["credsStore"] == "pass"
    assert made["needs"] == ""
    assert made["answers"] == {
        "r.example_5000_team": {
            "ServerURL": "r.example:5000/team",
            "Username": "given",
            "Secret": "1",
        }
    }


@pytest.mark.parametrize("name", [".dockerconfigjson", ".dockercfg"])
def test_a_kubernetes_secret_is_read_where_it_is_mounted(
    answered: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(loginfiles, "SECRETS_DIR", str(tmp_path / "secrets"))
    asked = [{**FILE, "kind": "secret", "name": "regcred"}]
    assert answered(asked)["error"] == (
        "credentials[0]: the Kubernetes secret 'regcred' is not mounted in this pod; add pod: [:] "
        "to buildImage, so that a pod with it is made"
    )
    folder = tmp_path / "secrets/regcred"
    folder.mkdir(parents=True)
    (folder / "password").touch()
    assert answered(asked)["error"] == (
        "credentials[0]: the Kubernetes secret 'regcred' has password and no docker config; make "
        "it with `kubectl create secret docker-registry`"
    )
    logins = {"r.example": auth("u:p")}
    (folder / name).write_text(json.dumps({"auths": logins} if "json" in name else logins))
    assert answered(asked)["config"] == {"auths": logins}
