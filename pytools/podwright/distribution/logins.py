"""Logins for registries: those given, then those of docker's or podman's own config file.

Sources: docker/cli cli/config (`auths`, `credHelpers`, `credsStore`), containers-auth.json(5)
(keys may be paths), docker/docker-credential-helpers (`get` reads the host from stdin).
"""

from __future__ import annotations

import base64
import binascii
import json
from pathlib import Path

from podwright.distribution.client import Login
from podwright.errors import UsageError
from podwright.logins import IDENTITIES
from podwright.paths import SECRETS_DIR
from podwright.references import auth_key
from podwright.resources import LazyModule

TYPE_CHECKING = False
if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Mapping
    from typing import Any

    from podwright.references import Name
    from podwright.request import Credential
else:
    subprocess = LazyModule("subprocess")  # credential helpers are on laptops


def login_for(name: Name, given: tuple[Credential, ...], env: Mapping[str, str], use: str) -> Login:
    """Give the login for a repository; an empty one when there is none.

    Args:
        name: the repository.
        given: logins of the request, by the variables that hold them.
        env: those variables, and where config files are.
        use: pull or push.

    Raises:
        UsageError: a variable is not set, or a config file cannot be read.
    """
    for number, item in enumerate(given):
        if item.use in (use, "both") and _is_for(item.registry, str(name)):
            return _given(number, item, name, env)
    for path in _config_files(env):
        if path.is_file():
            found = _in_config(_read(path), name)
            if found.user or found.identity:
                return found
    return Login()


def _is_for(registry: str, name: str) -> bool:
    """Say whether a login's registry, which may be one with a path, holds a repository."""
    return not registry or name.startswith(f"{registry}/") or name == registry


def _given(number: int, item: Credential, name: Name, env: Mapping[str, str]) -> Login:
    if item.type in IDENTITIES:
        from podwright import identities  # noqa: PLC0415 - needed by few

        entry = {"index": number, "kind": item.type, "registry": name.registry}
        user, password, _ = identities.login(entry, env)
        return Login(user, password)
    if item.secret:
        return _in_config(_read(Path(SECRETS_DIR, item.secret, ".dockerconfigjson")), name)
    if item.type == "file":
        return _in_config(_read(Path(env.get(item.variable, ""))), name)
    if item.type == "string":
        return Login(item.username, env.get(item.variable, ""))
    user, password = (env.get(f"{item.variable}_{end}", "") for end in ("USR", "PSW"))
    if not user:
        raise UsageError(f"credentials[{number}]: {item.variable}_USR is not set; set it")
    return Login(user, password)


def _config_files(env: Mapping[str, str]) -> Iterator[Path]:
    """Give where logins may be, the first one wins."""
    home = env.get("HOME", "")
    if env.get("REGISTRY_AUTH_FILE"):
        yield Path(env["REGISTRY_AUTH_FILE"])
    if env.get("DOCKER_CONFIG"):
        yield Path(env["DOCKER_CONFIG"], "config.json")
    if env.get("XDG_RUNTIME_DIR"):
        yield Path(env["XDG_RUNTIME_DIR"], "containers", "auth.json")
    if home:
        yield Path(home, ".docker", "config.json")


def _read(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"the logins of '{path}' cannot be read: {error.strerror}") from None
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise UsageError(f"'{path}' is not a docker config file; log in anew to write one")
    return value


def _in_config(config: dict[str, Any], name: Name) -> Login:
    """Find a repository's login: by its longest path, then its host, then a helper."""
    keys = _keys(name)
    auths = config.get("auths") or {}
    for key in keys:
        entry = auths.get(key) or auths.get(f"https://{key}") or auths.get(f"https://{key}/v1/")
        if entry and (entry.get("auth") or entry.get("identitytoken")):
            return _entry(entry)
    helpers = config.get("credHelpers") or {}
    helper = next((helpers[key] for key in keys if key in helpers), config.get("credsStore", ""))
    return _ask_helper(helper, auth_key(name.registry)) if helper else Login()


def _keys(name: Name) -> list[str]:
    parts = str(name).split("/")
    paths = ["/".join(parts[:count]) for count in range(len(parts), 0, -1)]
    return [*paths, auth_key(name.registry)]


def _entry(entry: dict[str, Any]) -> Login:
    try:
        text = base64.b64decode(entry.get("auth") or "", validate=True).decode()
    except (binascii.Error, ValueError):
        raise UsageError("a login of the docker config file is no Base64; log in anew") from None
    user, _, password = text.partition(":")
    return Login(user, password, str(entry.get("identitytoken") or ""))


def _ask_helper(helper: str, host: str) -> Login:
    """Ask a credential helper; one that has nothing gives an empty login.

    Raises:
        UsageError: it is not installed.
    """
    program = f"docker-credential-{helper}"
    try:
        done = subprocess.run(
            [program, "get"], input=host, capture_output=True, text=True, check=False, timeout=60
        )
        found = json.loads(done.stdout) if done.returncode == 0 else {}
    except FileNotFoundError:
        raise UsageError(
            f"the docker config file asks '{program}' for logins, which is not installed here; "
            "install it, or log in without it"
        ) from None
    except (ValueError, subprocess.TimeoutExpired):
        found = {}
    if found.get("Username") == "<token>":
        return Login(identity=str(found.get("Secret", "")))
    return Login(str(found.get("Username", "")), str(found.get("Secret", "")))
