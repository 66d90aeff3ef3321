"""From what the outside gives (files, environment) to what the pure core takes."""

from __future__ import annotations

import json
from pathlib import Path

from podwright import config as configs
from podwright import request as requests
from podwright.errors import UsageError
from podwright.records import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, TextIO

    from podwright.config import Config
    from podwright.request import Registry, Request


def read_request(source: str, stdin: TextIO) -> dict[str, Any]:
    """Read a request from a JSON or YAML file, or from stdin for `-`.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        text = stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"{source}: cannot be read: {reason}") from None
    if text.lstrip().startswith("{"):
        try:
            value = json.loads(text, parse_float=configs.SourceFloat)
        except json.JSONDecodeError as error:
            place = f"{source}:{error.lineno}:{error.colno}"
            raise UsageError(f"{place}: no valid JSON: {error.msg}") from None
        except RecursionError:
            raise UsageError(f"{source}: no valid JSON: it is nested too deeply") from None
    else:
        value, _ = configs.parse_yaml(text, source)
    if not isinstance(value, dict):
        raise UsageError(f"{source}: expected a map with the parameters of the request")
    return value


def load(
    value: dict[str, Any],
    root: Path,
    env: Mapping[str, str],
    *,
    build: bool = True,
    files: bool = True,
) -> tuple[Request, Config]:
    """Read the configs, and the request as far as it can be read: planning tells what could not.

    Args:
        value: the request.
        root: the workspace.
        env: where PODWRIGHT_CONFIG is looked up.
        build: whether it is one for an image; else for a pod, which takes fewer parameters.
        files: whether the request's files are there to be read.

    Raises:
        UsageError: a config is wrong.
    """
    config = load_config(env.get("PODWRIGHT_CONFIG", ""), root, root)
    read = requests.read_build if build else requests.read_pod
    request = read(value, config.defaults)
    if not files:
        return request, config
    filled, problems = _with_certificates(request.common.registries, root, "registries")
    return replace(
        request,
        common=replace(request.common, registries=filled),
        problems=(*request.problems, *problems),
    ), config


def organisation(env: Mapping[str, str]) -> str:
    """Give the organisation's config as text, also when the environment names its file.

    It travels in pods, where that file is not.

    Raises:
        UsageError: the file cannot be read.
    """
    value = env.get("PODWRIGHT_CONFIG", "")
    return configs.organisation_text(value)[0] if value.strip() else ""


def load_config(organisation: str, workspace: Path | None, root: Path) -> Config:
    """Read the configs, with the certificates of registries in the place of their paths.

    Args:
        organisation: path or text of the organisation's config, '' for none.
        workspace: where the repository's config is looked for; None for nowhere.
        root: where the paths of certificates start from.

    Raises:
        UsageError: all problems.
    """
    config = configs.load(organisation, workspace)
    filled, problems = _with_certificates(config.registries, root, "config: registries")
    if problems:
        raise UsageError(problems)
    return replace(config, registries=filled)


def _with_certificates(
    registries: Mapping[str, Registry], root: Path, where: str
) -> tuple[dict[str, Registry], list[str]]:
    """Put the certificates themselves in the place of the paths that name them.

    Returns:
        The settings, and a sentence for each file that cannot be read or is no PEM file.
    """
    filled, problems = {}, []
    for host, item in registries.items():
        if item.ca and "-----BEGIN" not in item.ca:
            try:
                text = (root / item.ca).read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError):
                text = ""
            if "-----BEGIN CERTIFICATE-----" not in text:
                problems.append(f"{where}.{host}.ca: there is no PEM file '{item.ca}'; correct it")
            filled[host] = replace(item, ca=text)
        else:
            filled[host] = item
    return filled, problems


def load_for_pod(
    value: dict[str, Any],
    root: Path,
    env: Mapping[str, str],
    *,
    build: bool,
    files: bool = True,
) -> tuple[Request, Config]:
    """Read the configs and check a request as far as it can be before its pod exists.

    What only the checkout can tell (files, the default tag) is checked in the pod.

    Args:
        value: a request for a pod, or one for an image whose pod is wanted.
        root: the workspace.
        env: where PODWRIGHT_CONFIG is looked up.
        build: which of both it is.
        files: whether the request's files are there to be read.

    Raises:
        UsageError: all problems.
    """
    if not build:
        return load(value, root, env, build=False, files=files)
    # The repository's config, which nobody has checked out yet, may name the image.
    named = value if "images" in value else {"image": "named-later", **value}
    return load(named, root, env, files=files)
