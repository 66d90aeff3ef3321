"""Leaves out the build of a large context in which nothing has changed.

Before a builder is sent anything, the script (prelude.sh, ``pw_unchanged``) has the planner compare
what would be built with what was: Dockerfile, options, the digests of base images, and the context.
Where all of it is the same, the image that was built gets this build's labels and tags, which is
what a builder with all steps in its cache ends with. What was built is kept as an image of its own
(``pw_keep``): its layers, with labels that say what they were made from (docs/decisions/0022).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import time
from pathlib import Path

from podwright import __version__
from podwright.contexts import Ignores, Tree
from podwright.described import PATIENCE, login
from podwright.distribution.client import Client
from podwright.distribution.indexing import config, own_image
from podwright.distribution.repository import INDEXES, Manifest, Repository, digest_of
from podwright.errors import PodwrightError
from podwright.records import record
from podwright.references import Name
from podwright.request import Registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

# Labels of what is kept: what it was made from and when, and the digest of the image itself.
_PREFIX = "dev.podwright.cache."
_OPTIONS, _SIZE, _CONTEXT, _TIME, _IMAGE = (
    _PREFIX + name for name in ("options", "size", "context", "time", "image")
)
# Seconds in which a context must be read: while the builder waits, and while it works.
_WAITS, _WORKS = 15.0, 600.0
# Seconds: as long as kaniko's cache lasts (GoogleContainerTools/kaniko, `--cache-ttl`).
_LASTS = 14 * 86400
# What comes of what is not there, is refused, or is no image's config at all.
_BROKEN = (OSError, PodwrightError, ValueError, TypeError, LookupError, AttributeError)


@record
class Question:
    """What the script asks.

    Attributes:
        room: directory of the question, with the build's logins.
        asked: what was planned (:func:`podwright.compared.question`).
        env: of the planner.
    """

    room: Path
    asked: dict[str, Any]
    env: Mapping[str, str]

    @property
    def context(self) -> Tree:
        """Give the context."""
        return Tree(self.asked["context"], Ignores(self.asked["ignores"]))

    def repository(self, place: dict[str, Any], *, write: bool = False) -> Repository:
        """Give a repository, by the logins of the build."""
        name = Name(place["registry"], place["path"])
        setting, known = Registry(**place["setting"]), login(self.room, name, self.env)
        client = Client(name.registry, setting, known, PATIENCE, PATIENCE)
        return Repository(client, name.path, write=write)

    def put(self, repository: Repository, manifest: Manifest, tag: str) -> None:
        """Put an image under a tag, unless nobody waits for it any more.

        Raises:
            PodwrightError: the registry does not take it, or the build has ended.
        """
        if not self.room.exists():
            raise PodwrightError("the build has ended")
        repository.put(manifest, tag)

    def bases(self) -> list[tuple[Repository, str]]:
        """Give which images the bases are now, by repository and digest.

        Raises:
            PodwrightError: nobody tells which image one is.
        """
        return [self._base(base) for base in self.asked["bases"]]

    def options(self, bases: list[tuple[Repository, str]]) -> str:
        """Give the digest of all that makes the image, but of the context and the labels' values.

        Raises:
            OSError: the Dockerfile cannot be read.
        """
        text = hashlib.sha256(Path(self.asked["dockerfile"]).read_bytes()).hexdigest()
        named = [(base["name"], it[1]) for base, it in zip(self.asked["bases"], bases)]
        given = [self.asked["options"], self.asked["ignores"], sorted(self.asked["labels"])]
        made = json.dumps([__version__, os.uname().machine, text, given, named])
        return hashlib.sha256(made.encode()).hexdigest()

    def is_made_of(self, bases: list[tuple[Repository, str]], described: dict[str, Any]) -> bool:
        """Say whether an image is made of its bases, by no step but those of its Dockerfile.

        A base may have steps for images that are made from it (ONBUILD); and a builder may have
        taken another one, from a mirror that nobody has told of: its layers are not below then.
        """
        configs = [
            config(repository, own_image(repository, repository.get(digest)))
            for repository, digest in bases
        ]
        if any((item.get("config") or {}).get("OnBuild") for item in configs):
            return False
        below = configs[0]["rootfs"]["diff_ids"] if self.asked["layered"] else []
        return bool(described["rootfs"]["diff_ids"][: len(below)] == below)

    def _base(self, base: dict[str, Any]) -> tuple[Repository, str]:
        """Give which image a base is: the first place that has it tells, as builders ask them."""
        for place in base["places"][:-1]:
            with contextlib.suppress(PodwrightError):
                return self._told(base, place)
        return self._told(base, base["places"][-1])

    def _told(self, base: dict[str, Any], place: dict[str, Any]) -> tuple[Repository, str]:
        repository, reference = self.repository(place), base["reference"]
        is_digest = reference.startswith("sha256:")
        return repository, reference if is_digest else repository.digest(reference)


def _question(room: Path, env: Mapping[str, str]) -> Question:
    return Question(room, json.loads((room / "asked.json").read_text(encoding="utf-8")), env)


def answer(room: Path, env: Mapping[str, str]) -> Callable[[], None] | None:
    """Answer with the digest of the image, when nothing has changed.

    Returns:
        else what there is to do while the image is built: to find out what it is built from.
    """
    ask = _question(room, env)
    try:
        (size, stamp), options = ask.context.look(), ask.options(ask.bases())
    except (OSError, PodwrightError):
        return None  # the builder will say what is wrong, if anything is
    known = {_OPTIONS: options, _SIZE: size}
    # What is kept may be anybody's, or broken: then it is built, and kept anew.
    with contextlib.suppress(*_BROKEN):
        if _reuse(ask, known):
            return None
    if not ask.asked["write"] or not room.exists():
        return None
    (room / "stays").touch()
    return lambda: _remember(ask, {**known, "stamp": stamp})


def _reuse(ask: Question, known: dict[str, str]) -> bool:
    """Tag what was built from the same; the context is read when all else is the same."""
    repository = ask.repository(ask.asked, write=True)
    for tag in ask.asked["read"]:
        found = repository.find(tag)
        if not found or found.media in INDEXES:
            continue
        described = config(repository, found)
        labels = _labels(described)
        fresh = time.time() - float(labels.get(_TIME, 0)) < _LASTS
        if not fresh or any(labels.get(key) != value for key, value in known.items()):
            continue
        same = labels.get(_CONTEXT) == ask.context.digest(_WAITS)
        if same and _is_whole(repository, found):
            _tag(ask, repository, found, described)
            return True
        return False
    return False


def _is_whole(repository: Repository, manifest: Manifest) -> bool:
    return all(repository.has_blob(blob["digest"]) for blob in manifest.blobs)


def _labels(described: dict[str, Any]) -> dict[str, str]:
    return dict((described.get("config") or {}).get("Labels") or {})


def _labelled(
    repository: Repository,
    manifest: Manifest,
    described: dict[str, Any],
    labels: Mapping[str, str],
) -> Manifest:
    """Give the same image with other labels; what it says of itself is changed to that."""
    had = _labels(described)
    for key, label in labels.items():
        for step in described.get("history") or () if had.get(key, label) != label else ():
            step.update(_retold(step, key, had[key], label))
    described["config"] = {**(described.get("config") or {}), "Labels": dict(labels)}
    blob = repository.put_blob(json.dumps(described).encode())
    value = manifest.value
    content = json.dumps({**value, "config": {**value["config"], **blob}}).encode()
    return Manifest(digest_of(content), manifest.media, content)


def _retold(step: dict[str, Any], key: str, had: str, value: str) -> dict[str, str]:
    """Give what a step of the history says with a label's other value: some builders have one."""
    said = step.get("created_by") or ""
    if not step.get("empty_layer") or not re.search(r"\bLABEL\b", said):
        return {}
    said = said.replace(f'"{key}"="{had}"', f'"{key}"="{value}"')
    words = [f"{key}={value}" if word == f"{key}={had}" else word for word in said.split(" ")]
    return {"created_by": " ".join(words)}


def _tag(ask: Question, repository: Repository, kept: Manifest, described: dict[str, Any]) -> None:
    """Put an image that is there under this build's tags, with its labels; tells its digest."""
    all_labels = _labels(described)
    had = {key: value for key, value in all_labels.items() if not key.startswith(_PREFIX)}
    wanted = {**had, **{key: _filled(value) for key, value in ask.asked["labels"].items()}}
    before = repository.find(all_labels[_IMAGE]) if wanted == had else None
    made = before or _labelled(repository, kept, described, wanted)
    for tag in ask.asked["tags"]:
        ask.put(repository, made, tag)
    (ask.room / "digest").write_text(made.digest, encoding="utf-8")


def _filled(value: str | None) -> str:
    """Give a label's value; None is the time, where no commit has one."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()) if value is None else value


def _remember(ask: Question, known: dict[str, str]) -> None:
    """Leave what is built from for its end; what cannot be read is not remembered."""
    with contextlib.suppress(OSError):
        made = ask.room / ".known"
        text = json.dumps({**known, _CONTEXT: ask.context.digest(_WORKS)})
        made.write_text(text, encoding="utf-8")
        made.rename(ask.room / "known.json")


def keep(room: Path, env: Mapping[str, str]) -> None:
    """Keep what was built, unless its context, Dockerfile or a base has changed while it was.

    Args:
        room: of the question at the end of the build, with its logins, what is known of the
            build and its digest.
        env: of the planner.
    """
    # Without it the next build takes longer, and no more.
    with contextlib.suppress(*_BROKEN):
        _keep(_question(room, env))


def _keep(ask: Question) -> None:
    known = json.loads((ask.room / "known.json").read_text(encoding="utf-8"))
    digest = (ask.room / "digest").read_text(encoding="utf-8").strip()
    if known.pop("stamp") != ask.context.look()[1]:
        return
    bases = ask.bases()
    if known[_OPTIONS] != ask.options(bases):
        return
    repository = ask.repository(ask.asked, write=True)
    pushed = repository.get(digest)
    if pushed.media in INDEXES:
        return
    described = config(repository, pushed)
    if not ask.is_made_of(bases, described):
        return
    own = {**known, _TIME: str(int(time.time())), _IMAGE: digest}
    made = _labelled(repository, pushed, described, {**_labels(described), **own})
    ask.put(repository, made, ask.asked["write"])
