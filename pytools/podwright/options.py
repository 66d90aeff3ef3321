"""Command line options of a request, made from its schema."""

from __future__ import annotations

import argparse
import functools
import json

from podwright import inputs
from podwright.errors import Findings, UsageError, shown
from podwright.records import MISSING, fields
from podwright.references import parse_name
from podwright.request import BuildParameters
from podwright.schema import Choice, Duration, Flag, Kind, ListOf, MapOf, Number, RecordOf, kinds_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from podwright.console import Console

# Parameters that only make sense inside Jenkins, or that need a file.
_NOT_OPTIONS = {"pod", "images", "record", "alone", "report", "steps", "podPerPlatform", "part"}
# As docker spells them as well.
_ALSO = {"image": ("-t",), "tags": ("-t",), "dockerfile": ("-f", "--file")}
_BUILD = " ".join(f.name for f in fields(BuildParameters) if f.name not in _NOT_OPTIONS)


@functools.cache
def _parameters(cls: type, names: str) -> tuple[tuple[list[str], str, Kind, str], ...]:
    """Give options, parameter, kind and help of parameters; an argument has no option."""
    return tuple(_each_parameter(cls, names))


def _each_parameter(cls: type, names: str) -> Iterator[tuple[list[str], str, Kind, str]]:
    known = {item.name: item for item in fields(cls)}
    for word in dict.fromkeys([*names.split(), *{"registries"}.intersection(known)]):
        name = word.strip("[]")
        item = known[name]
        kind, words = item.metadata["kind"], item.metadata["help"]
        if isinstance(kind, Choice):
            words += f": {', '.join(filter(None, kind.words()))}"
        elif cls is not BuildParameters and item.default not in (MISSING, None, "", (), False):
            several = isinstance(item.default, tuple)
            words += f" (default: {', '.join(item.default) if several else item.default})"
        one = name.replace("ies", "y") if isinstance(kind, MapOf) else name
        one = one[:-1] if isinstance(kind, ListOf) and one.endswith("s") else one
        spelt = "".join(f"-{c.lower()}" if c.isupper() else c for c in one)
        option = item.metadata["flag"] or f"--{spelt}"
        also = _ALSO.get(name, ()) if name != "tags" or cls is not BuildParameters else ()
        yield [*also, option] if word == name else [], name, kind, words


def add_request_options(parser: argparse.ArgumentParser) -> None:
    """Add a request file, the folder, and an option for each parameter; they win over the file."""
    parser.add_argument("folder", nargs="?", metavar="CONTEXT", help="folder that COPY reads from")
    parser.add_argument(
        "--request", metavar="FILE", help="the request as a JSON or YAML file, '-' for stdin"
    )
    add_parameters(parser, BuildParameters, _BUILD)
    help_text = "build every layer anew: --cache false"
    parser.add_argument(
        "--no-cache", dest="cache", action="store_const", const="false", help=help_text
    )


def add_parameters(parser: argparse.ArgumentParser, cls: type, names: str) -> None:
    """Add options for some of a step's parameters; those in brackets are arguments."""
    for options, name, kind, words in _parameters(cls, names):
        repeated = isinstance(kind, (ListOf, MapOf)) or (name == "image" and bool(options))
        if not options:
            parser.add_argument(name, nargs="*" if repeated else "?", default=None, help=words)
        elif isinstance(kind, Flag):
            action = argparse.BooleanOptionalAction
            parser.add_argument(*options, dest=name, action=action, default=None, help=words)
        else:
            parser.add_argument(
                *options,
                dest=name,
                action="append" if repeated else "store",
                metavar=_metavar_of(kind),
                help=f"{words}{' (may be repeated)' if repeated else ''}",
            )


def _metavar_of(kind: Kind) -> str:
    if isinstance(kind, MapOf):
        return "HOST,K=V,..." if isinstance(kind.item, RecordOf) else "K=V"
    if isinstance(kind, ListOf) and isinstance(kind.item, RecordOf):
        return "K=V,..."
    if isinstance(kind, Number):
        return "N"
    if isinstance(kind, Duration):
        return "TIME"
    return "TEXT"


def request_from(options: argparse.Namespace, console: Console, found: Findings) -> dict[str, Any]:
    """Give the request of a command line; ``found`` learns the places of a request's file.

    Raises:
        UsageError: an option is not of its form.
    """
    document = inputs.read_request(options.request, console.stdin) if options.request else None
    found.document = document
    value: dict[str, Any] = dict(document.value) if document else {}
    problems = []
    if options.folder and options.context:
        problems.append("--context: is given twice; the folder at the end is the same")
    options.context = options.folder or options.context
    for words, name, kind, _ in _parameters(BuildParameters, _BUILD):
        given = getattr(options, name)
        if given is None:
            continue
        try:
            value.update(_as_docker_does(name, kind, given, console.env))
            if document:
                document.overridden.add(name)
        except ValueError as error:
            problems.append(f"{words[-1]}: {error}")
    if problems:
        raise UsageError(problems)
    return value


def _as_docker_does(name: str, kind: Kind, given: Any, env: Mapping[str, str]) -> dict[str, Any]:
    """Give what an option stands for, with the habits of docker's command line."""
    if name == "image":
        return _image_and_tags(given)
    if name == "platforms":
        return {name: [part for text in given for part in text.split(",")]}
    if name == "buildArgs":
        given = [
            text if "=" in text else f"{text}={_from_environment(text, env)}" for text in given
        ]
    return {name: _request_value(kind, given)}


def _image_and_tags(given: list[str]) -> dict[str, Any]:
    """Give one image of all names, such as `-t app:1 -t app:latest`."""
    if len(given) == 1:
        return {"image": given[0]}
    named = [parse_name(text) for text in given]
    if len({str(name) for name, _ in named}) > 1:
        raise ValueError(
            f"names more than one image, {' and '.join(map(shown, given))}; build one after the "
            "other, or list them as 'images' in a --request file"
        )
    return {"image": str(named[0][0]), "tags": [tag or "latest" for _, tag in named]}


def _from_environment(name: str, env: Mapping[str, str]) -> str:
    if name not in env:
        raise ValueError(
            f"the environment variable {shown(name)} is not set; set it, or {name}=..."
        )
    return env[name]


def given_parameters(options: argparse.Namespace, cls: type, names: str) -> dict[str, Any]:
    """Give the parameters that a command line has.

    Raises:
        UsageError: one is not of its form.
    """
    made = {}
    for words, name, kind, _ in _parameters(cls, names):
        value = getattr(options, name)
        try:
            made.update({} if value in (None, []) else {name: _request_value(kind, value)})
        except ValueError as error:
            raise UsageError(f"{(words or [name])[-1]}: {error}") from None
    return made


def _request_value(kind: Kind, given: Any) -> Any:
    """Turn what the command line gave into a value of the request."""
    if isinstance(kind, MapOf) and isinstance(kind.item, RecordOf):
        return _unique_map(_split_host(text, kind.item) for text in given)
    if isinstance(kind, MapOf):
        return _unique_map(_split_pair(text) for text in given)
    if isinstance(kind, ListOf) and isinstance(kind.item, RecordOf):
        return [_split_fields(text, kind.item) for text in given]
    if isinstance(kind, RecordOf):
        return _split_fields(given, kind)
    if isinstance(kind, Number):
        return _whole_number(given)
    return int(given) if isinstance(kind, Duration) and given.isdecimal() else given


def _whole_number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"expected a whole number, got '{text}'") from None


def _unique_map(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Make a map; a name that is given twice is a mistake of the author."""
    made: dict[str, Any] = {}
    for name, value in pairs:
        if name in made:
            raise ValueError(f"'{name}' is given twice")
        made[name] = value
    return made


def _split_pair(text: str) -> tuple[str, str]:
    name, mark, value = text.partition("=")
    if not mark:
        raise ValueError(f"expected NAME=VALUE, got '{text}'")
    return name, value


def _split_host(text: str, kind: RecordOf) -> tuple[str, Any]:
    """Split HOST,k=v,... as in `--registry localhost:5000,http=true`."""
    host, _, rest = text.partition(",")
    return host, _split_fields(rest, kind) if rest else {}


def _split_fields(text: str, kind: RecordOf) -> Any:
    """Split k=v,k=v as in `--secret id=x,src=y`; JSON and shorthands are taken as well."""
    if text.startswith(("{", "[")):
        try:
            return json.loads(text)
        except ValueError as error:
            raise ValueError(f"not valid JSON: {error}") from None
    if text in ("true", "false"):
        return text == "true"
    if kind.shorthand and "=" not in text:
        return text
    if "=" not in text:
        raise ValueError(
            f"expected K=V,..., got '{text}'; known are {', '.join(kinds_of(kind.of))}"
        )
    pairs = _unique_map(_split_pair(part) for part in text.split(","))
    return {
        name: value == "true" if value in ("true", "false") else value
        for name, value in pairs.items()
    }
