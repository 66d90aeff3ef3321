"""What is known of a build before it begins, for whoever explains a failure of it."""

from __future__ import annotations

import json

from podwright.records import field, record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from podwright.request import Credential


@record
class Context:
    """What is known of the step whose log it is; all of it may be unknown.

    Attributes:
        title: what was being done, as the log says it: ``pushing registry.example/app:1``.
        host: the registry of the image.
        logins: the credential that is used for each registry, by host.
        known: whether the logins are known, so that a missing one is really missing.
        allowed: the strategies that may be proposed.
    """

    title: str = ""
    host: str = ""
    logins: Mapping[str, str] = field(default_factory=dict)
    known: bool = False
    allowed: tuple[str, ...] = ()


def written(host: str, credentials: Iterable[Credential], allowed: Iterable[str]) -> str:
    """Write it as JSON on one line; there are no secrets in it.

    Args:
        host: the registry of the image.
        credentials: the logins of the request.
        allowed: the strategies that may be proposed.
    """
    items = list(credentials)
    logins: dict[str, dict[str, str]] = {"pull": {}, "push": {}}
    for item in items:
        uses = ("pull", "push") if item.use == "both" else (item.use,)
        for use in uses if item.type != "file" else ():
            logins[use][item.registry or host] = item.credentialsId or item.variable
    # Nobody knows for which registries a docker config file has logins.
    known = all(item.type != "file" for item in items)
    return json.dumps({"host": host, **logins, "known": known, "allowed": list(allowed)})


def read(text: str, kind: str, title: str) -> Context:
    """Read it back, for one step of the build.

    Args:
        text: what :func:`written` gave.
        kind: build, push or none, as in the recipe.
        title: of the step.
    """
    known = json.loads(text)
    uses = ("push",) if kind == "push" else ("push", "pull")
    logins = {host: login for use in uses for host, login in known[use].items()}
    return Context(title, known["host"], logins, known["known"], tuple(known["allowed"]))
