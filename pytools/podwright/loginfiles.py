"""Makes one docker config file of all logins of a use, while the script waits for it.

The script (prelude.sh, ``pw_exchange``) leaves in a directory ``asked.json``, what was planned;
``given.json``, the logins by user and password; ``file.N``, the config files of credentials; and
``own.N``, those that the builder would find by itself. It gets ``config.json`` and:

* ``answers``: a file per registry for the credential helper, ``docker-credential-podwright-USE``;
* ``needs``: further credential helpers that the file names, by program;
* ``notes``: lines for the log;
* ``renew``: in how many seconds the logins should be asked for again;
* or ``error``, a sentence.

Formats: docker/cli cli/config/configfile, containers-auth.json(5), and the protocol of
docker/docker-credential-helpers.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from pathlib import Path

from podwright.errors import UsageError
from podwright.logins import IDENTITIES
from podwright.paths import SECRETS_DIR
from podwright.records import field, record
from podwright.references import auth_key, canonical
from podwright.resources import LazyModule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from podwright import identities
else:
    identities = LazyModule("podwright.identities")  # most logins are a user and a password

ASKED = "logins"  # what the script leaves for `podwright answer`: the path of the directory


@record
class _Result:
    """What is being put together.

    Attributes:
        config: the docker config file.
        answers: what the credential helper answers, by registry.
        needs: the credential helpers that files of credentials name.
        notes: lines for the log.
        lifetimes: seconds for which logins are good.
    """

    config: dict[str, Any] = field(default_factory=lambda: {"auths": {}})
    answers: dict[str, dict[str, str]] = field(default_factory=dict)
    needs: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    lifetimes: list[int] = field(default_factory=list)


def answer(room: Path, env: Mapping[str, str]) -> None:
    """Write the answer beside the question."""
    try:
        made = _made(room, json.loads((room / "asked.json").read_text(encoding="utf-8")), env)
    except UsageError as error:
        (room / "error").write_text("; ".join(error.problems), encoding="utf-8")
        return
    own = f"podwright-{room.joinpath('use').read_text(encoding='utf-8').strip()}"
    if made.answers:
        folder = room / "answers"
        folder.mkdir()
        for key, login in made.answers.items():
            made.config.setdefault("credHelpers", {})[key] = own
            (folder / file_name(key)).write_text(json.dumps(login), encoding="utf-8")
    texts = {
        "config.json": json.dumps(made.config),
        "needs": "\n".join(sorted(made.needs - {""})),
        "notes": "\n".join(made.notes),
        "renew": str(min(made.lifetimes)) if made.lifetimes else "",
    }
    for name, text in texts.items():
        (room / name).write_text(f"{text}\n" if text else "", encoding="utf-8")


def _made(room: Path, asked: list[dict[str, Any]], env: Mapping[str, str]) -> _Result:
    """Put the logins together; of two for one registry the one that was added first stays."""
    made = _Result()
    if (room / "given.json").exists():
        _add(made, json.loads((room / "given.json").read_text(encoding="utf-8")))
    for item in asked:
        if item["kind"] in IDENTITIES:
            _add_identity(made, item, env)
        else:
            _add(made, _file_of(room, item, made.notes))
            made.needs.update((made.config.get("credHelpers") or {}).values())
            made.needs.add(made.config.get("credsStore") or "")
    for path in sorted(room.glob("own.*")):
        own = _as_json(path)
        # What the builder has by itself was no business of podwright's before.
        if isinstance(own, dict):
            _add(made, own if _is_config(own) or not _is_old(own) else {"auths": own})
    return made


def file_name(key: str) -> str:
    """Give the name of an answer's file; the helper's script makes the same one."""
    return key.replace("/", "_").replace(":", "_")


def _host(key: str) -> str:
    """Give the registry of a key; the docker client wrote addresses for a long time."""
    plain = key.partition("://")[2] or key
    return canonical(re.sub(r"(/v[12])?/?$", "", plain))


def _hosts(config: Mapping[str, Any]) -> set[str]:
    keys = [*(config.get("auths") or {}), *(config.get("credHelpers") or {})]
    return {_host(key) for key in keys}


def _add(made: _Result, part: Mapping[str, Any]) -> None:
    """Add what a config file has for registries that have no login yet, and all of its rest."""
    config = made.config
    known = _hosts(config)
    if part.get("credsStore") and not config.get("credsStore"):
        # The client asks a store for every registry, and looks for nothing in the file.
        for key, entry in config["auths"].items():
            made.answers.setdefault(key, _as_answer(key, entry))
    for section in ("auths", "credHelpers"):
        for key, entry in (part.get(section) or {}).items():
            if _host(key) in known:
                continue
            config.setdefault(section, {})[key] = entry
            if section == "auths" and config.get("credsStore") and entry:
                made.answers.setdefault(key, _as_answer(key, entry))
    for key, value in part.items():
        config.setdefault(key, value)


def _as_answer(key: str, entry: Mapping[str, str]) -> dict[str, str]:
    """Give a login of a config file as a credential helper does."""
    if entry.get("identitytoken"):
        return {"ServerURL": key, "Username": "<token>", "Secret": entry["identitytoken"]}
    user, _, password = base64.b64decode(entry.get("auth", "")).decode().partition(":")
    return {"ServerURL": key, "Username": user, "Secret": password}


def _add_identity(made: _Result, item: dict[str, Any], env: Mapping[str, str]) -> None:
    """Exchange the pod's own identity for a login."""
    user, password, lifetime = identities.login(item, env)
    key = auth_key(item["registry"])
    made.answers[key] = {"ServerURL": key, "Username": user, "Secret": password}
    made.config.setdefault("credHelpers", {})[key] = ""
    made.lifetimes.append(lifetime)


# -- config files of credentials -----------------------------------------------------------------


def _file_of(room: Path, item: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    """Read the config file of one credential, as far as it is for the registry that was named.

    Raises:
        UsageError: no builder could log in with it.
    """
    where, registry = f"credentials[{item['index']}]", item["registry"]
    config = _understood(_content(room, item, where), item, where)
    hosts = _hosts(config)
    if not registry:
        if not hosts & set(item["own"]) and not config.get("credsStore"):
            named, own = ", ".join(sorted(hosts)), ", ".join(item["own"])
            notes.append(f"{where}: it has logins for {named} and none for {own}")
        return config
    if config.get("credsStore") and registry not in hosts:
        return {"credHelpers": {auth_key(registry): config["credsStore"]}}
    if registry not in hosts:
        raise UsageError(f"{where}: it has no login for {registry}, but for {_listed(hosts)}")
    return {
        section: {k: v for k, v in (config.get(section) or {}).items() if _host(k) == registry}
        for section in ("auths", "credHelpers")
    }


def _listed(hosts: set[str]) -> str:
    return ", ".join(sorted(hosts)) or "no registry at all"


def _content(room: Path, item: dict[str, Any], where: str) -> Any:
    if item["kind"] == "file":
        return _as_json(room / f"file.{item['index']}")
    folder = Path(SECRETS_DIR, item["name"])
    for name in (".dockerconfigjson", ".dockercfg", "config.json"):
        if (folder / name).exists():
            return _as_json(folder / name)
    held = sorted(path.name for path in folder.glob("[!.]*")) if folder.exists() else []
    if held:
        raise UsageError(
            f"{where}: the Kubernetes secret '{item['name']}' has {', '.join(held)} and no docker "
            "config; make it with `kubectl create secret docker-registry`"
        )
    raise UsageError(
        f"{where}: the Kubernetes secret '{item['name']}' is not mounted in this pod; add pod: [:] "
        "to buildImage, so that a pod with it is made"
    )


def _as_json(path: Path) -> Any:
    """Read a file; its text when that is no JSON."""
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    try:
        return json.loads(text)
    except ValueError:
        return text


def _is_config(value: Mapping[str, Any]) -> bool:
    return any(isinstance(value.get(key), kind) for key, kind in _SECTIONS.items())


_SECTIONS = {"auths": dict, "credHelpers": dict, "credsStore": str}


def _is_old(value: Mapping[str, Any]) -> bool:
    """Say whether it is of the form of ~/.dockercfg: logins by registry, and nothing around."""
    return bool(value) and all(
        isinstance(entry, dict) and ("auth" in entry or "username" in entry)
        for entry in value.values()
    )


def _understood(value: Any, item: dict[str, Any], where: str) -> dict[str, Any]:
    """Give a config file as clients read it, whatever of its forms it has.

    Raises:
        UsageError: with what it seems to be.
    """
    if not isinstance(value, dict):
        raise UsageError(f"{where}: it is no docker config file but {_guess(value)}; {_GIVE}")
    if value.get("type") == "service_account":
        return _google_key(value, item, where)
    if value.get("kind") == "Secret":
        raise UsageError(
            f"{where}: it is a Kubernetes secret as a whole; give the value of its "
            "'.dockerconfigjson' (decoded), or name the secret by 'secret'"
        )
    if not _is_config(value):
        if not _is_old(value):
            names = ", ".join(sorted(value)[:5]) or "nothing"
            raise UsageError(
                f"{where}: it is no docker config file: it has {names}, and none of auths, "
                f"credHelpers, credsStore; {_GIVE}"
            )
        value = {"auths": value}
    store = value.get("credsStore")
    entries = (value.get("auths") or {}).items()
    auths = {key: _entry(key, entry, where) for key, entry in entries if entry or not store}
    if not auths and not value.get("credHelpers") and not store:
        raise UsageError(f"{where}: the docker config file has no login in it; {_GIVE}")
    kept = {key: value[key] for key in ("credHelpers", "credsStore") if value.get(key)}
    return {"auths": auths, **kept}


_GIVE = "give what `docker login` writes to ~/.docker/config.json"


def _guess(text: Any) -> str:
    if not isinstance(text, str):
        return f"JSON of another kind ({type(text).__name__})"
    if not text.strip():
        return "an empty file"
    if "-----BEGIN" in text:
        return "a key or a certificate"
    return "a text that is no JSON"


def _entry(key: str, entry: Any, where: str) -> dict[str, str]:
    """Give one login; `auth` is what all clients read.

    Raises:
        UsageError: there is none in it.
    """
    given = entry if isinstance(entry, dict) else {}
    if given.get("identitytoken") or given.get("registrytoken"):
        return dict(given)
    auth = given.get("auth", "")
    if not auth and given.get("username"):
        pair = f"{given['username']}:{given.get('password', '')}"
        auth = base64.b64encode(pair.encode()).decode()
    try:
        pair = base64.b64decode(auth, validate=True).decode()
    except (binascii.Error, ValueError, TypeError):
        pair = ""
    if ":" not in pair:
        raise UsageError(
            f"{where}: the docker config file has no login for {_host(key)} in 'auth' (Base64 of "
            "user:password); log in again and take the file that this writes"
        )
    return {"auth": auth}


def _google_key(value: dict[str, Any], item: dict[str, Any], where: str) -> dict[str, Any]:
    """Log in with a Google service account's key (cloud.google.com/artifact-registry, JSON key)."""
    named = [item["registry"]] if item["registry"] else item["own"]
    hosts = [host for host in named if item["registry"] or identities.is_of("gar", host)]
    if not hosts:
        raise UsageError(
            f"{where}: it is the key of a Google service account, and {', '.join(named)} is not a "
            "registry of Google; name the registry that it is for with 'registry'"
        )
    auth = base64.b64encode(f"_json_key:{json.dumps(value)}".encode()).decode()
    return {"auths": {host: {"auth": auth} for host in hosts}}
