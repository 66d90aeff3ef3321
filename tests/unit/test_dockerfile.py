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
    "a stage of its base's name": ("FROM a AS a\nFROM a\nFROM b AS B\nFROM b", {}, ["a", "b"]),
    "several arguments": ("ARG A=1 B='2 3' C\nFROM a:$A\nFROM b:${C:-4}", {}, ["a:1", "b:4"]),
    "shifts and words in quotes": (
        (
            'FROM a\nRUN echo $((1<<20))\nFROM b\nRUN sh -c "cat <<EOF x"\nFROM c\n'
            'LABEL d="a <<EOF"\nFROM d\nRUN cat <<<EOF\nFROM e\nRUN x << EOF\nFROM f\nEOF\n'
        ),
        {},
        ["a", "b", "c", "d", "e", "f"],
    ),
    "a here-document of a descriptor": ("FROM a\nRUN x 3<<EOF\nFROM b\nEOF\n", {}, ["a"]),
    "here-documents with quotes": (
        (
            'FROM a\nCOPY <<\'A\' <<"B" "/x/"\nFROM b\nA\nFROM b\nB\n'
            "RUN x it\\'s <<E > 'x'\nFROM b\nE\n"
            "RUN <<'E' x 'y'\nFROM b\nE\nONBUILD RUN <<E\nFROM b\nE\nFROM c\n"
        ),
        {},
        ["a", "c"],
    ),
    "an argument with quotes in it": ('ARG A="alp"ine B="x\\"y"\nFROM $A\nFROM b:${B:-1}', {}, []),
    "an indented directive": (" # escape=`\nFROM a\nRUN x \\\nFROM b\n", {}, ["a", "b"]),
    "a mark that is nowhere": ("FROM a\nRUN x <<EOF\nFROM b\n", {}, ["a", "b"]),
    "two marks at the end": ("FROM a\nRUN x \\\\\nFROM b\n", {}, ["a", "b"]),
    "an escape in the middle": ("FROM a\n# escape=`\nRUN x \\\nFROM b\n", {}, ["a"]),
    "an escape behind another directive": (
        "# check=skip=all\n# escape=`\nFROM a\nRUN `\nFROM b\n",
        {},
        ["a"],
    ),
    "nothing": ("", {}, []),
}
SOURCES = {
    "RUN --mount=from=i:2,target=/x true": ["i:2"],
    'RUN --network=none --mount=type=bind,"from=i:2",FROM=j true': ["i:2", "j"],
    "RUN --mount=type=bind,target=/a\\ b,from=x y": ["x"],
    'RUN --mount="type=bind,target=/a b,from=x" y': ["x"],
    'RUN --mount=id=a,target="/x y" --mount=from=t:1,target=/t x': ["t:1"],
    "RUN pandoc --from=markdown+smart a.md": [],
    "RUN true && x --mount=from=i": [],
    "COPY --link --from=i /a /b": ["i"],
    "COPY --from=0 --chown=1 /a /b": [],
    "LABEL a=--from=i": [],
}


@pytest.mark.parametrize("line", SOURCES)
def test_further_images_are_those_of_flags(line: str) -> None:
    assert list(read(f"FROM a\n{line}\n", {}).sources) == SOURCES[line]


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
        steps=4,
        names=frozenset({"build"}),
        plain=False,
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
    "text",
    [
        "FROM a\nCOPY --from=b / /\nFROM c AS b\n",  # the stage, or an image
        "ARG X=a\nFROM $X\nCOPY --from=$X / /\n",  # some expand it, and with what
        "FROM a\nRUN x \\\\\n",  # the end, or not
    ],
)
def test_what_builders_do_not_agree_on_is_said(text: str) -> None:
    found = read(text, {})
    assert (found.certain, found.plain) == (True, False)
    assert "b" not in found.sources


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
