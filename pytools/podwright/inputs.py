"""From what the outside gives (files, environment) to what the pure core takes."""

from __future__ import annotations

from pathlib import Path

from podwright import config as configs
from podwright import request as requests
from podwright import strategies
from podwright.errors import Findings, UsageError
from podwright.records import replace
from podwright.schema import Invalid
from podwright.sources import Document, read_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, TextIO

    from podwright.config import Config
    from podwright.request import Request


def read_request(source: str, stdin: TextIO) -> Document:
    """Read a request from a JSON or YAML file, or from stdin for `-`.

    Raises:
        UsageError: it cannot be read, or is no map.
    """
    text = stdin.read() if source == "-" else read_text(Path(source), source)
    document = Document(text, source)
    if not isinstance(document.value, dict):
        raise UsageError(f"{source}: expected a map with the parameters of the request")
    return document


def load(
    value: dict[str, Any],
    root: Path,
    env: Mapping[str, str],
    found: Findings | None = None,
    *,
    build: bool = True,
    files: bool = True,
) -> tuple[Request, Config]:
    """Read the configs and the request.

    Args:
        value: the request.
        root: the workspace.
        env: where PODWRIGHT_CONFIG is looked up.
        found: receives what cannot be read of the request, for planning to tell with the rest.
        build: whether it is one for an image; else for a pod, which takes fewer parameters.
        files: whether the request's files are there to be read.

    Raises:
        UsageError: a config is wrong; without ``found`` also all that is wrong with the request.
    """
    organisation = env.get("PODWRIGHT_CONFIG", "")
    config = configs.load(organisation, root, root, env.get("JOB_NAME", ""))
    reading = found or Findings()
    reading.locate = lambda problem: (
        problem
        if problem.place and value.get(str(problem.place[0])) is not None
        else configs.locate_default(organisation, root, problem)
    )
    parse = requests.parse_build if build else requests.parse_pod
    # Bound ones come with the request in a pipeline; elsewhere the logins of the machine are used.
    defaults = {k: v for k, v in usable(config, value).items() if k not in config.bound}
    if "PODWRIGHT_BUILDER" in env:
        defaults.pop("pool", None)  # the pod has its pool, or an engine of its own
    request = parse(value, defaults, reading)
    registries = request.common.registries
    try:
        registries = configs.with_certificates(registries, root) if files else registries
    except Invalid as error:
        reading.add(error.problems)
        registries = error.rest
    if found is None:
        reading.raise_if_any()
    return replace(request, common=replace(request.common, registries=registries)), config


def organisation(env: Mapping[str, str]) -> str:
    """Give the organisation's config as text, also when the environment names its file.

    It travels in pods, where that file is not.

    Raises:
        UsageError: the file cannot be read.
    """
    value = env.get("PODWRIGHT_CONFIG", "")
    return configs.organisation_text(value)[0] if value.strip() else ""


def usable(config: Config, value: dict[str, Any]) -> dict[str, Any]:
    """Give the defaults for a request; a pool is one for strategies that can use it."""
    named = value.get("builder") or config.builder
    if named not in strategies.names() or "pool" in strategies.get(named).features:
        return config.defaults
    return {name: item for name, item in config.defaults.items() if name != "pool"}


def load_for_pod(
    value: dict[str, Any],
    root: Path,
    env: Mapping[str, str],
    found: Findings | None = None,
    *,
    build: bool,
    files: bool = True,
) -> tuple[Request, Config]:
    """Read the configs and check a request as far as it can be before its pod exists.

    What only the checkout can tell (files, the default tag) is checked in the pod. It is a request
    for a pod, or one for an image whose pod is wanted (`build`), with the rest as :func:`load` has.
    """
    if not build:
        return load(value, root, env, found, build=False, files=files)
    # The repository's config, which nobody has checked out yet, may name the image.
    named = value if "images" in value else {"image": "named-later", **value}
    return load(named, root, env, found, files=files)
