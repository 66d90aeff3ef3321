"""Whose login a registry gets: that of its repository, path or host, and nobody else's."""

from __future__ import annotations

import base64
import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from podwright.distribution.client import Login
from podwright.distribution.logins import login_for
from podwright.errors import UsageError
from podwright.references import Name
from podwright.request import Credential

if TYPE_CHECKING:
    from pathlib import Path


def auth(text: str) -> dict[str, str]:
    """Give an entry of a docker config file."""
    return {"auth": base64.b64encode(text.encode()).decode()}


def env_with(folder: Path, config: Any, **more: str) -> dict[str, str]:
    """Give an environment whose docker config file says this."""
    (folder / ".docker").mkdir()
    text = config if isinstance(config, str) else json.dumps(config)
    (folder / ".docker" / "config.json").write_text(text)
    return {"HOME": str(folder), **more}


@pytest.mark.parametrize(
    ("name", "user"),
    [
        (Name("r.example", "team/app"), "team"),
        (Name("r.example", "team/other/app"), "team"),
        (Name("r.example", "teams/app"), "host"),
        (Name("r.example:5000", "team/app"), ""),
        (Name("docker.io", "library/alpine"), "hub"),
        (Name("old.example", "x"), "old"),
    ],
)
def test_the_longest_path_of_the_config_file_wins(tmp_path: Path, name: Name, user: str) -> None:
    config = {
        "auths": {
            "r.example": auth("host:1"),
            "r.example/team": auth("team:2:with colon"),
            "https://index.docker.io/v1/": auth("hub:3"),
            "https://old.example/v1/": auth("old:4"),
        }
    }
    found = login_for(name, (), env_with(tmp_path, config), "pull")
    assert found.user == user
    assert user != "team" or found.password == "2:with colon"


def test_a_login_of_the_request_is_for_its_registry_and_use() -> None:
    given = (
        Credential(registry="r.example", variable="A", use="push"),
        Credential(registry="other.example", variable="B"),
    )
    env = {"A_USR": "a", "A_PSW": "1", "B_USR": "b", "B_PSW": "2"}
    name = Name("r.example", "app")
    assert login_for(name, given, env, "push") == Login("a", "1")
    assert login_for(name, given, env, "pull") == Login()
    with pytest.raises(UsageError, match=r"^credentials\[0\]: A_USR is not set; set it$"):
        login_for(name, given, {}, "push")


def test_a_token_and_a_path_are_logins_as_well(tmp_path: Path) -> None:
    given = (
        Credential(registry="r.example/team", type="string", username="oauth", variable="T"),
        Credential(registry="r.example", variable="A"),
    )
    env = {"T": "token", "A_USR": "a", "A_PSW": "1", "HOME": str(tmp_path)}
    assert login_for(Name("r.example", "team/app"), given, env, "pull") == Login("oauth", "token")
    assert login_for(Name("r.example", "teams/app"), given, env, "pull") == Login("a", "1")


def test_a_helper_is_asked_for_its_host(tmp_path: Path) -> None:
    helper = tmp_path / "docker-credential-mine"
    helper.write_text(
        "#!/bin/sh\nread -r host || :\n"
        'printf \'{"Username": "<token>", "Secret": "%s %s"}\' "$1" "$host"\n'
    )
    helper.chmod(0o755)
    env = env_with(tmp_path, {"credHelpers": {"r.example": "mine"}, "credsStore": "nobodys"})
    before = os.environ["PATH"]
    os.environ["PATH"] = f"{tmp_path}:{before}"
    try:
        assert login_for(Name("r.example", "app"), (), env, "pull") == Login(
            identity="get r.example"
        )
    finally:
        os.environ["PATH"] = before
    with pytest.raises(UsageError, match=r"asks 'docker-credential-nobodys' for logins, which is"):
        login_for(Name("x.example", "app"), (), env, "pull")


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ("[]", "' is not a docker config file; log in anew to write one"),
        ("{", "' is not a docker config file; log in anew to write one"),
        (
            '{"auths": {"r.example": {"auth": "%"}}}',
            "a login of the docker config file is no Base64; log in anew",
        ),
    ],
)
def test_a_config_file_that_is_none_is_told(tmp_path: Path, config: str, sentence: str) -> None:
    with pytest.raises(UsageError) as told:
        login_for(Name("r.example", "app"), (), env_with(tmp_path, config), "pull")
    assert str(told.value).endswith(sentence)
