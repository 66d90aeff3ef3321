"""What a workspace says of itself, read from repositories that git itself made."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from podwright.workspace import Facts, inspect, path_state, without_credentials

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def git(folder: Path, *words: str) -> str:
    """Run git apart from this machine's own settings."""
    done = subprocess.run(
        ["git", "-c", "protocol.file.allow=always", *words],
        cwd=folder,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "a",
            "GIT_AUTHOR_EMAIL": "a@b",
            "GIT_COMMITTER_NAME": "a",
            "GIT_COMMITTER_EMAIL": "a@b",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def make(folder: Path) -> str:
    """Make a repository with one commit."""
    folder.mkdir(exist_ok=True)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "commit", "-q", "--allow-empty", "-m", "x")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def repository_and_commit(tmp_path: Path) -> tuple[Path, str]:
    folder = tmp_path / "repository"
    return folder, make(folder)


def test_a_branch(repository_and_commit: tuple[Path, str]) -> None:
    folder, commit = repository_and_commit

    assert inspect(folder, {}) == Facts(root=str(folder), commit=commit, ref_name="main")


def test_a_folder_below_the_root(repository_and_commit: tuple[Path, str]) -> None:
    folder, commit = repository_and_commit
    (folder / "a").mkdir()

    assert inspect(folder / "a", {}).commit == commit


def test_a_detached_head_has_no_branch(repository_and_commit: tuple[Path, str]) -> None:
    folder, commit = repository_and_commit
    git(folder, "checkout", "-q", "--detach")

    facts = inspect(folder, {})

    assert (facts.commit, facts.ref_name, facts.short_commit) == (commit, "", commit[:7])


def test_packed_refs(repository_and_commit: tuple[Path, str]) -> None:
    folder, commit = repository_and_commit
    git(folder, "checkout", "-q", "-b", "feature/a+b")
    git(folder, "pack-refs", "--all", "--prune")
    assert not (folder / ".git/refs/heads/feature").exists()

    facts = inspect(folder, {})

    assert (facts.commit, facts.ref_name) == (commit, "feature/a+b")


def test_a_worktree(repository_and_commit: tuple[Path, str], tmp_path: Path) -> None:
    folder, commit = repository_and_commit
    git(folder, "remote", "add", "origin", "https://git.example/app")
    git(folder, "worktree", "add", "-q", "-b", "other", str(tmp_path / "tree"))

    facts = inspect(tmp_path / "tree", {})

    assert (facts.commit, facts.ref_name) == (commit, "other")
    assert facts.source == "https://git.example/app"


def test_a_submodule(repository_and_commit: tuple[Path, str], tmp_path: Path) -> None:
    folder, commit = repository_and_commit
    outer = tmp_path / "outer"
    make(outer)
    git(outer, "submodule", "--quiet", "add", str(folder), "inner")
    assert (outer / "inner/.git").is_file()

    assert inspect(outer / "inner", {}).commit == commit


def test_a_sha256_repository(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--object-format=sha256")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "x")

    assert inspect(tmp_path, {}).commit == git(tmp_path, "rev-parse", "HEAD")


def test_what_the_checkout_says_wins_over_the_environment(
    repository_and_commit: tuple[Path, str],
) -> None:
    folder, commit = repository_and_commit
    git(folder, "remote", "add", "origin", "https://git.example/app")
    env = {"GIT_COMMIT": "f" * 40, "GIT_URL": "https://other.example/"}

    facts = inspect(folder, env)

    assert (facts.commit, facts.source) == (commit, "https://git.example/app")


def test_without_git_the_environment_tells(tmp_path: Path) -> None:
    env = {
        "GIT_COMMIT": "f" * 40,
        "GIT_URL": "https://git.example/app",
        "BRANCH_NAME": "PR-1",
        "BUILD_URL": "https://jenkins.example/1/",
        "BUILD_TAG": "jenkins-1",
        "PODWRIGHT_ENGINE_REGISTRIES": "{}",
        "PODWRIGHT_BUILDER": "kaniko",
    }

    assert inspect(tmp_path, env) == Facts(
        root=str(tmp_path),
        commit="f" * 40,
        source="https://git.example/app",
        ref_name="PR-1",
        build_url="https://jenkins.example/1/",
        build_id="jenkins-1",
        engine_registries="{}",
        pod_builder="kaniko",
    )


def test_a_tag_wins_over_a_branch(repository_and_commit: tuple[Path, str]) -> None:
    folder, _ = repository_and_commit

    assert inspect(folder, {"TAG_NAME": "v1", "BRANCH_NAME": "v1-x"}).ref_name == "v1"


@pytest.mark.parametrize(
    "break_it",
    [
        lambda git_dir: (git_dir / "HEAD").write_text("ref: refs/heads/none\n"),
        lambda git_dir: (git_dir / "HEAD").write_text("garbage\n"),
        lambda git_dir: (git_dir / "HEAD").write_bytes(b"\xff\xfe\x00"),
        lambda git_dir: (git_dir / "HEAD").unlink(),
        lambda git_dir: (git_dir / "config").write_text("[[[\nnonsense"),
        lambda git_dir: (git_dir / "refs/heads/main").write_text("zzz\n"),
    ],
)
def test_a_broken_repository_is_no_error(
    repository_and_commit: tuple[Path, str], break_it: Callable[[Path], object]
) -> None:
    folder, commit = repository_and_commit
    break_it(folder / ".git")

    assert inspect(folder, {}).commit in ("", commit)


@pytest.mark.parametrize("text", ["nonsense", "gitdir: /no/such/place", "gitdir: .git", ""])
def test_a_git_file_that_leads_nowhere_is_no_error(tmp_path: Path, text: str) -> None:
    (tmp_path / ".git").write_text(text)

    assert inspect(tmp_path, {}).commit == ""


@pytest.mark.parametrize(
    ("url", "clean"),
    [
        ("https://user:pass@git.example/a.git", "https://git.example/a.git"),
        ("https://token@git.example:8443/a", "https://git.example:8443/a"),
        ("https://git.example/a?access_token=x#y", "https://git.example/a"),
        ("ssh://git@git.example/a", "ssh://git.example/a"),
        ("https://u:p@ss@git.example/a", "https://git.example/a"),
        # Nobody can tell where these passwords end: rather no address than half a password.
        ("https://u:p@ss/w0rd@git.example/a", ""),
        ("https://u:pass/w0rd#x@git.example/a", ""),
        ("https://tok/en@git.example/a", ""),
        ("https://u:p?x@git.example/a", ""),
        ("https://u:p@[git.example/a", ""),
        ("git@git.example:team/a.git", "git@git.example:team/a.git"),
    ],
)
def test_credentials_in_urls_never_appear(
    repository_and_commit: tuple[Path, str], url: str, clean: str
) -> None:
    folder, _ = repository_and_commit
    git(folder, "remote", "add", "origin", url)

    assert without_credentials(url) == clean
    assert inspect(folder, {}).source == clean
    assert inspect(folder.parent, {"GIT_URL": url}).source == clean


def test_a_remote_of_this_machine_is_no_source(repository_and_commit: tuple[Path, str]) -> None:
    folder, _ = repository_and_commit
    git(folder, "remote", "add", "origin", "/srv/git/app")

    assert inspect(folder, {}).source == ""


def test_paths_are_told_apart(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "folder").mkdir(parents=True)
    (root / "file").touch()
    (tmp_path / "secret").touch()
    (root / "out").symlink_to(tmp_path / "secret")
    (root / "in").symlink_to("file")
    (root / "loop").symlink_to("loop")

    found = {
        path: path_state(str(root), path)
        for path in (
            ".", "folder", "file", "in", "none", "out", "..", "../root/file", str(root / "file"),
            "/etc/passwd", "file/below", "loop", "x" * 300, "ü",
        )
    }  # fmt: skip

    assert found == {
        ".": "folder",
        "folder": "folder",
        "file": "file",
        "in": "file",
        "none": "missing",
        "out": "outside",
        "..": "outside",
        "../root/file": "file",
        str(root / "file"): "file",
        "/etc/passwd": "outside",
        "file/below": "missing",
        "loop": "missing",
        "x" * 300: "missing",
        "ü": "missing",
    }
