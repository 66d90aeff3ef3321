"""Which builds begin with a comparison, and what is asked for it (docs/decisions/0022).

A build is left out when nothing has changed (:mod:`podwright.unchanged`): so in doubt it is asked
for nothing, and the builder does what it always does.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from podwright import caches, git
from podwright.contexts import Ignores, Tree
from podwright.records import fields, replace
from podwright.references import parse_name, tag_like
from podwright.shell import Expand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.builders._base import Build, Strategy
    from podwright.request import Cache

# From so many steps on a builder takes longer to find each of them in its cache than a comparison
# takes (docs/reference/performance.md, thirty steps).
MANY_STEPS = 20
# Build arguments by which a Dockerfile is read by something else.
_FRONTENDS = "BUILDKIT_"


def question(
    asked: Cache | None, build: Build, name: str, strategy: Strategy
) -> dict[str, Any] | None:
    """Give what is asked before what takes a builder long even unchanged; None where it is built.

    Args:
        asked: the cache as it was asked for.
        build: with everything that was worked out for it.
        name: of the strategy.
        strategy: which builds it.
    """
    if not _is_usual(asked, build) or not _is_certain(build) or strategy.elsewhere(build):
        return None
    try:
        bases = [_base(base, build) for base in (*build.content.bases, *build.content.sources)]
    except ValueError:  # what is no name here may be one to a builder
        return None
    ignores, root = _ignores(build), Path(build.facts.root)
    context = str(root / build.image.context)
    many = build.content.steps >= MANY_STEPS
    if not many and not Tree(context, Ignores(ignores)).is_large():
        return None
    tags, cache = _tags(build), build.image.cache
    labels = build.labels.items()
    return {
        **build.place(),
        "tags": build.tags,
        "read": tags,
        "write": tags[0] if cache and cache.write else "",
        "context": context,
        "ignores": ignores,
        "dockerfile": str(root / build.dockerfile),
        "options": _options(build, name),
        # The one that a shell works out is the time.
        "labels": {key: None if isinstance(value, Expand) else value for key, value in labels},
        "bases": bases,
        "layered": build.content.stages == 1 and bool(build.content.bases),
    }


def _is_usual(asked: Cache | None, build: Build) -> bool:
    """Say whether the image alone is wanted, and its cache is in the usual place, in a pod.

    Elsewhere a builder keeps its own storage, and there is no process that answers beside it.
    """
    image = build.image
    usual = asked and asked.enabled and asked.compare and asked.type in ("", "registry")
    place = usual and asked and not asked.ref and not asked.read and build.facts.pod_builder
    more = image.output or image.buildContexts or image.platforms[1:] or build.common.part
    return bool(place and image.push and image.pull and not more)


def _is_certain(build: Build) -> bool:
    """Say whether an image is made of its context and of images alone, and kept for long.

    What is fetched by its address, or read by another frontend, may be something else today. The
    daemons of a pool may be of another architecture than who asks.
    """
    image, content = build.image, build.content
    options = [option for given in image.builderOptions.values() for option in given]
    lasting = not any("cache" in option for option in options)
    frontends = any(name.startswith(_FRONTENDS) for name in image.buildArgs)
    here = bool(image.platforms or not build.facts.pod_pool)
    known = content.certain and content.plain and content.stages and not content.fetches
    return bool(known and here and lasting and not frontends)


def _ignores(build: Build) -> str:
    """Give the ignore file that all builders read; '' where one has a file of its own."""
    root, context = Path(build.facts.root), build.image.context
    own = (f"{context}/.containerignore", f"{build.dockerfile}.containerignore")
    if any((root / path).exists() for path in own):
        return ""
    return git.read_text(root / (build.ignorefile or f"{context}/.dockerignore"))


def _tags(build: Build) -> list[str]:
    """Give the tags of what was built last, a branch's own and the main branch's.

    Images of one repository that are made by other Dockerfiles or stages have their own.
    """
    image, facts = build.image, build.facts
    which = [image.context, image.dockerfile, image.target, list(image.platforms)]
    common = "cache.whole"  # no branch's own cache has such a name
    if which != [".", "", "", []]:
        common += f"-{hashlib.sha256(json.dumps(which).encode()).hexdigest()[:8]}"
    if caches.is_main(facts):
        return [common]
    return [tag_like(f"{common}-{facts.ref_name}"), common]


def _options(build: Build, name: str) -> str:
    """Give all that was asked for as one text, without what a build may have of its own.

    What is added to an image's parameters later belongs to it unless it is named here.
    """
    own: dict[str, Any] = {"image": "", "tags": (), "labels": {}, "cache": None}
    around = {"lint": None, "verify": None, "scan": None, "pushApart": False}
    image = replace(build.image, **own, **around)
    made = [name, build.common.pool, build.epoch, build.ignorefile, image]

    def plain(item: Any) -> Any:
        return {known.name: getattr(item, known.name) for known in fields(item)}

    return json.dumps(made, default=plain)


def _base(text: str, build: Build) -> dict[str, Any]:
    """Give where builders look for a base.

    Raises:
        ValueError: it is no name of an image.
    """
    short, _, digest = text.partition("@")
    found, tag = parse_name(short)
    item = build.registries.get(found.registry)
    places = [parse_name(f"{mirror}/{found.path}")[0] for mirror in item.mirrors] if item else []
    return {
        "name": text,
        "reference": digest or tag or "latest",
        "places": [build.place(place) for place in (*places, found)],
    }
