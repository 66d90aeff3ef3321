"""Configs: merging, and where exactly they are wrong."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from test_cli import run

from podwright import config as configs
from podwright import inputs, strategies
from podwright.authz import limits
from podwright.config import Config
from podwright.errors import Findings
from podwright.plan import plan
from podwright.request import Registry
from podwright.workspace import Facts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def wrong(problems: Any, tmp_path: Path) -> Callable[..., list[str]]:
    """Give what is said of a `.podwright.yaml` with this content."""

    def run(content: str | bytes) -> list[str]:
        data = content.encode() if isinstance(content, str) else content
        (tmp_path / ".podwright.yaml").write_bytes(data)
        found: list[str] = problems(configs.load, "", tmp_path)
        return found

    return run


def test_without_configs_all_is_at_its_default(tmp_path: Path) -> None:
    assert configs.load("", tmp_path) == Config()
    assert configs.load("\n", None) == Config()


def test_the_repository_wins_over_the_organisation(tmp_path: Path) -> None:
    (tmp_path / ".podwright.yaml").write_text(
        "builder: kaniko\n"
        "defaults: {retries: 2, context: app}\n"
        "registries: {b.example: {http: true}}\n"
    )
    organisation = (
        "builder: buildah\n"
        "builders: [buildah, kaniko]\n"
        "images: {tools: mirror.example/python:3}\n"
        "defaults: {retries: 1, timeout: 5m}\n"
        "registries: {a.example: {http: true}, b.example: {skipTlsVerify: true}}\n"
    )

    assert configs.load(organisation, tmp_path) == Config(
        defaults={"retries": 2, "timeout": "5m", "context": "app"},
        builder="kaniko",
        allowed=("buildah", "kaniko"),
        images={"tools": "mirror.example/python:3"},
        registries={"a.example": Registry(http=True), "b.example": Registry(http=True)},
    )


def test_the_request_wins_over_both(tmp_path: Path) -> None:
    (tmp_path / ".podwright.yaml").write_text("defaults: {retries: 2}\n")
    env = {"PODWRIGHT_CONFIG": '{"defaults": {"retries": 1, "timeout": "5m"}}'}

    request, _ = inputs.load({"image": "a", "retries": 3}, tmp_path, env)

    assert (request.common.retries, request.common.timeout) == (3, 300)


def test_the_organisations_config_may_be_a_file(tmp_path: Path) -> None:
    path = tmp_path / "org.yaml"
    path.write_text("builder: podman\n")

    assert configs.load(str(path), None).builder == "podman"
    assert inputs.organisation({"PODWRIGHT_CONFIG": f" {path}\n"}) == "builder: podman\n"


def test_an_empty_file_is_no_config(tmp_path: Path) -> None:
    for content in ("", "\n", "# nothing yet\n", "---\n"):
        (tmp_path / ".podwright.yaml").write_text(content)
        assert configs.load("", tmp_path) == Config()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("builder: [",
         [(".podwright.yaml:1:11: not valid YAML: expected the node content, but found "
                        "'<stream end>'")]),
        ("a:\n\tb: 1\n",
         [(".podwright.yaml:2:1: not valid YAML: found character '\\t' that cannot start any "
          "token")]),
        ("builder: x\n  y: z\n",
         [".podwright.yaml:2:4: not valid YAML: mapping values are not allowed here"]),
        ("a: *b\n", [".podwright.yaml:1:4: not valid YAML: found undefined alias 'b'"]),
        ("a: !!python/object/apply:os.system [x]\n",
         [(".podwright.yaml:1:4: the tag 'tag:yaml.org,2002:python/object/apply:os.system' is not "
          "known here; write a plain value")]),
        ("a: !!binary aGk=\n",
         [(".podwright.yaml:1:4: the tag 'tag:yaml.org,2002:binary' is not known here; write a "
          "plain value")]),
        ("- a\n", [".podwright.yaml:1:1: expected a map of settings"]),
        ("just text\n", [".podwright.yaml:1:1: expected a map of settings"]),
        ("builder: a\nbuilder: b\n",
         [".podwright.yaml:2:1: 'builder' is given twice; keep one of them"]),
    ],
)  # fmt: skip
def test_malformed_files_are_told_with_line_and_column(
    wrong: Any, content: str, said: list[str]
) -> None:
    assert wrong(content) == said


def test_wrong_settings_are_told_all_at_once_with_line_and_column(wrong: Any) -> None:
    content = (
        "builder: 3\n"
        "bilder: kaniko\n"
        "registries:\n"
        "  r.example: {htp: true}\n"
        "  localhost:5000:\n"
        "    http: 'yes'\n"
        "defaults:\n"
        "  image: r.example/app\n"
        "  retry: 1\n"
        "  tags: {a: b}\n"
        "  cache:\n"
        "    mode: all\n"
    )

    assert wrong(content) == [
        ".podwright.yaml:2:1: unknown setting 'bilder'; did you mean 'builder'?",
        ".podwright.yaml:1:1: builder: expected a text, got a number",
        ".podwright.yaml:4:15: registries.r.example: unknown setting 'htp'; did you mean 'http'?",
        ".podwright.yaml:6:5: registries.localhost:5000.http: expected true or false, got 'yes'",
        ".podwright.yaml:9:3: defaults: unknown setting 'retry'; did you mean 'retries'?",
        ".podwright.yaml:10:3: defaults.tags[0]: expected a text, got a map",
        ".podwright.yaml:12:5: defaults.cache.mode: unknown cache mode 'all'; known are max, min",
    ]


def test_long_and_quoted_keys_keep_their_line(wrong: Any) -> None:
    long = "k" * 70
    content = f'builder: kaniko\ndefaults:\n  retries: 1\n  {long}: 1\n  "re\'tries": 2\n'

    assert [sentence.partition("; ")[0] for sentence in wrong(content)] == [
        f".podwright.yaml:4:3: defaults: unknown setting '{'k' * 59}…'",
        ".podwright.yaml:5:3: defaults: unknown setting 're'tries'",
    ]


def test_a_repository_cannot_allow_itself_strategies_or_images(wrong: Any) -> None:
    assert wrong("builders: [dood]\nimages: {tools: x}\n") == [
        ".podwright.yaml:1:1: unknown setting 'builders'; did you mean 'builder'?",
        ".podwright.yaml:2:1: unknown setting 'images'; known are builder, defaults, registries",
    ]


def test_files_that_cannot_be_read_are_told(wrong: Any, problems: Any, tmp_path: Path) -> None:
    assert wrong(b"a: \xff\n") == [".podwright.yaml: is not UTF-8 (byte 3); save it as UTF-8"]
    (tmp_path / ".podwright.yaml").unlink()
    (tmp_path / ".podwright.yaml").mkdir()
    assert problems(configs.load, "", tmp_path) == [
        ".podwright.yaml: cannot be read: Is a directory"
    ]


def test_the_strategy_is_no_default_among_others(wrong: Any) -> None:
    assert wrong("defaults:\n  retries: 1\n  builder: kaniko\n") == [
        ".podwright.yaml:3:3: defaults.builder: is a setting of its own; write it beside 'defaults'"
    ]


def test_unknown_strategies_and_roles_are_told_with_their_place(wrong: Any, problems: Any) -> None:
    known = ", ".join(strategies.names())

    assert wrong("defaults: {}\nbuilder: kanico\n") == [
        ".podwright.yaml:2:1: builder: unknown builder 'kanico'; did you mean 'kaniko'?"
    ]
    text = "builder: auto\nbuilders: [podmann, xyz]\nimages:\n  tool: x\n"
    assert problems(configs.load, text, None) == [
        "PODWRIGHT_CONFIG:2:12: builders[0]: unknown builder 'podmann'; did you mean 'podman'?",
        f"PODWRIGHT_CONFIG:2:21: builders[1]: unknown builder 'xyz'; known are {known}",
        "PODWRIGHT_CONFIG:4:3: images.tool: unknown role 'tool'; did you mean 'tools'?",
    ]


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ("{profil: run}", "1:10: policy: unknown setting 'profil'; did you mean 'profile'?"),
        ("{profile: []}", "1:10: policy.profile: expected a text, got a list"),
        ("{buildkit: NO}", "1:10: policy.buildkit: expected true or false, got 'NO'"),
        ("{workspace: /home/../etc}",
         "1:10: policy.workspace: '/home/../etc' is not an absolute path without '.' and '..'"),
        ("{audit: log}",
         "1:10: policy.audit: 'log' is not an absolute path without '.' and '..'"),
        ("{volume: /x}",
         "1:10: policy.volume: '/x' is not a volume's name (letters, digits, '_', '.', '-')"),
        ("{capabilities: [CHOWN, NET_ADMIN]}",
         ("1:32: policy.capabilities[1]: capability 'NET_ADMIN' is not in the profile; add it "
         "knowingly, with 'widen'")),
        ("{sysctls: kernel.msgmax}",
         ("1:10: policy.sysctls[0]: sysctl 'kernel.msgmax' is not in the profile; add it "
         "knowingly, with 'widen'")),
        ("{widen: {capabilities: [SYS_ADMIN]}}",
         ("1:33: policy.widen.capabilities[0]: 'SYS_ADMIN' leads out of every container and is "
         "never allowed; use the strategy 'dind' on a cluster of its own instead")),
        ("{widen: {capabilities: CAP_IPC_LOCK}}",
         ("1:18: policy.widen.capabilities[0]: 'CAP_IPC_LOCK' is not the plain name; write "
         "'IPC_LOCK'")),
        ("{widen: {binds: [/]}}",
         "1:18: policy.widen: unknown setting 'binds'; known are capabilities, sysctls"),
    ],
)  # fmt: skip
def test_a_slip_in_the_policy_is_told_with_its_place(problems: Any, policy: str, said: str) -> None:
    text = f"policy: {policy}\n"
    assert problems(configs.load, text, None) == [f"PODWRIGHT_CONFIG:{said}"]


def test_a_policy_reaches_the_plugin_as_it_was_written() -> None:
    text = "policy: {capabilities: CHOWN, imports: false, widen: {capabilities: [IPC_LOCK]}}\n"
    policy = configs.load(text, None).policy

    assert policy == {
        "capabilities": ["CHOWN"],
        "imports": False,
        "widen": {"capabilities": ["IPC_LOCK"]},
    }
    assert limits.problems(policy) == []


def test_the_default_strategy_is_one_of_those_that_are_allowed(problems: Any) -> None:
    text = "builders: [kaniko]\nbuilder: buildah\n"

    assert problems(configs.load, text, None) == [
        "PODWRIGHT_CONFIG:2:1: builder: is not one of 'builders'; correct one of both"
    ]
    assert configs.load(text.replace("buildah", "auto"), None).builder == "auto"


def test_a_reference_of_an_image_has_no_scheme(problems: Any) -> None:
    assert problems(configs.load, "images: {tools: https://r.example/python:3}\n", None) == [
        (
            "PODWRIGHT_CONFIG:1:10: images.tools: 'https://r.example/python:3' is not a reference "
            "(no scheme)"
        )
    ]


def test_a_path_that_leads_nowhere_is_told(problems: Any) -> None:
    assert problems(configs.load, "/no/such.yaml", None) == [
        "PODWRIGHT_CONFIG: there is no file '/no/such.yaml'; correct the path"
    ]


def test_the_organisations_text_is_told_by_its_variable(problems: Any) -> None:
    assert problems(configs.load, "builder: kaniko\nimage: {}\n", None) == [
        "PODWRIGHT_CONFIG:2:1: unknown setting 'image'; did you mean 'images'?"
    ]


def test_numbers_are_texts_as_they_were_written(tmp_path: Path) -> None:
    (tmp_path / ".podwright.yaml").write_text(
        "defaults:\n  tags: [1.10, 1e5, 0123, 0x1f, 1_000, 12:30, 2026-11-24, yes, NO, 7]\n"
    )

    request, _ = inputs.load({"image": "a"}, tmp_path, {})

    assert request.images[0].tags == (
        "1.10", "1e5", "0123", "0x1f", "1_000", "12:30", "2026-11-24", "yes", "NO", "7",
    )  # fmt: skip


def test_numbers_of_json_are_texts_as_they_were_written(tmp_path: Path) -> None:
    value = inputs.read_request("-", io.StringIO('{"image": "a", "tags": [1.10, 2.0, 7]}')).value

    request, _ = inputs.load(value, tmp_path, {})

    assert request.images[0].tags == ("1.10", "2.0", "7")
    assert json.dumps(value["tags"]) == "[1.1, 2.0, 7]"


def test_a_few_lines_that_stand_for_billions_are_no_trouble(wrong: Any) -> None:
    lines = ["a0: &a0 {x: 1}"]
    lines += [f"a{n}: &a{n} {{p: *a{n - 1}, q: *a{n - 1}, r: *a{n - 1}}}" for n in range(1, 30)]

    assert wrong("\n".join(lines) + "\n") == [
        (
            ".podwright.yaml:14:6: the aliases here stand for more than 2000000 values; write "
            "fewer of them"
        )
    ]


def test_deep_nesting_is_one_sentence(wrong: Any, problems: Any) -> None:
    assert wrong("a: " + "{b: " * 3000 + "}" * 3000) == [
        ".podwright.yaml:1:1: the values are nested too deeply; write them flatter"
    ]
    deep = io.StringIO('{"a":' * 200_000)
    assert problems(inputs.read_request, "-", deep) == [
        "-:1:1: the values are nested too deeply; write them flatter"
    ]


# Requests in files


def test_requests_are_read_as_json_and_as_yaml(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text('{"image": "a"}')
    (tmp_path / "r.yaml").write_text("image: a\ntags: [1.0]\n")

    assert inputs.read_request(str(tmp_path / "r.json"), io.StringIO()).value == {"image": "a"}
    assert inputs.read_request(str(tmp_path / "r.yaml"), io.StringIO()).value == {
        "image": "a",
        "tags": ["1.0"],
    }
    assert inputs.read_request("-", io.StringIO('{"image": "b"}')).value == {"image": "b"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{\n "a",',
         ":2:6: not valid YAML: expected the node content, but found '<stream end>'"),
        (b"[1]", ": expected a map with the parameters of the request"),
        (b"\xff", ": is not UTF-8 (byte 0); save it as UTF-8"),
        (b"a: 1\n---\n", (":2:1: not valid YAML: expected a single document in the stream, but "
                          "found another document")),
    ],
)  # fmt: skip
def test_wrong_request_files_are_one_sentence(
    problems: Any, tmp_path: Path, content: bytes, said: str
) -> None:
    path = tmp_path / "request"
    path.write_bytes(content)

    assert problems(inputs.read_request, str(path), io.StringIO()) == [f"{path}{said}"]


def test_a_missing_request_file_is_one_sentence(problems: Any) -> None:
    assert problems(inputs.read_request, "/no/such", io.StringIO()) == [
        "/no/such: cannot be read: No such file or directory"
    ]


def test_mistakes_in_a_request_file_have_its_lines_and_columns(
    problems: Any, tmp_path: Path
) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(
        "image: r.example/App\ntags:\n  - ok\n  - a b\npush: NO\nretries: 99\n"
        "secrets: [{id: t, env: T}, {id: t}]\n"
    )
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("0" * 40)
    found = Findings(inputs.read_request(str(path), io.StringIO()))
    assert found.document
    found.document.overridden.add("retries")  # type: ignore[attr-defined]
    value = {**found.document.value, "retries": 98}  # type: ignore[attr-defined]

    request, config = inputs.load(value, tmp_path, {}, found)

    said = problems(plan, request, config, Facts(root=str(tmp_path)), found)
    assert [sentence.removeprefix(f"{path}:").partition("; ")[0] for sentence in said] == [
        "5:1: push: expected true or false, got 'NO'",
        "retries: 98 is not between 0 and 20",
        "1:1: image: 'r.example/App' is not a valid image name: repositories are lower case",
        (
            "4:5: tags[1]: 'a b' is not a valid tag (1 to 128 letters, digits, '_', '.' and "
            "'-', not "
            "beginning with '.' or '-')"
        ),
        "dockerfile: there is no file 'Dockerfile' in the workspace",
        "7:28: secrets[1]: give exactly one of 'credentialsId', 'env' and 'src'",
        "7:1: secrets: the id 't' is given twice",
    ]


def test_of_json_the_places_are_told_as_well(problems: Any) -> None:
    text = '{\n  "builder": "kaniko",\n  "images": {\n    "tool": "x"\n  }\n}'

    assert problems(configs.load, text, None) == [
        "PODWRIGHT_CONFIG:4:5: images.tool: unknown role 'tool'; did you mean 'tools'?"
    ]
    assert problems(configs.load, '{"builder": "kaniko",\n "builder": "buildah"}', None) == [
        "PODWRIGHT_CONFIG:2:2: 'builder' is given twice; keep one of them"
    ]


# Certificates


def test_certificates_are_read_where_they_are(tmp_path: Path) -> None:
    pem = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"
    (tmp_path / "ca.pem").write_text(pem)
    value = {"image": "a", "registries": {"r.example": {"ca": "ca.pem"}, "s.example": {"ca": pem}}}

    request, _ = inputs.load(value, tmp_path, {})

    assert {host: item.ca for host, item in request.common.registries.items()} == {
        "r.example": pem,
        "s.example": pem,
    }


def test_certificates_that_are_none_are_named(problems: Any, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    registries = {"r.example": {"ca": "ca.pem"}, "s.example": {"ca": "no.pem"}}

    assert problems(inputs.load, {"image": "a", "registries": registries}, tmp_path, {}) == [
        "registries.r.example.ca: there is no PEM file 'ca.pem'; name one, or give its text",
        "registries.s.example.ca: there is no PEM file 'no.pem'; name one, or give its text",
    ]
    text = "registries:\n  r.example:\n    http: false\n    ca: ca.pem\n"
    assert problems(inputs.load, {"image": "a"}, tmp_path, {"PODWRIGHT_CONFIG": text}) == [
        (
            "PODWRIGHT_CONFIG:4:5: registries.r.example.ca: there is no PEM file 'ca.pem'; "
            "name one, or give its text"
        )
    ]


DEFAULTS = """\
builders: [kaniko]
defaults:
  pod:
    resources:
      builder: {limits: {memory: 8Gi}}
      engine: {limits: {memory: 8Gi}}
"""


def test_a_mistake_in_the_defaults_is_told_with_its_place_wherever_it_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "acme.yaml").write_text(DEFAULTS)
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    sentence = "the pod of 'kaniko' has no container 'engine'; it has builder, tools\n"
    line = f"acme.yaml:6:7: defaults.pod.resources: {sentence}"

    presets = run("generate", "--presets", "pods", "--config", "acme.yaml")
    assert presets == (2, "", f"podwright generate: {line}")
    config = str(tmp_path / "acme.yaml")
    words = ("plan", "-t", "r.example/app:1", "--builder", "kaniko")
    planned = run(*words, env={"PODWRIGHT_CONFIG": config})
    assert planned == (2, "", f"podwright plan: {tmp_path}/{line}")
    # The repository's own counts more, and a request's more than both.
    own = DEFAULTS.partition("\n")[2]
    (tmp_path / ".podwright.yaml").write_text(own)
    repository = run(*words, env={"PODWRIGHT_CONFIG": config})
    told = f"podwright plan: .podwright.yaml:5:7: defaults.pod.resources: {sentence}"
    assert repository == (2, "", told)
    request = {"image": "r.example/app", "tags": ["1"], "builder": "kaniko"}
    resources = {"engine": {"limits": {"memory": "8Gi"}}}
    (tmp_path / "request.json").write_text(json.dumps({**request, "pod": {"resources": resources}}))
    asked = run("plan", "--request", "request.json", env={"PODWRIGHT_CONFIG": config})
    assert asked[2].startswith("podwright plan: request.json:1:")
    assert asked[2].endswith(f": pod.resources: {sentence}")
