"""`podwright init`: files that fit the repository that is found, and are right at once."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from test_cli import run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty git repository as the current directory."""
    root = tmp_path / "My_Shop"
    root.mkdir()
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    monkeypatch.chdir(root)
    return root


def test_one_dockerfile_is_one_image_named_after_the_repository(project: Path) -> None:
    (project / "Dockerfile").write_text("FROM scratch\n")
    (project / "package.json").write_text("{}")
    remote = "git@git.example:team/Shop.git"
    subprocess.run(["git", "remote", "add", "origin", remote], check=True)

    code, out, err = run("init")

    assert (code, out) == (0, "")
    assert err == (
        "wrote    Jenkinsfile\nwrote    .podwright.yaml\nwrote    .dockerignore\n"
        "next:    read them; the image is called registry.example/team/shop there: correct its "
        "registry; try `podwright plan`, then commit\n"
    )
    assert (project / "Jenkinsfile").read_text().partition("@Library")[2] == (
        "('podwright') _\n\n"
        "def built = buildImage(\n"
        "  credentials: 'registry-login', // the id of a \"Username with password\"\n"
        "  image: 'registry.example/team/shop',\n"
        ") {\n  checkout scm\n}\n"
        'echo "pushed ${built.reference}"\n'
    )
    assert "node_modules" in (project / ".dockerignore").read_text().splitlines()
    # Nobody has said where the registry is: a build must not wait for it.
    config = (project / ".podwright.yaml").read_text()
    assert "\n  # cache: registry.example/team/shop/cache\n" in config
    assert "cache     none: " in run("plan", "-t", "registry.example/team/shop:1")[1]

    (project / ".podwright.yaml").unlink()
    run("init", "-t", "r.example/team/shop")
    planned = run("plan", "-t", "r.example/team/shop:1")[1].splitlines()
    assert "cache     r.example/team/shop/cache (read and written)" in planned


def test_several_dockerfiles_are_several_images(project: Path) -> None:
    for path in ("api/Dockerfile", "web/Dockerfile", "tools/lint.Dockerfile", "vendor/Dockerfile"):
        (project / path).parent.mkdir(exist_ok=True)
        (project / path).write_text("FROM scratch\n")
    (project / "api/go.mod").touch()

    run("init", "-t", "r.example/shop", "--credentials", "hub")

    text = (project / "Jenkinsfile").read_text()
    assert text.partition("images: [\n")[2].partition("  ],")[0] == (
        "    [image: 'r.example/shop/api', context: 'api'],\n"
        "    [image: 'r.example/shop/tools-lint', context: 'tools', "
        "dockerfile: 'tools/lint.Dockerfile'],\n"
        "    [image: 'r.example/shop/web', context: 'web'],\n"
    )
    assert "credentials: 'hub'" in text
    assert "*.test" in (project / "api/.dockerignore").read_text()
    assert "*.test" not in (project / "web/.dockerignore").read_text()


def test_what_is_there_stays(project: Path) -> None:
    (project / "Dockerfile").write_text("FROM scratch\n")
    (project / "Jenkinsfile").write_text("mine\n")

    assert run("init")[2].splitlines()[:2] == [
        "kept     Jenkinsfile, which is there",
        "wrote    .podwright.yaml",
    ]
    assert (project / "Jenkinsfile").read_text() == "mine\n"


def test_nothing_to_build_is_one_sentence(project: Path) -> None:
    assert run("init") == (
        2,
        "",
        "podwright init: there is no Dockerfile in this folder or below; write one first\n",
    )


def test_the_files_can_be_looked_at_first(project: Path) -> None:
    (project / "Dockerfile").write_text("FROM scratch\n")

    assert run("init", "--show")[1].startswith("# Jenkinsfile\n// Builds and pushes registry.ex")
    assert not (project / "Jenkinsfile").exists()
