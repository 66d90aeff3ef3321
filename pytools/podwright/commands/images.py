"""List the images that podwright names, or copy them to a mirror.

Without the internet: `podwright images --mirror mirror.example/podwright`
copies each image by its digest (all platforms), where both can be reached, and
prints the `images:` of the organisation's config that names the copies.
"""

from __future__ import annotations

import argparse

from podwright import steps
from podwright.console import Console
from podwright.distribution import parameters as named
from podwright.distribution.promotion import promote as copy
from podwright.errors import UsageError, guess
from podwright.images import IMAGES, resolve

SUMMARY = "list podwright's images, or copy them to a mirror"
OPTIONS = """
[roles...]         these only (default: all)
--mirror REGISTRY  copy them below this registry
--digests          name them with their digests
"""
PARAMETERS = named.Repositories, ""


def run(options: argparse.Namespace, console: Console) -> int:
    value = steps.request_of(options, console, named.Repositories)
    known = named.Registries(named.parse(named.Repositories, value), console.env)
    for role in options.roles:
        if role not in IMAGES:
            raise UsageError(f"unknown role '{role}'{guess(role, IMAGES)}")
    wanted = {r: n for r, n in resolve(known.images).items() if r in (options.roles or IMAGES)}
    if options.mirror or options.digests:
        wanted = {r: _found(n, options.mirror, known, console) for r, n in wanted.items()}
    lines = [f"  {role}: {name}" for role, name in wanted.items()]
    console.result("\n".join(["images:", *lines]), wanted)
    return 0


def _found(reference: str, mirror: str, known: named.Registries, console: Console) -> str:
    """Give a reference with its digest; with a mirror that of the copy."""
    source = named.read_source(reference)
    origin, image = known.image(reference)
    place = reference.partition("@")[0]
    if mirror:
        place = f"{mirror.rstrip('/')}/{source.name.path}{f':{source.tag}' if source.tag else ''}"
        name, tag = named.read_name(place, "mirror")
        console.say(f"[podwright] copying {reference} to {place}")
        copy(origin, known.repository(name, "push"), image, [tag] if tag else [])
    return f"{place}@{image.digest}"
