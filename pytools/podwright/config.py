"""Organisation and repository config, merged: request > repository > organisation > default.

The organisation's comes from the administrator (`PODWRIGHT_CONFIG`: the text or a path), the
repository's from `.podwright.yaml` in the workspace. JSON is YAML, so JSON works everywhere and
needs no library.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from podwright import images, request, strategies
from podwright.errors import UsageError
from podwright.records import field, fields, record
from podwright.references import HOST
from podwright.schema import (
    Anything,
    Choice,
    Flag,
    Invalid,
    ListOf,
    MapOf,
    RecordOf,
    Text,
    option,
    parse_fields,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

REPOSITORY_FILE = ".podwright.yaml"


class Defaults(Anything):
    """Parameters of `buildImage`, checked where they stand, and kept as they were written."""

    def parse(self, value: Any, where: str) -> Any:
        """Return the map when a request could consist of it."""
        given = super().parse(value, where)
        if "builder" in given:
            # In a pod that is there it would clash with that pod's strategy; the setting does not.
            raise Invalid(f"{where}.builder: is a setting of its own; write it beside 'defaults'")
        parse_fields(request.BuildParameters, {"image": "x", **given}, where)
        return given


class Roles(MapOf):
    """References of images by the roles that there are."""

    def parse(self, value: Any, where: str) -> dict[str, Any]:
        """Return the map when it names no other role."""
        given = super().parse(value, where)
        problems = images.unknown(given, where)
        if problems:
            raise Invalid(*problems)
        return given


@record
class RepositoryConfig:
    """What a repository may set in `.podwright.yaml`."""

    builder: str = option(
        request.BUILDER,
        "the strategy of a call that names none",
        "",
    )
    registries: dict[str, request.Registry] = option(
        MapOf(RecordOf(of=request.Registry), key=HOST, key_is="a registry host"),
        "how to speak to registries, by host",
        {},
    )
    defaults: dict[str, Any] = option(
        Defaults(), "parameters of buildImage for what a call leaves out", {}
    )


@record
class EngineSettings:
    """What an administrator decides about Docker Engines inside pods."""

    storageDriver: str = option(Text(), "storage driver; without one that works is chosen", "")  # noqa: N815
    acceptOld: bool = option(  # noqa: N815
        Flag(),
        "start a policed engine older than 29.3.1, which hides large requests from its policy",
        default=False,
    )
    newPrivileges: bool = option(  # noqa: N815
        Flag(),
        "let setuid programs (su, sudo) of a policed engine's containers work",
        default=False,
    )


@record
class OrganisationConfig(RepositoryConfig):
    """What an administrator sets for all teams."""

    builders: tuple[str, ...] = option(
        ListOf(Choice(words=strategies.names, what="builder")),
        "the strategies that may be used; all when left out",
        (),
    )
    images: dict[str, str] = option(
        Roles(Text()), "images to use instead of podwright's own, by role", {}
    )
    engine: EngineSettings = option(
        RecordOf(of=EngineSettings), "settings of Docker Engines inside pods", EngineSettings()
    )
    policy: dict[str, Any] = option(
        Anything(),
        "what the policed Docker Engine allows",
        {},
    )


@record
class Config:
    """Both configs, merged.

    Attributes:
        defaults: what a request leaves out.
        builder: the strategy when the request names none.
        allowed: strategies that may be used; empty for all.
        images: references by role that replace those of the table.
        registries: settings by host.
        policy: what a policed engine allows.
        engine: settings of engines inside pods.
    """

    defaults: dict[str, Any] = field(default_factory=dict)
    builder: str = ""
    allowed: tuple[str, ...] = ()
    images: dict[str, str] = field(default_factory=dict)
    registries: dict[str, request.Registry] = field(default_factory=dict)
    policy: dict[str, Any] = field(default_factory=dict)
    engine: EngineSettings = EngineSettings()


def load(organisation: str, workspace: Path | None) -> Config:
    """Read and merge the configs.

    Args:
        organisation: a path, or the YAML text itself, or ''.
        workspace: where to look for the repository's file; None for nowhere.

    Raises:
        UsageError: a config cannot be read or is wrong; with file, line and column where known.
    """
    org = OrganisationConfig()
    if organisation.strip():
        text, origin = organisation_text(organisation)
        org = OrganisationConfig(**_parse(text, origin, OrganisationConfig))
    repo = RepositoryConfig()
    path = workspace / REPOSITORY_FILE if workspace else None
    if path and path.exists():
        repo = RepositoryConfig(**_parse(_text(path), REPOSITORY_FILE, RepositoryConfig))
    return Config(
        defaults={**org.defaults, **repo.defaults},
        builder=repo.builder or org.builder,
        allowed=org.builders,
        images=org.images,
        policy=org.policy,
        engine=org.engine,
        registries={**org.registries, **repo.registries},
    )


def organisation_text(value: str) -> tuple[str, str]:
    """Give the organisation's config as text, with the name that errors use for it."""
    if "\n" in value.strip() or value.lstrip().startswith("{") or ": " in value:
        return value, "PODWRIGHT_CONFIG"
    path = Path(value.strip())
    if not path.is_file():
        raise UsageError(f"PODWRIGHT_CONFIG: there is no file '{path}'; correct the path")
    return _text(path), str(path)


def _text(path: Path) -> str:
    """Read a config file."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"{path.name}: cannot be read: {reason}") from None


def _parse(text: str, origin: str, cls: type) -> dict[str, Any]:
    """Parse one config text by its dataclass."""
    value, places = parse_yaml(text, origin)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UsageError(f"{origin}:1:1: expected a map of settings")
    try:
        return parse_fields(cls, value, "")
    except Invalid as error:
        names = {item.name for item in fields(cls)}
        raise UsageError([_located(p, origin, places, names) for p in error.problems]) from None


def _located(problem: str, origin: str, places: dict[str, tuple[int, int]], names: set[str]) -> str:
    """Put file, line and column before a problem; the key it begins with tells the place."""
    # "map: unknown parameter 'x'" is about map.x; hosts have dots and colons of their own, so the
    # longest known key that the sentence begins with is the place.
    about = re.sub(r"^(?:(.*?): )?unknown parameter '(.*?)'", r"\1.\2:", problem).lstrip(".")
    found = [key for key in places if re.match(re.escape(key) + r"[.:\[]", about)]
    line, column = places[max(found, key=len)] if found else (1, 1)
    text = problem.replace("unknown parameter", "unknown setting", 1) if names else problem
    return f"{origin}:{line}:{column}: {text}"


def parse_yaml(text: str, origin: str) -> tuple[Any, dict[str, tuple[int, int]]]:
    """Parse YAML (or JSON) and tell where each key stands.

    Returns:
        The value, and line and column (from 1) of each dotted key.

    Raises:
        UsageError: no YAML, with line and column.
    """
    if text.lstrip().startswith("{"):
        try:
            return json.loads(text, parse_float=SourceFloat), {}
        except ValueError:
            pass  # YAML's flow maps begin the same way
    try:
        import yaml  # noqa: PLC0415 - 20 ms that only config files cost
    except ImportError:
        raise UsageError(
            f"{origin}: YAML cannot be read here, because PyYAML is missing; write JSON, or "
            "use the bundle, which carries it"
        ) from None
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        places: dict[str, tuple[int, int]] = {}
        twice = _places(node, "", places)
        if twice:
            raise UsageError([f"{origin}:{problem}" for problem in twice])
        return yaml.load(text, _loader(yaml)), places  # noqa: S506 - made from SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        # "but found ..." is the second half of a sentence.
        first = f"{error.context}, " if str(error.problem).startswith("but ") else ""
        raise UsageError(f"{origin}{place}: no valid YAML: {first}{error.problem}") from None
    except yaml.YAMLError as error:
        raise UsageError(f"{origin}: no valid YAML: {error}") from None
    except RecursionError:
        raise UsageError(f"{origin}: no valid YAML: it is nested too deeply") from None


class SourceFloat(float):
    """A number with a point, which as a text is what was written: the tag 1.10 is not 1.1."""

    def __new__(cls, text: str) -> SourceFloat:  # noqa: PYI034 - Self needs Python 3.11
        """Keep the text beside the number."""
        made = super().__new__(cls, text)
        made.text = text
        return made

    text: str

    def __str__(self) -> str:
        """Give what was written."""
        return self.text


def _loader(yaml: Any) -> Any:
    """Make a safe loader that gives what JSON has, and texts where YAML sees dates and octals."""

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        """SafeLoader with JSON's types only."""

    kept = {"bool", "int", "float", "null", "merge"}
    plain = re.compile(r"[-+]?(?:0|[1-9][0-9]*)$")
    resolvers: dict[str, list[tuple[str, Any]]] = {}
    for char, rules in yaml.SafeLoader.yaml_implicit_resolvers.items():
        resolvers[char] = [
            (tag, plain if tag.endswith(":int") else form)
            for tag, form in rules
            if tag.rpartition(":")[2] in kept
        ]
    Loader.yaml_implicit_resolvers = resolvers
    decimal = re.compile(r"[-+]?[0-9]+\.[0-9]+")

    def number(loader: Any, node: Any) -> Any:
        text = loader.construct_scalar(node)
        return SourceFloat(text) if decimal.fullmatch(text) else loader.construct_yaml_float(node)

    Loader.add_constructor("tag:yaml.org,2002:float", number)
    for tag in ("binary", "timestamp", "omap", "pairs", "set"):
        Loader.add_constructor(f"tag:yaml.org,2002:{tag}", yaml.SafeLoader.construct_undefined)
    return Loader


def _places(
    node: Any,
    prefix: str,
    places: dict[str, tuple[int, int]],
    seen: set[int] | None = None,
) -> list[str]:
    """Note line and column of each key of a composed YAML tree; gives the keys that stand twice.

    A map that aliases repeat is looked at once: a few lines of them stand for billions of maps.
    """
    seen = set() if seen is None else seen
    if node is None or node.id != "mapping" or id(node) in seen:
        return []
    seen.add(id(node))
    twice: list[str] = []
    own: set[str] = set()
    for key, value in node.value:
        name = f"{prefix}{key.value}"
        line, column = key.start_mark.line + 1, key.start_mark.column + 1
        if name in own and name != f"{prefix}<<":
            twice.append(f"{line}:{column}: '{key.value}' is given twice")
        own.add(name)
        places[name] = (line, column)
        twice += _places(value, f"{name}.", places, seen)
    return twice
