"""What the workspace says of itself: the commit, where it came from, which files are there.

Reads `.git` without git, because the planner's image is a plain python one. Sources: gitrepository-
layout(5) for HEAD, refs, packed-refs, worktrees (`commondir`) and `.git` files of submodules.
"""

from __future__ import annotations

import re
import stat
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from podwright.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


@record
class Facts:
    """What a plan may know of the world; everything else is in the request and the config.

    Attributes:
        root: the directory that relative paths of the request start from.
        commit: full hash of the checked out commit, '' without git.
        source: URL of the repository, without credentials.
        ref_name: branch or tag.
        build_url: where the build can be looked at.
        build_id: unique text of this build, e.g. Jenkins' BUILD_TAG.
        engine_registries: the registry settings that the pod's engine was started with, as JSON;
            None where no pod is known (a laptop, an agent).
        pod_builder: the strategy of the pod that this runs in, '' outside of pods.
    """

    root: str = "."
    commit: str = ""
    source: str = ""
    ref_name: str = ""
    build_url: str = ""
    build_id: str = ""
    engine_registries: str | None = None
    pod_builder: str = ""

    @property
    def short_commit(self) -> str:
        """Give the hash as `git rev-parse --short` would, in a repository of usual size."""
        return self.commit[:7]


def inspect(root: Path, env: Mapping[str, str]) -> Facts:
    """Collect the facts of a workspace.

    Args:
        root: the directory in which the step was called.
        env: the build's environment (GIT_COMMIT, GIT_URL, BRANCH_NAME, BUILD_URL...). What the
            checkout itself says of the commit wins over GIT_COMMIT, which a second checkout leaves
            behind.
    """
    git = _git_dir(root)
    commit, branch = _head_of(git) if git else ("", "")
    source = (_origin_url(git) if git else "") or env.get("GIT_URL", "")
    return Facts(
        root=str(root),
        commit=commit or env.get("GIT_COMMIT", ""),
        source=without_credentials(source) if _is_url(source) else "",
        ref_name=env.get("TAG_NAME") or env.get("BRANCH_NAME") or branch,
        build_url=env.get("BUILD_URL", ""),
        build_id=env.get("BUILD_TAG", ""),
        engine_registries=env.get("PODWRIGHT_ENGINE_REGISTRIES"),
        pod_builder=env.get("PODWRIGHT_BUILDER", ""),
    )


def path_state(root: str, path: str) -> str:
    """Say what a path of the request is: 'file', 'folder', 'missing', 'outside' or 'closed'.

    Links are followed first: a context that leads out of the workspace would send files of the
    agent, such as other builds' secrets, into an image.
    """
    try:
        base = Path(root).resolve()
        full = (base / path).resolve()
        if full != base and base not in full.parents:
            return "outside"
        mode = full.stat().st_mode
    except PermissionError:
        return "closed"
    except (OSError, RuntimeError):
        # Nothing is there, a name that is too long, links that lead in a circle.
        return "missing"
    if stat.S_ISDIR(mode):
        return "folder"
    return "file" if stat.S_ISREG(mode) else "missing"


def instructions(root: str, path: str) -> frozenset[str]:
    """Name the instructions that a Dockerfile uses; lines of here-documents may add to them."""
    text = _read_text(Path(root) / path)
    return frozenset(
        word.upper() for word in re.findall(r"^[ \t]*([A-Za-z]+)[ \t]", text, re.MULTILINE)
    )


def _is_url(text: str) -> bool:
    """Say whether a remote can be reached from elsewhere; a local path tells nobody anything."""
    return "://" in text or bool(re.match(r"[\w.-]+@[\w.-]+:", text))


def without_credentials(url: str) -> str:
    """Remove user and password from a URL; leaves `git@host:path` as it is.

    Returns:
        '' when it cannot be told where a password ends: one with an unescaped '/', '?' or '#'
        leaves its rest, and an '@', behind what counts as the host.
    """
    if "://" not in url:
        return url
    try:
        parts = urlsplit(url)
    except ValueError:  # a '[' without its end
        return ""
    if "@" in url.partition("://")[2][len(parts.netloc) :]:
        return ""
    host = parts.netloc.rsplit("@", 1)[-1]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def _git_dir(root: Path) -> Path | None:
    """Find `.git`, in this directory or above; follows the `gitdir:` file of a worktree."""
    for folder in (root.resolve(), *root.resolve().parents):
        found = folder / ".git"
        if found.is_dir():
            return found
        if found.is_file():
            text = _read_text(found)
            return (folder / text[8:]).resolve() if text.startswith("gitdir: ") else None
    return None


def _head_of(git: Path) -> tuple[str, str]:
    """Give commit and branch of HEAD; '' for what cannot be told."""
    head = _read_text(git / "HEAD")
    if not head.startswith("ref: "):
        return (head if _COMMIT.fullmatch(head) else ""), ""
    ref = head[5:]
    branch = ref[11:] if ref.startswith("refs/heads/") else ""
    for folder in (git, _shared_git_dir(git)):
        commit = _read_text(folder / ref)
        if _COMMIT.fullmatch(commit):
            return commit, branch
    packed = re.search(
        rf"^({_COMMIT.pattern}) {re.escape(ref)}$",
        _read_text(_shared_git_dir(git) / "packed-refs"),
        re.MULTILINE,
    )
    return (packed[1] if packed else ""), branch


def _shared_git_dir(git: Path) -> Path:
    """Give the directory with the refs that all worktrees share."""
    text = _read_text(git / "commondir")
    return (git / text).resolve() if text else git


def _origin_url(git: Path) -> str:
    """Give the URL of the remote `origin`; configparser would cost more than all other reading."""
    section = ""
    for line in map(str.strip, _read_text(_shared_git_dir(git) / "config").split("\n")):
        if line.startswith("["):
            section = line
        elif section == '[remote "origin"]':
            name, _, value = line.partition("=")
            if name.strip() == "url":
                # git quotes values that hold a '#' or a ';'.
                return value.strip().strip('"')
    return ""


def _read_text(path: Path) -> str:
    """Read a small file; '' when there is none."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
