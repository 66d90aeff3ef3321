"""Push an image that was built before: the bytes of an OCI archive, as they are.

The archive is what `podwright build --no-push --output FILE` writes. Logins
are those of your own docker or podman login.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from podwright.console import Console
from podwright.distribution import parameters
from podwright.distribution.archive import Archive
from podwright.distribution.promotion import promote
from podwright.errors import UsageError

SUMMARY = "push an image that was built before"
PARAMETERS = parameters.Pushing, "[output] [image] tags"


def work(value: dict[str, Any], console: Console) -> Any:
    """Push one archive.

    Raises:
        PodwrightError: it cannot be pushed.
    """
    given = parameters.parse(parameters.Pushing, value)
    name, own = parameters.read_name(given.image, "image")
    tags = list(dict.fromkeys([*([own] if own else []), *given.tags]))
    if not tags:
        raise UsageError("tags: none is given; name at least one")
    origin = Archive(Path.cwd() / given.output)
    if given.digest and given.digest != origin.image.digest:
        raise UsageError(
            f"output: '{given.output}' has {origin.image.digest}, and {given.digest} was built; it "
            "was written anew meanwhile: build and test again"
        )
    target = parameters.Registries(given, console.env).repository(name, "push")
    console.say(f"[podwright] pushing {origin.image.digest} to {target}")
    done = promote(origin, target, origin.image, tags)
    console.say(f"[podwright] pushed {', '.join(tags)}; {done.sent} bytes sent")
    if given.discard:
        Path(given.output).unlink()
    return {**done.as_json(), "pushed": True, "output": None if given.discard else given.output}
