"""Command line options: each gives what the same parameter gives in JSON."""

from __future__ import annotations

import argparse
import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from podwright.console import Console
from podwright.errors import Findings
from podwright.options import add_request_options, request_from
from podwright.records import fields
from podwright.request import BuildParameters, parse_build

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PEM = "-----BEGIN CERTIFICATE-----"

# By parameter: the words of a command line, and the same as JSON.
SAME: dict[str, list[tuple[list[str], Any]]] = {
    "image": [(["--image", "b"], "b"), (["-t", "b:1"], "b:1")],
    "tags": [(["--tag", "1"], ["1"]), (["--tag", "1", "--tag", "1.10"], ["1", "1.10"])],
    "context": [(["--context", "a b"], "a b"), (["a b"], "a b")],
    "dockerfile": [(["--dockerfile", "D"], "D"), (["-f", "D"], "D"), (["--file", "D"], "D")],
    "target": [(["--target", "t"], "t")],
    "buildArgs": [
        (["--build-arg", "A=b=c", "--build-arg", "B="], {"A": "b=c", "B": ""}),
    ],
    "labels": [(["--label", "a.b=c d"], {"a.b": "c d"})],
    "platforms": [
        (["--platform", "linux/amd64", "--platform", "linux/arm64"],
         ["linux/amd64", "linux/arm64"]),
        (["--platform", "linux/amd64,linux/arm64"], ["linux/amd64", "linux/arm64"]),
    ],
    "annotations": [(["--annotation", "a=b=c", "--annotation", "d="], {"a": "b=c", "d": ""})],
    "compression": [(["--compression", "zstd"], "zstd")],
    "network": [(["--network", "none"], "none")],
    "addHosts": [(["--add-host", "db=10.0.0.5"], {"db": "10.0.0.5"})],
    "ulimits": [(["--ulimit", "nofile=1024:2048"], {"nofile": "1024:2048"})],
    "shmSize": [(["--shm-size", "256m"], "256m")],
    "buildContexts": [
        (["--build-context", "base=docker-image://a"], {"base": "docker-image://a"}),
    ],
    "builderOptions": [
        (["--builder-options", "buildah=--squash"], {"buildah": ["--squash"]}),
    ],
    "pool": [(["--pool", "team-a"], "team-a")],
    "proxy": [
        (["--proxy", "http=http://p.example:3128"], {"http": "http://p.example:3128"}),
    ],
    "reproducible": [(["--reproducible"], True)],
    "pull": [(["--no-pull"], False), (["--pull"], True)],
    "push": [(["--no-push"], False), (["--push"], True)],
    "output": [(["--output", "o.tar"], "o.tar")],
    "cache": [
        (["--cache", "r.example/c"], "r.example/c"),
        (["--cache", "false"], False),
        (["--no-cache"], False),
        (["--cache", "ref=r.example/c,write=false,mode=min"],
         {"ref": "r.example/c", "write": False, "mode": "min"}),
        (["--cache", '{"ref": "a", "read": ["b", "c"]}'], {"ref": "a", "read": ["b", "c"]}),
    ],
    "secrets": [
        (["--secret", "id=a,env=A", "--secret", "id=b,src=f"],
         [{"id": "a", "env": "A"}, {"id": "b", "src": "f"}]),
    ],
    "ssh": [(["--ssh", "default"], [{"id": "default"}]),
            (["--ssh", "id=k,src=key"], [{"id": "k", "src": "key"}])],
    "lint": [(["--lint", "true"], True), (["--lint", "warning"], "warning")],
    "verify": [(["--verify", "cosign.pub"], "cosign.pub"),
               (["--verify", "identity=a@b.example,issuer=https://i.example"],
                {"identity": "a@b.example", "issuer": "https://i.example"})],
    "scan": [(["--scan", "true"], True), (["--scan", "failOn=low,onlyFixed=true"],
                                          {"failOn": "low", "onlyFixed": True})],
    "pushApart": [(["--push-apart"], True)],
    "sbom": [(["--sbom"], True)],
    "provenance": [(["--provenance", "max"], "max")],
    "sign": [(["--sign", "kms=awskms:///alias/sign"], {"kms": "awskms:///alias/sign"})],
    "alone": [],
    "builder": [(["--builder", "kaniko"], "kaniko")],
    "credentials": [
        (["--credential", "variable=V,use=pull,registry=r.example"],
         [{"variable": "V", "use": "pull", "registry": "r.example"}]),
        (["--credential", "login"], ["login"]),
    ],
    "registries": [
        (["--registry", "localhost:5000,http=true", "--registry", "r.example,mirrors=m.example"],
         {"localhost:5000": {"http": True}, "r.example": {"mirrors": "m.example"}}),
        (["--registry", 'r.example,{"ca": "a,b.pem"}'], {"r.example": {"ca": "a,b.pem"}}),
        (["--registry", "r.example"], {"r.example": {}}),
    ],
    "retries": [(["--retries", "0"], 0)],
    "timeout": [(["--timeout", "30"], 30), (["--timeout", "90s"], "90s")],
    "pod": [],
    "record": [],
    "report": [],
    "steps": [],
    "podPerPlatform": [],
    "part": [],
    "images": [],
}  # fmt: skip


def read(words: list[str], stdin: str = "", env: dict[str, str] | None = None) -> dict[str, Any]:
    """Give the request of a command line."""
    parser = argparse.ArgumentParser()
    add_request_options(parser)
    console = Console(io.StringIO(), io.StringIO(), io.StringIO(stdin), env or {})
    return request_from(parser.parse_args(words), console, Findings())


def test_every_parameter_is_here() -> None:
    assert set(SAME) == {item.name for item in fields(BuildParameters)}


@pytest.mark.parametrize(
    ("name", "words", "value"),
    [(name, words, value) for name, cases in SAME.items() for words, value in cases],
)
def test_an_option_gives_the_same_request_as_json(name: str, words: list[str], value: Any) -> None:
    image = [] if name == "image" else ["--image", "a"]

    assert parse_build(read([*image, *words])) == parse_build({"image": "a", name: value})


def test_options_win_over_the_request_file(tmp_path: Path) -> None:
    path = tmp_path / "request.json"
    path.write_text(json.dumps({"image": "a", "retries": 1, "pod": {"deadline": "1h"}}))

    assert read(["--request", str(path), "--retries", "2"]) == {
        "image": "a",
        "retries": 2,
        "pod": {"deadline": "1h"},
    }
    assert read(["--request", "-"], '{"image": "b"}') == {"image": "b"}


def test_nothing_given_is_an_empty_request() -> None:
    assert read([]) == {}


def test_all_wrong_options_are_said_at_once(problems: Callable[..., list[str]]) -> None:
    words = [
        "--build-arg", "A", "--retries", "many", "--secret", "id=a,b", "--cache", '{"ref"',
        "--registry", "r.example,http",
    ]  # fmt: skip

    assert problems(read, words) == [
        "--build-arg: the environment variable 'A' is not set; set it, or A=...",
        "--cache: not valid JSON: Expecting ':' delimiter: line 1 column 7 (char 6)",
        "--secret: expected NAME=VALUE, got 'b'",
        (
            "--registry: expected K=V,..., got 'http'; known are http, skipTlsVerify, ca, client, "
            "mirrors"
        ),
        "--retries: expected a whole number, got 'many'",
    ]


def test_an_option_with_a_name_that_is_given_twice_is_refused(
    problems: Callable[..., list[str]],
) -> None:
    words = ["--build-arg", "A=1", "--build-arg", "A=2", "--registry", "r", "--registry", "r"]

    assert problems(read, words) == [
        "--build-arg: 'A' is given twice",
        "--registry: 'r' is given twice",
    ]


def test_the_habits_of_dockers_command_line_work() -> None:
    words = ["-t", "r.example/app:1", "-t", "r.example/app", "--build-arg", "TOKEN", "-f", "D", "."]

    assert read(words, env={"TOKEN": "a=b"}) == {
        "image": "r.example/app",
        "tags": ["1", "latest"],
        "buildArgs": {"TOKEN": "a=b"},
        "dockerfile": "D",
        "context": ".",
    }


def test_two_images_and_two_folders_are_refused(problems: Callable[..., list[str]]) -> None:
    assert problems(read, ["-t", "a:1", "-t", "b:1", "--context", "x", "y"]) == [
        "--context: is given twice; the folder at the end is the same",
        (
            "--image: names more than one image, 'a:1' and 'b:1'; build one after the other, or "
            "list them as 'images' in a --request file"
        ),
    ]
