"""Copy images to another repository or registry, by digest and without a rebuild.

What an index lists and what refers to the image (SBOMs, provenance,
signatures) goes along. Run it again after a failure: what is there already is
not sent again, and tags move only when all is there. Logins are those of your
own docker or podman login.
"""

from __future__ import annotations

from typing import Any

from podwright.console import Console
from podwright.distribution import parameters
from podwright.distribution.promotion import promote
from podwright.errors import UsageError

SUMMARY = "copy an image to another registry, by digest"
PARAMETERS = parameters.Promotion, "[image] [to] tags"


def work(value: dict[str, Any], console: Console) -> Any:
    several = "images" in value
    if several and "image" in value:
        raise UsageError("image: cannot stand beside 'images'; name the image in each element")
    given = parameters.parse(parameters.Promotion, {"image": "-", **value} if several else value)
    registries = parameters.Registries(given, console.env)
    made = [_copied(item, registries, console) for item in parameters.copies(given)]
    return made if several else made[0]


def _copied(item: parameters.Copy, registries: parameters.Registries, console: Console) -> Any:
    """Copy one image.

    Raises:
        PodwrightError: it cannot be copied.
    """
    source = parameters.read_source(item.image)
    if not item.to:
        raise UsageError("to: is missing; name the repository to copy to")
    name, own = parameters.read_name(item.to, "to")
    tags = [*([own] if own else []), *item.tags] or ([source.tag] if source.tag else [])
    target = registries.repository(name, "push")
    origin, image = registries.image(item.image)
    console.say(f"[podwright] copying {origin}@{image.digest} to {target}")
    done = promote(origin, target, image, list(dict.fromkeys(tags)))
    console.say(
        f"[podwright] copied {done.manifests} manifests ({done.referrers} refer to the image), "
        f"{done.sent} bytes sent; tags: {', '.join(done.tags) or 'none'}"
    )
    return done.as_json()
