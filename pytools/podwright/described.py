"""Tells what was pushed, as the registry has it: platforms with digests and sizes.

The script (prelude.sh, ``pw_describe``) leaves ``asked.json`` and its logins in a directory, and
gets ``described.json``, a part of the build's result, and ``summary``, a line for the log. When the
registry cannot be asked from here there is neither: the image is there all the same.
"""

from __future__ import annotations

import json

from podwright.distribution.client import Client, Login
from podwright.distribution.client import prepare as prepare  # noqa: PLC0414 - for the planner
from podwright.distribution.indexing import config, index_of, is_about_another, shown_platform
from podwright.distribution.logins import login_for
from podwright.distribution.repository import Repository
from podwright.errors import PodwrightError
from podwright.loginfiles import file_name
from podwright.references import Name, auth_key
from podwright.request import Registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

ASKED = "pushed"  # what the script leaves for `podwright answer`: the path of the directory
PATIENCE = 5.0  # seconds; a build does not wait long for a summary


def answer(room: Path, env: Mapping[str, str]) -> None:
    """Write the answer beside the question."""
    asked = json.loads((room / "asked.json").read_text(encoding="utf-8"))
    name = Name(asked["registry"], asked["path"])
    client = Client(name.registry, Registry(**asked["setting"]), login(room, name, env), PATIENCE)
    if (room / "parts").exists():
        _join(room, Repository(client, name.path, write=True), asked["tags"])
        return
    digest = (room / "digest").read_text(encoding="utf-8").strip()
    try:
        described = describe(Repository(client, name.path), digest)
    except PodwrightError:
        return
    text = json.dumps(described)[1:-1]
    (room / "described.json").write_text(f"{text}\n", encoding="utf-8")
    size = shown_size(described["size"])
    platforms = ", ".join(described["platforms"])
    (room / "summary").write_text(f"size: {size}, compressed; {platforms}\n", encoding="utf-8")


def _join(room: Path, repository: Repository, tags: list[str]) -> None:
    """Put images of one platform each under their tags, as one index; tells its digest."""
    try:
        listed = (room / "parts").read_text("utf-8").splitlines()
        index = index_of(repository, [repository.get(digest) for digest in listed])
        for tag in tags:
            repository.put(index, tag)
    except PodwrightError as error:
        (room / "error").write_text("\n".join(error.problems), encoding="utf-8")
        return
    (room / "digest").write_text(index.digest, encoding="utf-8")


def login(room: Path, name: Name, env: Mapping[str, str]) -> Login:
    """Give the login that the build had: of its helper, of its config file, or of the person."""
    answered = room / "answers" / file_name(auth_key(name.registry))
    if answered.exists():
        found = json.loads(answered.read_text(encoding="utf-8"))
        return Login(found["Username"], found["Secret"])
    if (room / "config.json").exists():
        env = {"DOCKER_CONFIG": str(room)}
    return login_for(name, (), env, "push")


def describe(repository: Repository, digest: str) -> dict[str, Any]:
    """Give media type, size, and per platform digest and size.

    Raises:
        PodwrightError: the registry does not give it.
    """
    top = repository.get(digest)
    parts = [
        (repository.get(child["digest"]), child.get("platform"))
        for child in top.children
        if not is_about_another(child)
    ] or [(top, None)]
    manifests = [
        {
            "platform": shown_platform(platform or config(repository, manifest)),
            "digest": manifest.digest,
            "size": sum(int(blob["size"]) for blob in manifest.blobs),
        }
        for manifest, platform in parts
    ]
    manifests.sort(key=lambda item: str(item["platform"]))
    return {
        "platforms": [item["platform"] for item in manifests],
        "mediaType": top.media,
        "size": sum(item["size"] for item in manifests),
        "manifests": manifests,
    }


def shown_size(size: float) -> str:
    """Write an amount of bytes."""
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:  # noqa: PLR2004 - the step between units
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB"
