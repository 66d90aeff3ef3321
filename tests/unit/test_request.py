"""Requests: every parameter, good and wrong, with the exact sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podwright.documents import request_schema
from podwright.errors import UsageError
from podwright.records import fields
from podwright.request import (
    BuildParameters,
    Cache,
    Common,
    Credential,
    Image,
    Pod,
    PodParameters,
    Proxy,
    Registry,
    Request,
    Secret,
    Ssh,
    is_build,
    parse_build,
    parse_pod,
)
from podwright.supply.linting import Linting
from podwright.supply.parameters import Held, Scanning, Sign, Trust

if TYPE_CHECKING:
    from collections.abc import Callable

IMAGE = {"image": "r.example/app"}

# By parameter: what is given, and what it becomes.
GOOD: dict[str, list[tuple[Any, Any]]] = {
    "image": [("r.example/app", "r.example/app")],
    "tags": [(["1", "2"], ("1", "2")), ("1", ("1",)), (3, ("3",)), ([1, 1.5], ("1", "1.5"))],
    "context": [("a/b", "a/b")],
    "dockerfile": [("a/Dockerfile", "a/Dockerfile")],
    "target": [("release", "release")],
    "buildArgs": [
        (
            {"A": "b", "_c": 1, "D": True, "E": False},
            {"A": "b", "_c": "1", "D": "true", "E": "false"},
        ),
        ({}, {}),
    ],
    "labels": [({"a.b/c": "d"}, {"a.b/c": "d"})],
    "platforms": [
        (["linux/amd64", "linux/arm/v7"], ("linux/amd64", "linux/arm/v7")),
        ("linux/arm64", ("linux/arm64",)),
    ],
    "reproducible": [(False, False), (True, True)],
    "pull": [(False, False), (True, True)],
    "push": [(False, False), (True, True)],
    "output": [("app.tar", "app.tar")],
    "cache": [
        ("r.example/cache", Cache(ref="r.example/cache")),
        (False, Cache(enabled=False)),
        (True, Cache(type="registry")),
        (
            {"ref": "r.example/c", "read": "r.example/d", "write": False, "mode": "min"},
            Cache(ref="r.example/c", read=("r.example/d",), write=False, mode="min"),
        ),
    ],
    "secrets": [
        ([{"id": "a", "env": "A"}], (Secret(id="a", env="A"),)),
        ({"id": "a", "src": "f"}, (Secret(id="a", src="f"),)),
        (
            [{"id": "a", "credentialsId": "c", "type": "file"}],
            (Secret(id="a", credentialsId="c", type="file"),),
        ),
    ],
    "ssh": [([{}], (Ssh(),)), ([{"id": "k", "src": "key"}], (Ssh(id="k", src="key"),))],
    "lint": [(True, Linting()), (False, None), ("info", Linting(failOn="info"))],
    "verify": [
        ("cosign.pub", Trust(key="cosign.pub")),
        ({"kms": "k", "attestations": "spdx"}, Trust(kms="k", attestations=("spdx",))),
    ],
    "scan": [
        (True, Scanning()),
        ("low", Scanning(failOn="low")),
        ({"onlyFixed": True}, Scanning(onlyFixed=True)),
    ],
    "pushApart": [(True, True)],
    "sbom": [(True, True)],
    "provenance": [(True, "min"), (False, ""), ("max", "max")],
    "sign": [("key", Sign(key=Held(credentialsId="key"))), ({"kms": "k"}, Sign(kms="k"))],
    "alone": [(True, True)],
    "builder": [("buildah", "buildah"), ("auto", "auto")],
    "credentials": [
        ("login", (Credential(credentialsId="login"),)),
        (
            ["a", {"credentialsId": "b", "use": "pull", "registry": "localhost:5000"}],
            (
                Credential(credentialsId="a"),
                Credential(credentialsId="b", use="pull", registry="localhost:5000"),
            ),
        ),
    ],
    "registries": [
        ({"localhost:5000": {"http": True}}, {"localhost:5000": Registry(http=True)}),
        (
            {"r.example": {"mirrors": ["m.example"]}},
            {"r.example": Registry(mirrors=("m.example",))},
        ),
        (
            {"https://index.docker.io/v1/": {"mirrors": ["m.example/hub"]}},
            {"docker.io": Registry(mirrors=("m.example/hub",))},
        ),
    ],
    "retries": [(0, 0), (20, 20)],
    "annotations": [({"a.b": 1, "c": ""}, {"a.b": "1", "c": ""})],
    "compression": [("gzip", "gzip"), ("zstd", "zstd"), ("", "")],
    "network": [("none", "none"), ("host", "host")],
    "addHosts": [
        ({"db.example": "10.0.0.5", "six": "::1"}, {"db.example": "10.0.0.5", "six": "::1"})
    ],
    "ulimits": [({"nofile": "1024:2048", "core": -1}, {"nofile": "1024:2048", "core": "-1"})],
    "shmSize": [("256m", "256m"), (1024, "1024")],
    "buildContexts": [
        (
            {"alpine": "docker-image://a:1", "src": "../src"},
            {"alpine": "docker-image://a:1", "src": "../src"},
        ),
    ],
    "builderOptions": [({"kaniko": ["--single-snapshot"]}, {"kaniko": ("--single-snapshot",)})],
    "pool": [("team-a", "team-a"), ("", "")],
    "proxy": [
        ("http://p.example:3128", Proxy(http="http://p.example:3128")),
        (
            {"http": "http://p.example", "https": "https://p.example/", "no": [".svc"]},
            Proxy(http="http://p.example", https="https://p.example/", no=(".svc",)),
        ),
    ],
    "record": [(False, False), (True, True)],
    "report": [(False, False), (True, True)],
    "steps": [("a.steps", "a.steps")],
    "podPerPlatform": [(True, True)],
    "part": [(True, True)],
    "timeout": [(30, 1800), ("90s", 90), ("15m", 900), ("2h", 7200), (0, 0)],
    "pod": [
        ({}, Pod()),
        ({"yaml": {"spec": {}}}, Pod(yaml={"spec": {}})),
        ({"deadline": "1h", "cacheClaim": "c"}, Pod(deadline=3600, cacheClaim="c")),
    ],
}

# By parameter: what is given, and what is said of it.
WRONG: dict[str, list[tuple[Any, list[str]]]] = {
    "image": [
        (1, ["image: expected a text, got a number"]),
        ("a\0b", ["image: contains a NUL character or an unpaired surrogate; remove it"]),
        ("a\ud800", ["image: contains a NUL character or an unpaired surrogate; remove it"]),
    ],
    "tags": [
        (True, ["tags: expected a list, got a boolean"]),
        ([True, "1", {}], ["tags[0]: expected a text, got a boolean",
                           "tags[2]: expected a text, got a map"]),
    ],
    "context": [("", ["context: '' is not a path"]),
                ([], ["context: expected a text, got a list"])],
    "dockerfile": [("", ["dockerfile: '' is not a path"])],
    "target": [(False, ["target: expected a text, got a boolean"])],
    "buildArgs": [
        ("A=b", ["buildArgs: expected a map (NAME: value), got a text"]),
        (["A=b"], ["buildArgs: expected a map (NAME: value), got a list"]),
        ({"my-arg": "x"},
         ["buildArgs: 'my-arg' is not an identifier (letters, digits, '_')"]),
        ({"1A": "x", "A": []}, ["buildArgs: '1A' is not an identifier (letters, digits, '_')",
                                "buildArgs.A: expected a text, got a list"]),
        ({"A\n": "x"}, ["buildArgs: 'A\\x0a' is not an identifier (letters, digits, '_')"]),
    ],
    "labels": [
        ({"": "x"}, ["labels: '' is not a label's name (no space, no '=')"]),
        ({"a=b": "x"}, ["labels: 'a=b' is not a label's name (no space, no '=')"]),
        ({"a\nb": "x"}, ["labels: 'a\\x0ab' is not a label's name (no space, no '=')"]),
        ({"a\0": "x"}, ["labels: 'a\\x00' is not a label's name (no space, no '=')"]),
    ],
    "platforms": [
        (["linux"], ["platforms[0]: 'linux' is not a platform such as 'linux/arm64'"]),
        (["linux/amd64", "linux/amd64"], ["platforms: 'linux/amd64' is given twice"]),
    ],
    "reproducible": [(1, ["reproducible: expected true or false, got 1"])],
    "pull": [("no", ["pull: expected true or false, got 'no'"])],
    "push": [("false", ["push: expected true or false, got 'false'"]),
             (0, ["push: expected true or false, got 0"])],
    "output": [("", ["output: '' is not a path"])],
    "cache": [
        (1, ["cache: expected a map, got a number"]),
        ({"refs": "x"}, ["cache: unknown parameter 'refs'; did you mean 'ref'?"]),
        ({"mode": "all"}, ["cache.mode: unknown cache mode 'all'; known are max, min"]),
    ],
    "secrets": [
        (["a"], ["secrets[0]: expected a map, got a text"]),
        ([{"env": "A"}], ["secrets[0].id: is missing; the id in the Dockerfile"]),
        ([{"id": "a,b", "env": "1"}],
         ["secrets[0].id: 'a,b' is not an id", "secrets[0].env: '1' is not a variable"]),
    ],
    "ssh": [([{"id": "a b"}], ["ssh[0].id: 'a b' is not an id"]),
            ([{"variable": "$(x)"}], ["ssh[0].variable: '$(x)' is not a variable"])],
    "lint": [("worse", [("lint.failOn: unknown level 'worse'; known are error, info, never, style, "
                         "warning")])],
    "verify": [({"keys": "a"}, ["verify: unknown parameter 'keys'; did you mean 'key'?"])],
    "scan": [({"failOn": 1}, ["scan.failOn: expected a text, got a number"])],
    "pushApart": [(1, ["pushApart: expected true or false, got 1"])],
    "sbom": [("yes", ["sbom: expected true or false, got 'yes'"])],
    "provenance": [("most", ["provenance: expected true, false, 'min' or 'max', got 'most'"])],
    "sign": [({"key": {"env": "1"}}, ["sign.key.env: '1' is not a variable"])],
    "alone": [("x", ["alone: expected true or false, got 'x'"])],
    "builder": [
        ("buildha", ["builder: unknown builder 'buildha'; did you mean 'buildah'?"]),
        (1, ["builder: expected a text, got a number"]),
    ],
    "credentials": [
        (1, ["credentials: expected a list, got a number"]),
        ([{"credentialId": "x"}],
         ["credentials[0]: unknown parameter 'credentialId'; did you mean 'credentialsId'?"]),
        ([{"credentialsId": "x", "registry": "https://r.example"}],
         ["credentials[0].registry: 'https://r.example' has a scheme; write 'r.example'"]),
        ([{"credentialsId": "x", "registry": "r.example/Team name"}],
         [("credentials[0].registry: 'r.example/Team name' is not a registry; write a host such as "
          "'r.example:5000/path'")]),
        ([{"credentialsId": "x", "use": "Push"}],
         ["credentials[0].use: unknown use 'Push'; did you mean 'push'?"]),
    ],
    "registries": [
        ({"http://r": {}},
         [("registries: 'http://r' has a scheme; write 'r', with registries: "
          "['r': [http: true]]")]),
        ({"docker.io": {}, "index.docker.io": {}},
         ["registries: 'index.docker.io' is docker.io, which is given twice"]),
        ({"docker.io": {"mirrors": ["http://m.example/hub/"]}},
         [("registries.docker.io.mirrors[0]: 'http://m.example/hub/' has a scheme; write "
          "'m.example/hub', with registries: ['m.example': [http: true]]")]),
        ({"docker.io": {"mirrors": ["a b"]}},
         [("registries.docker.io.mirrors[0]: 'a b' is not a registry; write a host such as "
          "'r.example:5000/path'")]),
        ({"r.example": True}, ["registries.r.example: expected a map, got a boolean"]),
        ({"r.example": {"insecure": True}},
         [("registries.r.example: unknown parameter 'insecure'; known are ca, client, http, "
          "mirrors, skipTlsVerify")]),
    ],
    "annotations": [
        ({"a b": "c"},
         ["annotations: 'a b' is not an annotation's name (no space, no '=')"]),
    ],
    "compression": [
        ("xz", ["compression: unknown compression 'xz'; known are , gzip, zstd"]),
    ],
    "network": [("bridge", ["network: unknown network 'bridge'; known are , default, host, none"])],
    "addHosts": [({"db": "db2"}, ["addHosts.db: 'db2' is not an address"])],
    "ulimits": [({"core": "much"}, ["ulimits.core: 'much' is not a limit such as '1024:2048'"])],
    "shmSize": [("256MiB", ["shmSize: '256MiB' is not a size such as '256m'"])],
    "buildContexts": [({"A": "b"}, ["buildContexts: 'A' is not a name in lower case"])],
    "builderOptions": [
        ({"kaniko": [1]}, ["builderOptions.kaniko[0]: expected a text, got a number"]),
    ],
    "pool": [(3, ["pool: expected a text, got a number"])],
    "proxy": [
        ("p.example:3128",
         ["proxy.http: 'p.example:3128' is not a proxy; write e.g. 'http://proxy.example:3128'"]),
        ({"https": "http://u:secret@p.example"},
         ["proxy.https: has a login in it, which everybody would see; use a proxy without one"]),
        ({"no": "a,b"}, ["proxy.no[0]: 'a,b' is not a host, a domain or a network"]),
    ],
    "record": [("no", ["record: expected true or false, got 'no'"])],
    "report": [("no", ["report: expected true or false, got 'no'"])],
    "steps": [(1, ["steps: expected a text, got a number"])],
    "podPerPlatform": [("x", ["podPerPlatform: expected true or false, got 'x'"])],
    "part": [("x", ["part: expected true or false, got 'x'"])],
    "retries": [(-1, ["retries: -1 is not between 0 and 20"]),
                (21, ["retries: 21 is not between 0 and 20"]),
                (True, ["retries: expected a whole number, got true"]),
                ("3", ["retries: expected a whole number, got '3'; write it without quotes"]),
                ("x", ["retries: expected a whole number, got 'x'"])],
    "timeout": [
        ("soon", [("timeout: expected minutes as a number, or a text such as '90s', '15m' or '2h', "
                  "got 'soon'")]),
        (-1, [("timeout: expected minutes as a number, or a text such as '90s', '15m' or '2h', "
              "got '-1'")]),
        (True, [("timeout: expected minutes as a number, or a text such as '90s', '15m' or '2h', "
                "got 'True'")]),
    ],
    "pod": [
        ("x", ["pod: expected a map, got a text"]),
        ({"yaml": []}, ["pod.yaml: expected a text or a map, got a list"]),
        ({"nodeSelectors": {}},
         ["pod: unknown parameter 'nodeSelectors'; did you mean 'nodeSelector'?"]),
        ({"memory": "8Gi"},
         [("pod: unknown parameter 'memory'; see 'resources': requests and limits by container, "
           "e.g. [builder: [limits: [memory: '8Gi']]]")]),
        ({"confinement": "none"},
         ["pod.confinement: unknown confinement 'none'; did you mean 'node'?"]),
        ({"socketGroup": -1}, ["pod.socketGroup: -1 is not between 0 and 2147483647"]),
    ],
}  # fmt: skip


def good_cases() -> list[Any]:
    return [(name, value, parsed) for name, cases in GOOD.items() for value, parsed in cases]


def wrong_cases() -> list[Any]:
    return [(name, value, said) for name, cases in WRONG.items() for value, said in cases]


def test_every_parameter_has_good_and_wrong_values_here() -> None:
    names = {item.name for item in fields(BuildParameters)} - {"images"}

    assert set(GOOD) == names
    assert set(WRONG) == names


@pytest.mark.parametrize(("name", "value", "parsed"), good_cases())
def test_a_good_value_is_taken(name: str, value: Any, parsed: Any) -> None:
    request = parse_build({**IMAGE, name: value})
    part = request.images[0] if hasattr(request.images[0], name) else request.common

    assert getattr(part, name) == parsed


@pytest.mark.parametrize(("name", "value", "parsed"), good_cases())
def test_a_good_value_fits_the_json_schema(name: str, value: Any, parsed: Any) -> None:
    jsonschema.validate({**IMAGE, name: value}, request_schema(), jsonschema.Draft202012Validator)


@pytest.mark.parametrize(("name", "value", "said"), wrong_cases())
def test_a_wrong_value_is_one_sentence(
    problems: Callable[..., list[str]], name: str, value: Any, said: list[str]
) -> None:
    assert problems(parse_build, {**IMAGE, name: value}) == said


def test_what_is_left_out_has_its_default() -> None:
    assert parse_build(IMAGE) == Request(
        common=Common(builder="", credentials=(), registries={}, retries=5, timeout=7200, pod=None),
        images=(
            Image(
                image="r.example/app",
                tags=(),
                context=".",
                dockerfile="",
                target="",
                buildArgs={},
                labels={},
                platforms=(),
                push=True,
                output="",
                cache=None,
                secrets=(),
                ssh=(),
            ),
        ),
        single=True,
    )


def test_null_means_left_out() -> None:
    names = [item.name for item in fields(BuildParameters)]

    assert parse_build({**dict.fromkeys(names), **IMAGE}) == parse_build(IMAGE)


def test_all_problems_are_said_at_once(problems: Callable[..., list[str]]) -> None:
    value = {"imag": "x", "tags": True, "retries": 99, "secrets": [{"env": "A"}, 3]}

    assert problems(parse_build, value) == [
        "unknown parameter 'imag'; did you mean 'image'?",
        "image: is missing; name with registry, e.g. 'registry.example/team/app'",
        "tags: expected a list, got a boolean",
        "secrets[0].id: is missing; the id in the Dockerfile",
        "secrets[1]: expected a map, got a number",
        "retries: 99 is not between 0 and 20",
    ]


def test_a_name_that_is_like_none_lists_what_is_known(problems: Callable[..., list[str]]) -> None:
    known = ", ".join(sorted(item.name for item in fields(BuildParameters)))

    assert problems(parse_build, {**IMAGE, "zzz": 1}) == [
        f"unknown parameter 'zzz'; known are {known}"
    ]


def test_a_name_in_the_wrong_case_is_guessed(problems: Callable[..., list[str]]) -> None:
    assert problems(parse_build, {**IMAGE, "SSH": []}) == [
        "unknown parameter 'SSH'; did you mean 'ssh'?"
    ]


@pytest.mark.parametrize("value", [None, [], "x", 1])
def test_a_request_that_is_no_map_is_refused(
    problems: Callable[..., list[str]], value: Any
) -> None:
    assert problems(parse_build, value) == [
        "the request is not a map; give named parameters, e.g. image: 'team/app'"
    ]


def test_config_defaults_fill_in_what_a_request_leaves_out() -> None:
    defaults = {"retries": 1, "tags": ["d"], "context": "x"}

    request = parse_build({**IMAGE, "tags": ["r"], "context": None}, defaults)

    assert request.common.retries == 1
    assert request.images[0].tags == ("r",)
    assert request.images[0].context == "x"


def test_what_stands_beside_images_holds_for_each() -> None:
    value = {
        "context": "c",
        "retries": 2,
        "images": [{"image": "a"}, {"image": "b", "context": "d"}],
    }

    request = parse_build(value)

    assert [(i.image, i.context) for i in request.images] == [("a", "c"), ("b", "d")]
    assert request.common.retries == 2
    assert request.single is False


def test_all_problems_of_several_images_are_said_at_once(
    problems: Callable[..., list[str]],
) -> None:
    value = {"image": "x", "retry": 1, "images": [{"imge": "a"}, 3, {"image": "b", "push": "no"}]}

    assert problems(parse_build, value) == [
        "image: cannot stand beside 'images'; name the image in each element",
        "unknown parameter 'retry'; did you mean 'retries'?",
        "images[0]: unknown parameter 'imge'; did you mean 'image'?",
        "images[0].image: is missing; name with registry, e.g. 'registry.example/team/app'",
        "images[1]: expected a map",
        "images[2].push: expected true or false, got 'no'",
    ]


@pytest.mark.parametrize("value", [[], {}, "a", 1])
def test_images_is_a_list_with_something_in_it(
    problems: Callable[..., list[str]], value: Any
) -> None:
    assert problems(parse_build, {"images": value}) == [
        "images: expected a list with at least one map"
    ]


def test_a_pod_takes_those_parameters_only_that_make_a_pod(
    problems: Callable[..., list[str]],
) -> None:
    assert parse_pod({"builder": "kaniko", "pod": None}).common.builder == "kaniko"
    assert problems(parse_pod, {"image": "x", "credentials": "y", "bilder": "z"}) == [
        "image: does nothing here; it is a parameter of buildImage",
        "credentials: does nothing here; it is a parameter of buildImage",
        "unknown parameter 'bilder'; did you mean 'builder'?",
    ]
    assert [i.name for i in fields(PodParameters)] == [
        *("builder", "registries", "pool", "proxy", "pod")
    ]


def test_a_pod_takes_those_defaults_that_are_its_own() -> None:
    defaults = {"builder": "kaniko", "image": "x", "retries": 3}

    request = parse_pod({"builder": None}, defaults)

    assert (request.common.builder, request.common.retries) == ("kaniko", 5)
    assert request.images == ()


def test_a_request_for_an_image_is_told_from_one_for_a_pod() -> None:
    assert is_build({"image": "x"})
    assert is_build({"images": []})
    assert is_build({"tags": []})
    assert not is_build({"builder": "x", "pod": {}})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from([item.name for item in fields(BuildParameters)])


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(st.dictionaries(NAMES, JSON, max_size=5))
def test_no_json_value_leads_to_anything_but_a_request_or_sentences(value: dict[str, Any]) -> None:
    try:
        assert isinstance(parse_build(value), Request)
    except UsageError as error:
        said = error.problems
    else:
        said = ("",)
    assert said
    assert all("\n" not in problem for problem in said)
