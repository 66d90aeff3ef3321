"""What a workspace says of itself, read from repositories that git itself made."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from podwright.workspace import (
    Facts,
    Source,
    inspect,
    path_state,
    source_of,
    web_address,
    without_credentials,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


DATE = 1764115200


def source(folder: Path) -> Source:
    """Read what is checked out in a folder."""
    return source_of(inspect(folder, {}), ".")


def git(folder: Path, *words: str, date: int = DATE) -> str:
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
            "GIT_COMMITTER_DATE": f"{date} +0100",
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

    assert source(folder) == Source(commit=commit, ref_name="main", date=DATE)


def test_a_folder_below_the_root(repository_and_commit: tuple[Path, str]) -> None:
    folder, commit = repository_and_commit
    (folder / "a").mkdir()

    assert source(folder / "a").commit == commit


def test_the_repository_of_the_context_counts(
    repository_and_commit: tuple[Path, str], tmp_path: Path
) -> None:
    """A checkout into a sub-folder; GIT_COMMIT is that of a shared library in Jenkins."""
    outer = tmp_path / "outer"
    outer.mkdir()
    commit = make(outer / "src")
    facts = inspect(outer, {"GIT_COMMIT": "1" * 40, "GIT_URL": "https://git.example/library"})

    assert source_of(facts, "src") == Source(commit=commit, ref_name="main", date=DATE)
    assert source_of(facts, ".") == Source()


def test_a_detached_head_has_no_branch(repository_and_commit: tuple[Path, str]) -> None:
    folder, commit = repository_and_commit
    git(folder, "checkout", "-q", "--detach")

    found = source(folder)

    assert (found.commit, found.ref_name, found.short_commit) == (commit, "", commit[:7])


def test_packed_refs(repository_and_commit: tuple[Path, str]) -> None:
    folder, commit = repository_and_commit
    git(folder, "checkout", "-q", "-b", "feature/a+b")
    git(folder, "pack-refs", "--all", "--prune")
    assert not (folder / ".git/refs/heads/feature").exists()

    assert source(folder) == Source(commit=commit, ref_name="feature/a+b", date=DATE)


@pytest.mark.parametrize("commits", [1, 40])
def test_packed_objects(tmp_path: Path, commits: int) -> None:
    """Jenkins fetches packs; commits in them may be stored as differences."""
    make(tmp_path)
    for number in range(commits):
        text = f"{number} " + "the same long text in each commit " * 40
        git(tmp_path, "commit", "-q", "--allow-empty", "-m", text, date=DATE + 1 + number)
    git(tmp_path, "gc", "-q", "--aggressive", "--prune=now")
    packs = list((tmp_path / ".git/objects/pack").glob("*.pack"))
    assert len(packs) == 1

    for number in range(commits):
        git(tmp_path, "checkout", "-q", "--detach", f"main~{commits - 1 - number}")
        assert source(tmp_path).date == DATE + 1 + number


def test_a_clone_that_borrows_objects(
    repository_and_commit: tuple[Path, str], tmp_path: Path
) -> None:
    folder, commit = repository_and_commit
    git(tmp_path, "clone", "-q", "--shared", str(folder), "borrower")

    assert source(tmp_path / "borrower") == Source(commit=commit, ref_name="main", date=DATE)


def test_a_worktree(repository_and_commit: tuple[Path, str], tmp_path: Path) -> None:
    folder, commit = repository_and_commit
    git(folder, "remote", "add", "origin", "https://git.example/app")
    git(folder, "worktree", "add", "-q", "-b", "other", str(tmp_path / "tree"))

    expected = Source(commit, "https://git.example/app", "other", DATE)
    assert source(tmp_path / "tree") == expected


def test_a_submodule(repository_and_commit: tuple[Path, str], tmp_path: Path) -> None:
    folder, commit = repository_and_commit
    outer = tmp_path / "outer"
    make(outer)
    git(outer, "submodule", "--quiet", "add", str(folder), "inner")
    assert (outer / "inner/.git").is_file()

    found = source(outer / "inner")
    assert (found.commit, found.date) == (commit, DATE)


def test_a_sha256_repository(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main", "--object-format=sha256")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "x")

    expected = git(tmp_path, "rev-parse", "HEAD")
    assert source(tmp_path) == Source(commit=expected, ref_name="main", date=DATE)


def test_a_broken_object_costs_the_date_alone(repository_and_commit: tuple[Path, str]) -> None:
    folder, commit = repository_and_commit
    loose = folder / ".git/objects" / commit[:2] / commit[2:]
    loose.chmod(0o644)
    loose.write_bytes(b"no zlib stream")

    assert source(folder) == Source(commit=commit, ref_name="main")


def test_head_of_a_reftable_repository_names_no_branch(
    repository_and_commit: tuple[Path, str],
) -> None:
    folder, _ = repository_and_commit
    (folder / ".git/HEAD").write_text("ref: refs/heads/.invalid\n")

    assert source(folder) == Source()


def pull_request(tmp_path: Path) -> tuple[Path, str]:
    """Make a checkout as Jenkins makes it for a pull request; gives the request's head as well."""
    folder = tmp_path / "app"
    make(folder)
    git(folder, "checkout", "-q", "-b", "feature")
    git(folder, "commit", "-q", "--allow-empty", "-m", "of the request")
    head = git(folder, "rev-parse", "HEAD")
    git(folder, "update-ref", "refs/remotes/origin/PR-7", head)
    git(folder, "checkout", "-q", "main")
    git(folder, "commit", "-q", "--allow-empty", "-m", "of the target")
    git(folder, "update-ref", "refs/remotes/origin/main", "HEAD")
    git(folder, "checkout", "-q", "--detach", head)
    return folder, head


@pytest.mark.parametrize("packed", [False, True])
def test_a_merge_that_only_jenkins_has_is_told_as_the_head_of_the_request(
    tmp_path: Path, *, packed: bool
) -> None:
    folder, head = pull_request(tmp_path)
    git(folder, "merge", "-q", "--no-ff", "-m", "Jenkins merges", "refs/remotes/origin/main")
    if packed:
        git(folder, "pack-refs", "--all")
        git(folder, "gc", "-q")

    assert git(folder, "rev-parse", "HEAD") != head
    assert source(folder).commit == head


def test_a_merge_that_was_pushed_is_itself(tmp_path: Path) -> None:
    folder, _ = pull_request(tmp_path)
    git(folder, "merge", "-q", "--no-ff", "-m", "merged by hand", "refs/remotes/origin/main")
    merge = git(folder, "rev-parse", "HEAD")
    assert source(folder).commit != merge
    git(folder, "update-ref", "refs/remotes/origin/PR-7", "HEAD")

    assert source(folder).commit == merge


REMOTES = {
    "https://git.example/team/app.git": "https://git.example/team/app",
    "https://user:secret@git.example/team/app": "https://git.example/team/app",
    "git@git.example:team/app.git": "https://git.example/team/app",
    "ssh://git@git.example:2222/team/app.git": "https://git.example/team/app",
    "ssh://git.example/app": "https://git.example/app",
    "/srv/git/app.git": "",
    "file:///srv/git/app.git": "",
    "../app": "",
}


@pytest.mark.parametrize("remote", REMOTES)
def test_a_remote_is_told_as_the_address_that_people_can_open(remote: str) -> None:
    assert web_address(remote) == REMOTES[remote]


def test_jenkins_tells_the_branch_the_build_and_the_pod(tmp_path: Path) -> None:
    env = {
        "BRANCH_NAME": "PR-1",
        "BUILD_URL": "https://jenkins.example/1/",
        "BUILD_TAG": "jenkins-1",
        "SOURCE_DATE_EPOCH": "1700000000",
        "PODWRIGHT_ENGINE_REGISTRIES": "{}",
        "PODWRIGHT_BUILDER": "kaniko",
    }

    assert inspect(tmp_path, env) == Facts(
        root=str(tmp_path),
        within=str(tmp_path),
        ref_name="PR-1",
        build_url="https://jenkins.example/1/",
        build_id="jenkins-1",
        epoch=1700000000,
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

    assert source(folder).commit in ("", commit)


@pytest.mark.parametrize("text", ["nonsense", "gitdir: /no/such/place", "gitdir: .git", ""])
def test_a_git_file_that_leads_nowhere_is_no_error(tmp_path: Path, text: str) -> None:
    (tmp_path / ".git").write_text(text)

    assert source(tmp_path).commit == ""


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
    assert source(folder).url == web_address(clean)


def test_a_remote_of_this_machine_is_no_source(repository_and_commit: tuple[Path, str]) -> None:
    folder, _ = repository_and_commit
    git(folder, "remote", "add", "origin", "/srv/git/app")

    assert source(folder).url == ""


def test_paths_are_told_apart(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "folder").mkdir(parents=True)
    (root / "file").touch()
    (tmp_path / "secret").touch()
    (root / "out").symlink_to(tmp_path / "secret")
    (root / "in").symlink_to("file")
    (root / "loop").symlink_to("loop")

    found = {
        path: path_state(Facts(root=str(root)), path)
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


def test_paths_are_bound_by_the_workspace_that_the_folder_lies_in(tmp_path: Path) -> None:
    (tmp_path / "ws" / "svc").mkdir(parents=True)
    (tmp_path / "ws" / "file").touch()
    (tmp_path / "other").mkdir()
    inner, workspace = tmp_path / "ws" / "svc", str(tmp_path / "ws")

    in_jenkins = inspect(inner, {"WORKSPACE": workspace})
    assert [path_state(in_jenkins, path) for path in ("..", "../file", "../../other")] == [
        "folder",
        "file",
        "outside",
    ]
    # A workspace elsewhere is another's.
    assert path_state(inspect(inner, {"WORKSPACE": str(tmp_path / "other")}), "..") == "outside"
    assert path_state(inspect(inner, {}), "..") == "outside"
    (tmp_path / "ws" / ".git").mkdir()
    assert path_state(inspect(inner, {}), "..") == "folder"
