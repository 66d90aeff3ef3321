"""Join images of one platform each to one image of several.

They are in one repository, and nothing is copied: an index that lists them is
put under the tags. Logins are those of your own docker or podman login.
"""

from __future__ import annotations

from podwright.described import describe
from podwright.distribution import parameters
from podwright.distribution.indexing import joined
from podwright.errors import UsageError
from podwright.references import platform_suffix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podwright.console import Console

SUMMARY = "join images of one platform each to one of several"
PARAMETERS = parameters.Indexing, "[image] tags parts"


def work(value: dict[str, Any], console: Console) -> Any:
    """Put the index under its tags.

    Raises:
        PodwrightError: a part is not there, or the registry refuses the index.
    """
    given = parameters.parse(parameters.Indexing, value)
    name, own = parameters.read_name(given.image, "image")
    tags = list(dict.fromkeys([*([own] if own else []), *_plain(given)]))
    if not tags or not given.parts:
        missing = "parts" if tags else "tags"
        raise UsageError(f"{missing}: none is given; name at least one")
    target = parameters.Registries(given, console.env).repository(name, "push")
    index = joined(target, given.parts)
    for tag in tags:
        target.put(index, tag)
    known = ", ".join(given.parts)
    console.say(f"[podwright] joined {known} to {target}@{index.digest}; tags: {', '.join(tags)}")
    reference = f"{target}@{index.digest}"
    return {"tags": tags, "digest": index.digest, "reference": reference} | describe(
        target, index.digest
    )


def _plain(given: parameters.Indexing) -> list[str]:
    """Give the tags without the platform that those of a part end with."""
    end = platform_suffix(given.platform) if given.platform else ""
    return [tag[: len(tag) - len(end)] if tag.endswith(end) else tag for tag in given.tags]
