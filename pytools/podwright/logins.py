"""Which login is for which registry: planned here, made by prelude.sh and loginfiles.py. Pure."""

from __future__ import annotations

import json
import re
import shlex

from podwright.errors import Problem
from podwright.references import auth_key, registry_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from podwright.builders._base import Build, Strategy
    from podwright.request import Credential, Registry

# Logins by the pod's own identity: what they are, and the registries whose names tell that.
IDENTITIES = {
    "ecr": ("Amazon", r"[0-9]{12}\.dkr[.-]ecr(-fips)?\.[a-z0-9-]+\.(amazonaws|on)\..+"),
    "gar": ("Google", r"(.+\.)?(gcr\.io|pkg\.dev)"),
    "acr": ("Azure", r".+\.azurecr\.(io|cn|us|de)"),
}
# These are of whole files: which registries they are for is known when they are read.
_FILES = ("file", "secret")


def kind_of(item: Credential) -> str:
    """Give what kind of login it is; a Kubernetes secret is told by its name alone."""
    return "secret" if item.secret else item.type


def uses_of(item: Credential, credentials: Iterable[Credential]) -> tuple[str, ...]:
    """Give the sets of logins that one is part of: `all` when pulling and pushing differ."""
    both = ("pull", "push") if item.use == "both" else (item.use,)
    return (*both, "all") if any(other.use != "both" for other in credentials) else both


def are_for_pushing_alone(
    credentials: Sequence[Credential], builds: Sequence[Build], own: Sequence[str]
) -> bool:
    """Say whether there are logins with `use: 'push'`, and the builds do without each of them."""
    alone = set(chosen(credentials, "push", own)) - set(chosen(credentials, "pull", own))
    files = any(item.use == "push" and kind_of(item) in _FILES for item in credentials)
    hosts = named_hosts(builds)
    return bool(alone) and not files and hosts is not None and not alone & hosts


def pulling_does(credentials: Sequence[Credential], own: str) -> bool:
    """Say whether the logins for pulling hold all of those for pushing."""
    pulling = chosen(credentials, "pull", [own]).items()
    alone = any(item.use == "push" for item in credentials)
    return not alone and chosen(credentials, "push", [own]).items() <= pulling


def hosts_of(item: Credential, own: Iterable[str]) -> list[str]:
    """Give the registries that a login is for: its own, else those of all images."""
    return [item.registry] if item.registry else list(dict.fromkeys(own))


def chosen(credentials: Sequence[Credential], use: str, own: Iterable[str]) -> dict[str, int]:
    """Give the number of the login for each registry, for one use.

    One that is for this use alone wins over one for both; in the set of all, pushing wins.
    """
    order = {"pull": ("both", "pull"), "push": ("both", "push"), "all": ("pull", "both", "push")}
    found: dict[str, int] = {}
    for wanted in order[use]:
        for number, item in enumerate(credentials):
            if item.use == wanted and kind_of(item) not in _FILES:
                found.update(dict.fromkeys(hosts_of(item, own), number))
    return found


def lines(
    credentials: Sequence[Credential],
    builds: Sequence[Build],
    registries: Mapping[str, Registry],
    *wanted: str,
) -> list[str]:
    """Give the lines of the script that make the logins of some uses."""
    own = [build.name.registry for build in builds]
    made: list[str] = []
    for use in wanted:
        asked = [item for item in credentials if use in uses_of(item, credentials)]
        if asked:
            made += _lines_of(use, credentials, own, registries)
    made += _unused(credentials, builds) if "pull" in wanted else []
    # A login given by name must win over what the agent's environment says.
    return [*made, "unset DOCKER_AUTH_CONFIG"] if made else []


def named_hosts(builds: Sequence[Build]) -> set[str] | None:
    """Give the registries that builds name beside that which they push to; None: who knows."""
    if not all(build.content.certain for build in builds):
        return None
    named = [name for build in builds for name in (*build.content.bases, *build.content.sources)]
    for build in builds:
        cache = build.image.cache
        named += (cache.ref, *cache.read) if cache else ()
        named += [f"{mirror}/" for item in build.registries.values() for mirror in item.mirrors]
        named += [name.partition("://")[2] for name in build.image.buildContexts.values()]
    return {registry_of(name) for name in named if name}


def _unused(credentials: Sequence[Credential], builds: Sequence[Build]) -> list[str]:
    """Tell, in the log, logins for registries that nothing of the builds names."""
    hosts = named_hosts(builds)
    if hosts is None:
        return []
    hosts |= {build.name.registry for build in builds}
    return [
        shlex.join(
            ["pw_say", f"credentials[{number}]: nothing in this build names {item.registry}"]
        )
        for number, item in enumerate(credentials)
        if item.registry and item.registry.partition("/")[0] not in hosts
    ]


def _lines_of(
    use: str, credentials: Sequence[Credential], own: list[str], registries: Mapping[str, Registry]
) -> list[str]:
    made, rest = [f"pw_open_logins {use}"], []
    for host, number in chosen(credentials, use, own).items():
        item = credentials[number]
        if item.type in IDENTITIES:
            entry = {"index": number, "kind": item.type, "registry": host}
            rest.append({**entry, **_reached(registries.get(host.partition("/")[0]))})
        else:
            words = [
                use,
                auth_key(host),
                item.variable,
                *([item.username] if item.username else []),
            ]
            made.append(shlex.join(["pw_login", *words]))
    for number, item in enumerate(credentials):
        if use in uses_of(item, credentials) and kind_of(item) in _FILES:
            entry = {"index": number, "kind": kind_of(item), "name": item.secret}
            rest.append({**entry, "registry": item.registry, "own": list(dict.fromkeys(own))})
            if item.type == "file":
                made.append(f"pw_login_file {number} {item.variable}")
    return [*made, shlex.join(["pw_close_logins", use, json.dumps(rest) if rest else ""])]


def _reached(registry: Registry | None) -> dict[str, Any]:
    """Give how a registry is reached that has a part in its own login."""
    if registry is None:
        return {}
    given = {"http": registry.http, "insecure": registry.skipTlsVerify, "ca": registry.ca}
    return {name: value for name, value in given.items() if value}


def problems(
    credentials: Sequence[Credential], own: Sequence[str], strategy: Strategy | None
) -> Iterator[Problem]:
    """Tell logins that cannot be used, or not be told apart.

    Args:
        credentials: the logins of a request.
        own: the registries of its images.
        strategy: the one that will use them; None while it is not known.
    """
    for number, item in enumerate(credentials):
        for sentence in _mistakes(item, own, strategy):
            yield Problem(sentence, "credentials", number)
    yield from _clashes(credentials, own)


def _mistakes(item: Credential, own: Sequence[str], strategy: Strategy | None) -> Iterator[str]:
    kind = kind_of(item)
    given = [name for name in ("credentialsId", "variable") if getattr(item, name)]
    if kind in IDENTITIES:
        who, pattern = IDENTITIES[kind]
        strangers = [host for host in hosts_of(item, own) if not re.fullmatch(pattern, host)]
        if strangers and not item.registry:
            yield (
                f"'{strangers[0]}' is not a registry of {who}, so it does not get its token; name "
                "the registry that it is for with 'registry'"
            )
    if kind in (*IDENTITIES, "secret") and given:
        yield f"'{kind}' takes no '{given[0]}'; leave it out, or give two entries"
    if kind == "string" and not item.username:
        yield (
            "a token needs 'username', the user that it belongs to (GitHub and GitLab take any, "
            "quay.io '$oauthtoken')"
        )
    if kind != "string" and item.username:
        yield "'username' is for tokens; give it with type: 'string'"
    if "/" in item.registry and strategy and not strategy.path_logins:
        yield (
            f"this builder knows one login for each registry; write "
            f"'{item.registry.partition('/')[0]}', or use a builder that knows paths"
        )


def _clashes(credentials: Sequence[Credential], own: Sequence[str]) -> Iterator[Problem]:
    """Refuse two logins for one registry and one use: nobody can tell which is meant."""
    first: dict[tuple[str, str], int] = {}
    for number, item in enumerate(credentials):
        for host in hosts_of(item, own) if kind_of(item) not in _FILES else ():
            before = first.setdefault((host, item.use), number)
            if before != number:
                yield Problem(
                    f"is a login for {host}, as credentials[{before}] is; remove one of them, or "
                    "give each its own 'registry' or 'use'",
                    *("credentials", number),
                )
