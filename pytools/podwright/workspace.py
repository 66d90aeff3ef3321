"""What the workspace says of itself: the commit, where it came from, which files are there."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from podwright import dockerfile
from podwright.records import record, replace
from podwright.resources import LazyModule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from podwright import git
else:
    git = LazyModule("podwright.git")  # a pod is planned before anything is checked out


@record
class Facts:
    """What a plan may know of the world; everything else is in the request and the config.

    Attributes:
        root: the directory that relative paths of the request start from.
        within: the directory that no path may lead out of, '' for the root: Jenkins' workspace, or
            the checkout around the root.
        ref_name: branch or tag that Jenkins builds, '' outside of Jenkins.
        tag_name: the tag that Jenkins builds, '' for none.
        change_id: the pull request that Jenkins builds, '' for none.
        primary: whether Jenkins builds the project's main branch.
        build_url: where the build can be looked at.
        build_id: unique text of this build, e.g. Jenkins' BUILD_TAG.
        epoch: the value of SOURCE_DATE_EPOCH, seconds since 1970; None when it is not set.
        engine_registries: the registry settings that the pod's engine was started with, as JSON;
            None where no pod is known (a laptop, an agent).
        pod_builder: the strategy of the pod that this runs in, '' outside of pods.
        pod_pool: the pool of that pod, '' for none.
        proxy: the proxy for HTTPS that the environment names.
    """

    root: str = "."
    within: str = ""
    ref_name: str = ""
    tag_name: str = ""
    change_id: str = ""
    primary: bool = False
    build_url: str = ""
    build_id: str = ""
    epoch: int | None = None
    engine_registries: str | None = None
    pod_builder: str = ""
    pod_pool: str = ""
    proxy: str = ""


@record
class Source:
    """The commit that a context was checked out from; all of it is empty without git.

    Attributes:
        commit: full hash.
        url: where people can look at the repository, without credentials.
        ref_name: branch or tag.
        date: seconds since 1970 of the commit, None when it cannot be told.
    """

    commit: str = ""
    url: str = ""
    ref_name: str = ""
    date: int | None = None

    @property
    def short_commit(self) -> str:
        """Give the hash as `git rev-parse --short` would, in a repository of usual size."""
        return self.commit[:7]


def inspect(root: Path, env: Mapping[str, str]) -> Facts:
    """Collect the facts of a workspace.

    Args:
        root: the directory in which the step was called.
        env: the build's environment. Its GIT_COMMIT and GIT_URL are not asked: they may be those
            of a shared library (jenkinsci/workflow-job-plugin#788).
    """
    epoch = env.get("SOURCE_DATE_EPOCH", "")
    return Facts(
        root=str(root),
        within=str(_bounds(root.resolve(), env.get("WORKSPACE", ""))),
        ref_name=env.get("TAG_NAME") or env.get("BRANCH_NAME") or "",
        tag_name=env.get("TAG_NAME", ""),
        change_id=env.get("CHANGE_ID", ""),
        # The plugin branch-api sets it for that branch alone.
        primary=env.get("BRANCH_IS_PRIMARY") == "true",
        build_url=env.get("BUILD_URL", ""),
        build_id=env.get("BUILD_TAG", ""),
        epoch=int(epoch) if epoch.isascii() and epoch.isdecimal() else None,
        engine_registries=env.get("PODWRIGHT_ENGINE_REGISTRIES"),
        pod_builder=env.get("PODWRIGHT_BUILDER", ""),
        pod_pool=env.get("PODWRIGHT_POOL", ""),
        proxy=env.get("HTTPS_PROXY", ""),
    )


def source_of(facts: Facts, context: str) -> Source:
    """Find out what a context was checked out from, by the repository that holds it."""
    is_there = path_state(facts, context) == "folder"
    found = git.repository(Path(facts.root) / context) if is_there else None
    if not found:
        return Source(ref_name=facts.ref_name)
    return Source(
        commit=found.commit,
        url=web_address(found.origin),
        ref_name=facts.ref_name or found.branch,
        date=found.date,
    )


def _bounds(root: Path, workspace: str) -> Path:
    """Give what paths are bound by: the root may be a folder of the workspace (`dir('svc')`)."""
    outer = Path(workspace).resolve() if workspace else None
    if outer and (outer == root or outer in root.parents):
        return outer
    return git.work_tree(root) or root


def path_state(facts: Facts, path: str) -> str:
    """Say what a path of the request is: 'file', 'folder', 'missing', 'outside' or 'closed'.

    Links are followed first: a context that leads out of the workspace would send files of the
    agent, such as other builds' secrets, into an image.
    """
    try:
        base = Path(facts.within or facts.root).resolve()
        full = (Path(facts.root) / path).resolve()
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


def followed(facts: Facts, path: str) -> str:
    """Give a path without links: builders get what was looked at, and not all follow a link."""
    if not path or path_state(facts, path) not in ("file", "folder"):
        return path
    return os.path.relpath((Path(facts.root) / path).resolve(), Path(facts.root).resolve())


def read_dockerfile(
    root: str, path: str, arguments: Mapping[str, str], target: str = ""
) -> dockerfile.Dockerfile:
    """Read a Dockerfile of the workspace; an empty one when there is none."""
    text = git.read_text(Path(root) / path)
    found = dockerfile.read(text, arguments)
    return replace(found, cut=dockerfile.through(text, target)) if target else found


def web_address(remote: str) -> str:
    """Give where a browser finds a repository, as far as its remote tells; '' for a local path.

    Forges show a repository under the path that they serve it at, by ssh as well.
    """
    short = re.fullmatch(r"[\w.-]+@([\w.-]+):(?!//)(.+)", remote)
    if short:
        return f"https://{short[1]}/{short[2].strip('/')}".removesuffix(".git")
    if "://" not in remote or remote.startswith("file:"):
        return ""
    url = without_credentials(remote).rstrip("/").removesuffix(".git")
    found = re.fullmatch(r"(?:git\+)?ssh://([^/:]+)(?::\d+)?/(.+)", url)
    return f"https://{found[1]}/{found[2]}" if found else url


def without_credentials(url: str) -> str:
    """Remove user and password from a URL; leaves `git@host:path` as it is.

    Returns:
        '' when it cannot be told where a password ends: one with an unescaped '/', '?' or '#'
        leaves its rest, and an '@', behind what counts as the host.
    """
    if "://" not in url:
        return url
    from urllib.parse import urlsplit, urlunsplit  # noqa: PLC0415 - two milliseconds

    try:
        parts = urlsplit(url)
    except ValueError:  # a '[' without its end
        return ""
    if "@" in url.partition("://")[2][len(parts.netloc) :]:
        return ""
    host = parts.netloc.rsplit("@", 1)[-1]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))
