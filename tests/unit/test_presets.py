"""An organisation renders its own presets: its config decides, and travels in the pods."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest

from podwright import cli
from podwright.console import Console

if TYPE_CHECKING:
    from pathlib import Path

PEM = "-----BEGIN CERTIFICATE-----\nMIIBnot+really\n-----END CERTIFICATE-----\n"
CONFIG = """\
builder: kaniko
builders: [kaniko, buildkit]
images:
  tools: mirror.example/python:3
registries:
  registry.example:
    ca: |
      -----BEGIN CERTIFICATE-----
      MIIBnot+really
      -----END CERTIFICATE-----
defaults:
  pod:
    confinement: unconfined
    nodeSelector: {disktype: ssd}
"""


def render(folder: Path, config: str) -> tuple[int, str]:
    """Run `podwright generate --presets`; gives exit code and what was said."""
    path = folder / "acme.yaml"
    path.write_text(config, encoding="utf-8")
    said = io.StringIO()
    console = Console(io.StringIO(), said, io.StringIO(), {})
    words = ["generate", "--presets", str(folder / "pods"), "--config", str(path)]
    return cli.run(words, console), said.getvalue()


def preset(folder: Path, name: str) -> dict[str, object]:
    """Read a rendered preset."""
    made: dict[str, object] = json.loads((folder / "pods" / f"{name}.json").read_text("utf-8"))
    return made


def test_only_allowed_strategies_get_presets(tmp_path: Path) -> None:
    assert render(tmp_path, CONFIG)[0] == 0
    names = sorted(path.name for path in (tmp_path / "pods").iterdir())
    assert names == [
        "auto.json",
        "buildkit.json",
        "choices.txt",
        "commands.json",
        "config.yaml",
        "default.json",
        "kaniko.json",
        "names.txt",
        "owner.txt",
    ]
    assert (tmp_path / "pods" / "config.yaml").read_text("utf-8") == CONFIG
    assert (tmp_path / "pods" / "names.txt").read_text("utf-8") == "auto, buildkit, kaniko\n"


def test_the_default_preset_is_that_of_the_organisation(tmp_path: Path) -> None:
    render(tmp_path, CONFIG)
    assert preset(tmp_path, "default") == preset(tmp_path, "kaniko")


def test_images_pod_defaults_certificates_and_the_config_itself_are_in_the_pod(
    tmp_path: Path,
) -> None:
    render(tmp_path, CONFIG)
    made = preset(tmp_path, "buildkit")
    spec = made["spec"]
    assert isinstance(spec, dict)
    agent, tools, _ = spec["containers"]
    assert agent == {"name": "jnlp"}
    assert tools["image"] == "mirror.example/python:3"
    assert {"name": "PODWRIGHT_CONFIG", "value": CONFIG} in tools["env"]
    assert spec["nodeSelector"] == {"disktype": "ssd"}
    assert spec["initContainers"][0]["securityContext"]["seccompProfile"] == {"type": "Unconfined"}
    metadata = made["metadata"]
    assert isinstance(metadata, dict)
    assert metadata["annotations"]["podwright.dev/ca-registry.example.crt"] == PEM


def test_a_path_of_certificates_cannot_travel(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(PEM, encoding="utf-8")
    code, said = render(tmp_path, "registries: {registry.example: {ca: ca.pem}}\n")
    assert code == 2
    assert said == (
        "podwright generate: registries.registry.example.ca: is a path, but the config travels in "
        "the pods without its files; write the certificates themselves into it\n"
    )


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (
            "builders: [kanico]\n",
            "acme.yaml:1:12: builders[0]: unknown builder 'kanico'; did you mean 'kaniko'?",
        ),
        (
            "images: {tool: x}\n",
            "acme.yaml:1:10: images.tool: unknown role 'tool'; did you mean 'tools'?",
        ),
    ],
)
def test_a_wrong_config_is_one_sentence(tmp_path: Path, config: str, sentence: str) -> None:
    code, said = render(tmp_path, config)
    assert code == 2
    assert said.splitlines()[-1].endswith(sentence)


def test_the_policy_and_the_engine_of_an_organisation_reach_the_pods(tmp_path: Path) -> None:
    config = (
        "policy: {profile: build-only, volume: shared}\n"
        "engine: {storageDriver: overlay2, acceptOld: true}\n"
    )
    assert render(tmp_path, config) == (0, render(tmp_path, config)[1])
    spec = preset(tmp_path, "dind-sidecar")["spec"]
    assert isinstance(spec, dict)
    authz, engine = spec["initContainers"]
    assert json.loads(authz["command"][-1]) == {"profile": "build-only", "volume": "shared"}
    assert {"name": "PODWRIGHT_STORAGE_DRIVER", "value": "overlay2"} in engine["env"]
    assert engine["args"][4:8] == ["yes", "podwright", "/var/lib/docker", "shared"]


def test_a_plugin_that_hangs_is_noticed(tmp_path: Path) -> None:
    render(tmp_path, "builders: [dind-sidecar]\n")
    spec = preset(tmp_path, "default")["spec"]
    assert isinstance(spec, dict)
    authz = spec["initContainers"][0]
    assert authz["livenessProbe"]["exec"]["command"][-1] == "probe"


def test_a_wrong_policy_is_one_sentence(tmp_path: Path) -> None:
    code, said = render(tmp_path, "policy: {profile: open}\nbuilders: [dind-sidecar]\n")
    assert code == 2
    assert said.endswith(
        "acme.yaml:1:10: policy.profile: unknown profile 'open'; "
        "known are build-only, compose, run\n"
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["--config", "x.yaml"],
            "--config: goes with --presets; say where the presets are written",
        ),
        (
            ["--presets", "pods", "--config", "x.yaml"],
            "--config: there is no file 'x.yaml'; correct the path",
        ),
        (["--presets", "file/pods"], "--presets: file/pods cannot be written: Not a directory"),
        (
            ["--root", "file"],
            (
                "--root: 'file' is not a checkout of podwright's repository; go there, or name "
                "--presets to render an organisation's presets"
            ),
        ),
    ],
)
def test_a_wrong_call_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], sentence: str
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    said = io.StringIO()

    code = cli.run(["generate", *words], Console(io.StringIO(), said, io.StringIO(), {}))

    assert (code, said.getvalue()) == (2, f"podwright generate: {sentence}\n")
