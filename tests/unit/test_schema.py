"""Kinds of values, quoting for the shell, images and registries: the small pure parts."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podwright import images, registries
from podwright.errors import guess, shown
from podwright.request import Registry
from podwright.schema import describe
from podwright.script import quote
from podwright.shell import Expand

# Sentences


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (True, "a boolean"),
        (1, "a number"),
        (1.5, "a number"),
        ("", "a text"),
        ([], "a list"),
        ({}, "a map"),
        (None, "nothing (null)"),
        (b"x", "b'x'"),
    ],
)
def test_types_have_the_names_that_authors_use(value: Any, name: str) -> None:
    assert describe(value) == name


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("plain", "'plain'"),
        ("a\nb\x1b[31m", "'a\\x0ab\\x1b[31m'"),
        ("x" * 61, "'" + "x" * 59 + "…'"),
        (12, "'12'"),
        ("x" * 10_000_000, "'" + "x" * 59 + "…'"),
    ],
)
def test_values_in_sentences_are_short_and_printable(value: Any, said: str) -> None:
    assert shown(value) == said


def test_a_guess_is_the_nearest_or_all() -> None:
    assert guess("tagz", ["tags", "target"]) == "; did you mean 'tags'?"
    assert guess("x", ["b", "a"]) == "; known are a, b"
    assert guess("SSH", ["ssh", "tags"]) == "; did you mean 'ssh'?"


# Quoting


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(st.text(st.characters(blacklist_characters="\0", blacklist_categories=("Cs",))))
def test_any_word_survives_the_shell(word: str) -> None:
    done = subprocess.run(["sh", "-c", f"printf %s {quote(word)}"], capture_output=True, check=True)

    assert done.stdout.decode() == word


@pytest.mark.parametrize(
    "word",
    [
        '$PW_TMP"; reboot; "',
        "$(reboot)",
        "`reboot`",
        "${PW_TMP}",
        "$1",
        "a\\b",
        "$(date -u +%Y; reboot)",
        "$(date -u +%Y$(reboot))",
    ],
)
def test_a_word_to_expand_that_could_run_something_is_a_defect(word: str) -> None:
    with pytest.raises(ValueError, match=r"^not a safe word to expand: "):
        quote(Expand(word))


def test_a_word_to_expand_is_one_word() -> None:
    assert quote(Expand("$PW_TMP/a b")) == '"$PW_TMP/a b"'
    done = subprocess.run(
        ["sh", "-c", f"X='a  *'; printf '<%s>' {quote(Expand('$X/y'))}"],
        capture_output=True,
        check=True,
    )
    assert done.stdout == b"<a  */y>"


# Images


def test_images_are_pinned_by_version() -> None:
    for reference in images.IMAGES.values():
        tag = reference.rpartition(":")[2]
        assert any(char.isdigit() for char in tag)
        assert "latest" not in reference


def test_each_image_can_be_replaced() -> None:
    own = {role: f"mirror.example/{role}" for role in images.IMAGES}

    assert images.resolve(own) == own
    assert images.resolve({}) == images.IMAGES


def test_unknown_roles_are_named() -> None:
    assert list(map(str, images.unknown({"tool": "x", "tools": "y", "zzzz": "y"}))) == [
        "tool: unknown role 'tool'; did you mean 'tools'?",
        f"zzzz: unknown role 'zzzz'; known are {', '.join(sorted([*images.IMAGES, 'agent']))}",
    ]


# Registries


def test_a_registries_conf_says_what_differs_from_the_defaults() -> None:
    hub = 'unqualified-search-registries = ["docker.io"]\n'
    assert registries.containers_conf({}) == hub
    assert registries.containers_conf({"r.example": Registry(ca="x")}) == hub
    assert registries.containers_conf(
        {
            "z.example": Registry(skipTlsVerify=True),
            'a"b': Registry(http=True, mirrors=("m.example/hub", "n.example")),
            "m.example": Registry(http=True),
        }
    ) == (
        f"{hub}\n"
        '[[registry]]\nlocation = "a\\"b"\ninsecure = true\n'
        '[[registry.mirror]]\nlocation = "m.example/hub"\ninsecure = true\n'
        '[[registry.mirror]]\nlocation = "n.example"\n'
        "\n"
        '[[registry]]\nlocation = "m.example"\ninsecure = true\n'
        "\n"
        '[[registry]]\nlocation = "z.example"\ninsecure = true\n'
    )


def test_certificates_have_paths_that_no_host_name_can_bend() -> None:
    found = registries.certificates(
        {"b/../x": Registry(ca="B"), "a": Registry(ca="A"), "c": Registry()}
    )

    assert found == {"$PW_TMP/certs/0.crt": "A", "$PW_TMP/certs/1.crt": "B"}
    assert registries.cert_dir({"c": Registry()}) == []
    assert registries.cert_dir({"a": Registry(ca="A")}) == ["--cert-dir", "$PW_TMP/certs"]


def test_the_signature_tells_settings_apart_and_not_their_order() -> None:
    one, two = Registry(http=True), Registry(ca="x")

    assert registries.signature({"a": one, "b": two}) == registries.signature({"b": two, "a": one})
    assert registries.signature({"a": one}) != registries.signature({"a": two})
    assert registries.signature({"a": two}) != registries.signature({"a": Registry(ca="y")})


def test_a_large_bundle_makes_no_large_signature() -> None:
    """An environment variable of more than 128 KiB keeps every program of a container away."""
    assert len(registries.signature({"a": Registry(ca="x" * 300_000)})) < 200
