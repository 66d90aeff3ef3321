"""What a Dockerfile says before a builder reads it."""

from __future__ import annotations

import pytest

from podwright.dockerfile import Dockerfile, read, through

BASES: dict[str, tuple[str, dict[str, str], list[str]]] = {
    "a name": ("FROM debian:12", {}, ["debian:12"]),
    "small letters and a tab": ("from\tdebian:12 as x", {}, ["debian:12"]),
    "a platform": ("FROM --platform=$BUILDPLATFORM golang:1.26 AS build", {}, ["golang:1.26"]),
    "stages": ("FROM a AS one\nFROM b\nFROM ONE\nFROM scratch\nFROM a", {}, ["a", "b"]),
    "a default": ("ARG V=12\nFROM debian:${V}", {}, ["debian:12"]),
    "a quoted default": ('ARG V="12"\nFROM "debian:$V"', {}, ["debian:12"]),
    "a value": ("ARG V=12\nFROM debian:$V", {"V": "13"}, ["debian:13"]),
    "an empty default": ("ARG V\nFROM debian:${V:-12}", {}, ["debian:12"]),
    "an alternative": ("ARG V=x\nFROM debian${V:+-slim}", {}, ["debian-slim"]),
    "an argument that is not declared": ("FROM debian:$V", {"V": "13"}, []),
    "an argument of a stage": ("FROM a\nARG V=12\nFROM b:$V", {}, ["a"]),
    "continued lines": ("FROM \\\n# a comment\n\n  debian:12 \\\n AS x\n", {}, ["debian:12"]),
    "another escape": ("# escape=`\nFROM `\n debian:12\n", {}, ["debian:12"]),
    "a BOM and CRLF": ("\ufeffFROM debian:12\r\nRUN x\r\n", {}, ["debian:12"]),
    "a here-document": ("FROM a\nRUN <<EOF\nFROM b\nEOF\nFROM c\n", {}, ["a", "c"]),
    "two here-documents": ("FROM a\nCOPY <<A <<-'B' /\nFROM b\nA\nFROM c\n\tB\n", {}, ["a"]),
    "nothing": ("", {}, []),
}


@pytest.mark.parametrize("case", BASES)
def test_the_bases_of_a_dockerfile(case: str) -> None:
    text, arguments, expected = BASES[case]
    assert list(read(text, arguments).bases) == expected


def test_instructions_are_words_at_the_beginning_of_instructions_alone() -> None:
    text = "FROM a\nRUN one; \\\nonbuild || true\nRUN <<EOF\nSHELL x\nEOF\nHealthcheck NONE\n"
    assert read(text, {}).instructions == {"FROM", "RUN", "HEALTHCHECK"}


def test_images_that_are_copied_or_mounted_from() -> None:
    text = (
        "ARG TOOLS=r.example/tools:1\nFROM a AS build\nFROM b\n"
        "COPY --from=build /x /x\nCOPY --from=0 /y /y\nCOPY --from=${TOOLS} /z /z\n"
        "RUN --mount=type=bind,from=r.example/other,target=/o true\n"
    )
    assert read(text, {}) == Dockerfile(
        instructions=frozenset({"ARG", "FROM", "COPY", "RUN"}),
        bases=("a", "b"),
        sources=("r.example/tools:1", "r.example/other"),
        stages=2,
    )


@pytest.mark.parametrize(
    ("text", "stages"),
    [
        ("FROM scratch\nRUN <<EOF\nFROM b\nEOF\n", 1),
        ("# syntax=docker/dockerfile:1\nFROM $BASE\n", 1),
        ("FROM a AS b\nFROM b\n", 2),
        ("# syntax=r.example/dockerfile-with-includes\nFROM a\nINCLUDE more\n", 0),
        ("", 0),
    ],
)
def test_stages_are_counted_where_the_frontend_is_known(text: str, stages: int) -> None:
    assert read(text, {}).stages == stages


def test_what_cannot_be_told_is_said() -> None:
    assert read("FROM debian:$V\n", {}).certain is False
    assert read("FROM debian\nCOPY --from=$X /a /b\n", {}).certain is False
    assert read("FROM debian\nONBUILD COPY --from=x /a /b\n", {}).certain is False
    assert read("FROM debian\n", {}).certain is True


@pytest.mark.parametrize(
    ("target", "cut"),
    [
        ("one", "FROM a AS base\nRUN <<EOF\nFROM b\nEOF\n\nFROM base AS One\nCOPY \\\n  x y"),
        ("0", "FROM a AS base\nRUN <<EOF\nFROM b\nEOF\n"),
        ("two", ""),
        ("nowhere", ""),
    ],
)
def test_a_dockerfile_is_cut_behind_its_target_stage(target: str, cut: str) -> None:
    text = "FROM a AS base\nRUN <<EOF\nFROM b\nEOF\n\nFROM base AS One\nCOPY \\\n  x y\n"

    assert through(f"{text}FROM base AS two\nUSER 1\n", target).rstrip("\n") == cut.rstrip("\n")
