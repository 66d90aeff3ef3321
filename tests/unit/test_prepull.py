"""The DaemonSet that has nodes pull the images of builds."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from podwright import cli, rules
from podwright.console import Console
from podwright.images import IMAGES
from podwright.pod import RESTRICTED

if TYPE_CHECKING:
    from pathlib import Path


def printed(*words: str, **env: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    code = cli.run(["prepull", *words], Console(out, err, io.StringIO(), env))
    return code, out.getvalue(), err.getvalue()


def made(*words: str, **env: str) -> dict[str, Any]:
    """Give the DaemonSet."""
    code, out, err = printed("--namespace", "builds", *words, **env)
    assert (code, err) == (0, "")
    found: dict[str, Any] = json.loads(out)
    return found


def commands(whole: dict[str, Any]) -> dict[str, list[str]]:
    """Give what each image is started with."""
    containers = whole["spec"]["template"]["spec"]["initContainers"]
    return {item["image"]: item["command"] for item in containers}


def test_every_image_of_the_pods_is_pulled_and_ends_at_once() -> None:
    found = commands(made())
    roles = ("buildah", "buildkit", "docker-cli", "docker-engine", "kaniko", "podman", "tools")
    assert set(found) == {IMAGES[role] for role in roles}
    shell = ["-c", "exit 0"]
    assert found[IMAGES["tools"]] == ["python3", "-I", "-c", "pass"]
    assert found[IMAGES["kaniko"]] == ["/busybox/sh", *shell]
    others = {name: command for name, command in found.items() if command[0] == "sh"}
    assert len(others) == len(found) - 2
    assert all(command == ["sh", *shell] for command in others.values())


def test_the_organisations_images_and_choice_are_taken(tmp_path: Path) -> None:
    config = tmp_path / "acme.yaml"
    config.write_text(
        "builders: [kaniko]\n"
        "images: {kaniko: 'mirror.example/kaniko:1', tools: 'mirror.example/py'}\n",
        encoding="utf-8",
    )
    whole = made("--config", str(config), "--image", "mirror.example/agent:1")
    assert commands(whole) == {
        "mirror.example/agent:1": ["sh", "-c", "exit 0"],
        "mirror.example/kaniko:1": ["/busybox/sh", "-c", "exit 0"],
        "mirror.example/py": ["python3", "-I", "-c", "pass"],
    }
    assert whole["metadata"]["namespace"] == "builds"
    assert commands(whole) == commands(
        made("--image", "mirror.example/agent:1", PODWRIGHT_CONFIG=str(config))
    )


def test_one_strategy_alone() -> None:
    assert set(commands(made("--builder", "buildah"))) == {IMAGES["buildah"], IMAGES["tools"]}


def test_its_pods_pass_restricted() -> None:
    spec = made()["spec"]["template"]["spec"]
    assert rules.level_of({"metadata": {}, "spec": spec}) == "restricted"
    for item in (*spec["initContainers"], *spec["containers"]):
        assert item["securityContext"] == RESTRICTED


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "the following arguments are required: --namespace"),
        (
            ("--namespace", "b", "--builder", "kanico"),
            "podwright prepull: --builder: 'kanico' has no pod by this config; there are buildah,",
        ),
    ],
)
def test_mistakes_are_told(
    words: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code, _, err = printed(*words)
    except SystemExit as ended:
        code, err = int(ended.code or 0), capsys.readouterr().err
    assert code == 2
    assert sentence in err
