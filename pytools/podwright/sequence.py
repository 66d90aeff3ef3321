"""What is done around a build when an image asks for it: other commands, before it and after. Pure.

Strategies and scripts know nothing of it, and a build that asks for nothing does not load it. A
pipeline runs the turns as it runs the steps of these commands, `podwright build` as the commands.
"""

from __future__ import annotations

import posixpath

from podwright import parts
from podwright.records import fields
from podwright.request import AROUND
from podwright.schema import kinds_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from podwright.config import Config
    from podwright.request import Image, Request

    Turn = dict[str, Any]

_ATTESTED = ("sbom", "provenance", "sign")
_HANDLE = ("image", "output", "tags", "digest")


def turns(value: dict[str, Any], request: Request, config: Config) -> list[Turn]:
    """Give what is to be done, in order.

    A turn with ``command`` runs that command with ``request``, and with what ``take`` names of the
    result of image number ``of``; what it gives is put under ``into`` of that result, or into the
    result itself. The turn without a command is the build; behind one with ``joins`` only the last
    of several pods goes on, with what all of them have built as ``parts`` of the result.

    Args:
        value: the request as it was given.
        request: the same, checked, with the defaults of the configs.
        config: the merged configs.
    """
    merged = {**{k: v for k, v in config.defaults.items() if k not in config.bound}, **value}
    given = [merged]
    if not request.single:
        given = [{**merged, **element} for element in merged["images"]]
    shared = {name: merged[name] for name in ("credentials", "registries") if merged.get(name)}
    images = [_Asked(n, i, g, shared) for n, (i, g) in enumerate(zip(request.images, given))]
    several = len(images) > 1
    for image in request.images:
        if image.sign:
            image.sign.check()
    limits = config.rules
    rules = [{**_trust(who), "refusal": limits.refused(rule)} for rule, who in limits.of("verify")]
    before = [turn for asked in images for turn in asked.before(several, rules)]
    after = [turn for asked in images for turn in asked.after(several)]
    if request.common.part and request.images[0].push:
        attested = [turn for turn in after if turn["command"] == "attest"]
        after = [turn for turn in after if turn not in attested]
        after += parts.turns(request.images[0], shared) + attested
    changed = [asked.changed() for asked in images]
    build: dict[str, Any] = {**value, "alone": True}
    if merged.get("credentials") and not any(i.image.push and not i.is_apart for i in images):
        build["credentials"] = _without_push(merged["credentials"])
    if request.single:
        build.update(changed[0])
    else:
        elements = zip(merged["images"], changed)
        build["images"] = [{**element, **change} for element, change in elements]
    return [*before, {"request": build}, *after]


class _Asked:
    """What one image asks for.

    Args:
        number: of the image in the request.
        image: its parameters, checked.
        given: the same as they were given.
        shared: parameters of logins and registries, which each command takes.
    """

    def __init__(
        self, number: int, image: Image, given: dict[str, Any], shared: dict[str, Any]
    ) -> None:
        self.number = number
        self.image = image
        self.given = given
        self.shared = shared
        self.is_apart = bool(image.push and (image.scan or image.pushApart))
        self.archive = image.output or f".podwright-image-{number + 1}.tar"

    def before(self, several: bool, rules: list[dict[str, Any]]) -> Iterator[Turn]:  # noqa: FBT001
        image = self.image
        path = image.dockerfile or posixpath.join(image.context, "Dockerfile")
        if image.lint:
            settings = {"dockerfile": path, **self._settings("lint")}
            yield {"command": "lint", "request": self._reported(settings, "lint.sarif", several)}
        settings = {"dockerfile": path, "buildArgs": image.buildArgs, **self.shared}
        trusted = [self._settings("verify")] if image.verify else []
        for one in (*trusted, *rules):
            yield {"command": "verify", "request": {**settings, **one}}

    def after(self, several: bool) -> Iterator[Turn]:  # noqa: FBT001 - as above
        image = self.image
        # An archive that nobody asked for goes with its last use.
        last = {} if image.output else {"discard": True}
        if image.scan:
            settings = {"archive": self.archive, **self._settings("scan"), **self.shared}
            settings.update({} if image.push else last)
            yield self._turn("scan", self._reported(settings, "scan", several), into="scan")
        if self.is_apart:
            handle = {name: name for name in _HANDLE}
            yield self._turn("push", {**self.shared, **last}, take=handle)
        if any(getattr(image, name) for name in _ATTESTED):
            wanted = {name: self.given[name] for name in _ATTESTED if self.given.get(name)}
            build = {k: v for k, v in self.given.items() if k not in (*AROUND, "images")}
            settings = {**wanted, "build": build, **self.shared}
            yield self._turn("attest", settings, take={"image": "reference"}, into="attested")

    def changed(self) -> dict[str, Any]:
        """Give what the build itself does in another way: what is scanned is pushed afterwards."""
        made: dict[str, Any] = {name: None for name in AROUND if name in self.given}
        if self.image.scan or self.is_apart:
            made["output"] = self.archive
            made.update({"push": False} if self.is_apart else {})
        return made

    def _turn(
        self, command: str, request: dict[str, Any], take: Any = None, into: str = ""
    ) -> Turn:
        of = {"of": self.number, "take": take or {}, "into": into}
        return {"command": command, "request": request, **of}

    def _settings(self, name: str) -> dict[str, Any]:
        value = self.given[name]
        if isinstance(value, str):
            kind: Any = kinds_of(type(self.image))[name]
            return {kind.shorthand: value}
        return dict(value) if isinstance(value, dict) else {}

    def _reported(self, settings: dict[str, Any], name: str, several: bool) -> dict[str, Any]:  # noqa: FBT001
        """Name a report of its own for each of several images."""
        number = f"{self.number + 1}-" if several else ""
        return {"report": f"podwright-{number}{name}", **settings}


def run(
    listed: list[Turn],
    build: Callable[[dict[str, Any]], Any],
    work: Callable[[str, dict[str, Any]], Any],
) -> Any:
    """Run the turns: builds by a request, and work with a command's name and request.

    Gives the result of the build with what the others gave.
    """
    result: Any = None
    for turn in listed:
        if "command" not in turn:
            result = build(turn["request"])
            continue
        one = result[turn["of"]] if isinstance(result, list) else result
        given = {name: one[key] for name, key in turn.get("take", {}).items() if key in one}
        made = work(turn["command"], {**turn["request"], **given})
        if "of" in turn:
            one.update({turn["into"]: made} if turn["into"] else made)
    return result


def _without_push(credentials: Any) -> list[Any]:
    """Give the logins that a build needs which does not push."""
    listed = credentials if isinstance(credentials, list) else [credentials]
    return [item for item in listed if not (isinstance(item, dict) and item.get("use") == "push")]


def _trust(who: Any) -> dict[str, Any]:
    """Give a checked record of who is trusted as it is given to the command."""
    named = {item.name: getattr(who, item.name) for item in fields(who)}
    return {name: list(v) if isinstance(v, tuple) else v for name, v in named.items() if v}
