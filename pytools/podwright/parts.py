"""A pod per platform: each builds a part, and the last one joins them to one index. Pure.

The step in Jenkins makes the pods, and sends each of them a request of its own, with one platform.
"""

from __future__ import annotations

from podwright.errors import Problem
from podwright.references import LONGEST_TAG, platform_suffix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from podwright.request import Image, Request


def problems(request: Request) -> Iterator[Problem]:
    """Refuse pods by platform where no step has made them, and what there can be one of."""
    common, image = request.common, request.images[0]
    if not common.part:
        sentence = (
            "is for the call of buildImage itself, which makes the pods; say it there, with "
            "'platforms', or leave it out"
        )
        yield Problem(sentence, "podPerPlatform")
        return
    if common.pool:
        sentence = "has daemons for each platform and needs no pods for them; leave one of both out"
        yield Problem(sentence, "pool")
    if image.output and not common.alone:
        sentence = "is one archive, and each pod builds a platform; leave one of both out"
        yield Problem(sentence, "output")
    room = len(platform_suffix(image.platforms[0]))
    for number, tag in enumerate(image.tags):
        if "=" not in tag and len(tag) > LONGEST_TAG - room:
            sentence = f"is too long: of {LONGEST_TAG} characters its platform needs {room}"
            yield Problem(sentence, "tags", number)


def tags(image: Image, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Give the tags of a part."""
    return tuple(f"{tag}{platform_suffix(image.platforms[0])}" for tag in wanted)


def turns(image: Image, shared: dict[str, Any]) -> list[dict[str, Any]]:
    """Give what is done when all parts are there: `joins` waits for them, see sequence.py."""
    platform = image.platforms[0]
    request = {"platform": platform, **shared}
    take = {"image": "image", "tags": "tags", "parts": "parts"}
    return [
        {"joins": platform, "of": 0},
        {"command": "index", "request": request, "of": 0, "take": take, "into": ""},
    ]
