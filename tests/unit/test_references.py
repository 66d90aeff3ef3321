"""Image names: what is one, what it means, and what is said of what is none."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podwright.references import TAG, Name, auth_key, canonical, parse_name, tag_like


@pytest.mark.parametrize(
    ("text", "registry", "path", "tag"),
    [
        ("app", "docker.io", "library/app", ""),
        ("team/app", "docker.io", "team/app", ""),
        ("docker.io/app", "docker.io", "library/app", ""),
        ("localhost/app", "localhost", "app", ""),
        ("localhost:5000/a/b:1", "localhost:5000", "a/b", "1"),
        ("registry.example/team/app:1.2-rc", "registry.example", "team/app", "1.2-rc"),
        ("[::1]:5000/app", "[::1]:5000", "app", ""),
        ("R.Example/a__b/c--d.e", "R.Example", "a__b/c--d.e", ""),
    ],
)
def test_a_name_is_split_as_docker_does(text: str, registry: str, path: str, tag: str) -> None:
    assert parse_name(text) == (Name(registry, path), tag)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty"),
        (
            "app@sha256:" + "0" * 64,
            "an image is pushed to a tag, not to a digest; remove '@' and what follows",
        ),
        ("https://r.example/app", "leave out the scheme"),
        ("Team/App", "repositories are lower case; 'team/app' would be one"),
        ("r.example/App", "repositories are lower case; 'r.example/app' would be one"),
        ("app:", "'' is not a tag"),
        ("app:a b", "'a b' is not a tag"),
        ("app:" + "x" * 129, f"'{'x' * 59}…' is not a tag"),
        ("app:a\nb", "'a\\x0ab' is not a tag"),
        ("r_.example/app", "'r_.example' is not a registry host"),
        ("r.example:port/app", "'r.example:port' is not a registry host"),
        (
            "r.example/a//b",
            "'a//b' is not a repository (letters, digits, single '.', '_', '-' and '/' between)",
        ),
        (
            "-app",
            "'-app' is not a repository (letters, digits, single '.', '_', '-' and '/' between)",
        ),
        (
            "app$(reboot)",
            (
                "'app$(reboot)' is not a repository (letters, digits, single '.', '_', '-' and '/' "
                "between)"
            ),
        ),
        (
            "a pp",
            "'a pp' is not a repository (letters, digits, single '.', '_', '-' and '/' between)",
        ),
        ("r.example/" + "a" * 250, "it is longer than 255 characters"),
    ],
)
def test_what_is_no_name_is_told_why(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(reason)}$"):
        parse_name(text)


@settings(derandomize=True, database=None)
@given(st.text())
def test_any_text_becomes_a_tag(text: str) -> None:
    assert re.fullmatch(TAG, tag_like(text))


@pytest.mark.parametrize(
    ("text", "tag"),
    [("feature/$(reboot)", "feature-reboot"), ("", "latest"), ("äöü", "latest"), ("-v1.", "v1")],
)
def test_a_branch_becomes_a_tag_that_is_like_it(text: str, tag: str) -> None:
    assert tag_like(text) == tag


HUB_NAMES = ("docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com")


@pytest.mark.parametrize("name", HUB_NAMES)
def test_docker_hub_has_one_name(name: str) -> None:
    assert canonical(name) == "docker.io"
    assert parse_name(f"{name}/app:1") == (Name("docker.io", "library/app"), "1")


def test_docker_hubs_logins_have_their_odd_key() -> None:
    assert auth_key("docker.io") == "https://index.docker.io/v1/"
    assert canonical("https://index.docker.io/v1/") == "docker.io"
    assert auth_key("registry.example:5000") == "registry.example:5000"
