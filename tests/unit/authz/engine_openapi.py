"""Reads what requests may carry out of the engine's own OpenAPI description.

Without arguments it prints the list anew, for engine-openapi.json; with --newest it says what the
newest description that is published has more than the list.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from engine_source import go

if TYPE_CHECKING:
    from collections.abc import Iterator

MODULE = "github.com/moby/moby/api"
VERSION = "v1.56.1"
Operations = dict[str, dict[str, list[str]]]


def source(version: str) -> Path | None:
    """Where the description lies (downloaded when need be); None without Go or network."""
    found = go("mod", "download", "-json", f"{MODULE}@{version}").get("Dir")
    return Path(found) / "swagger.yaml" if found else None


def newest() -> str:
    """The newest version of the engine's API that is published."""
    return str(go("list", "-m", "-json", f"{MODULE}@latest").get("Version", ""))


def operations(file: Path) -> Operations:
    """Each operation with its parameters and the fields of its body, by their places."""
    with file.open(encoding="utf-8") as stream:
        description = yaml.load(stream, yaml.CSafeLoader)
    definitions, found = description["definitions"], {}
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            parameters = operation.get("parameters", ())
            bodies = [one["schema"] for one in parameters if one["in"] == "body"]
            places = {place for body in bodies for place in _places(body, definitions, "", ())}
            found[f"{method.upper()} {path}"] = {
                "query": sorted(one["name"] for one in parameters if one["in"] == "query"),
                "body": sorted(places),
            }
    return dict(sorted(found.items()))


def _places(
    schema: dict[str, Any], definitions: dict[str, Any], place: str, above: tuple[str, ...]
) -> Iterator[str]:
    """The places of all fields of a schema."""
    name = schema.get("$ref", "").rpartition("/")[2]
    if name:
        if name not in above:
            yield from _places(definitions[name], definitions, place, (*above, name))
        return
    for part in schema.get("allOf", ()):
        yield from _places(part, definitions, place, above)
    for field, inner in schema.get("properties", {}).items():
        yield f"{place}.{field}"
        yield from _places(inner, definitions, f"{place}.{field}", above)
    for word, mark in (("items", "[]"), ("additionalProperties", ".*")):
        if isinstance(schema.get(word), dict):
            yield from _places(schema[word], definitions, place + mark, above)


def more(old: Operations, new: Operations) -> list[str]:
    """What the newer description has and the older one lacks."""
    lines = [f"{name}: a new operation" for name in sorted(set(new) - set(old))]
    for name in sorted(set(new) & set(old)):
        for kind, word in (("query", "parameter"), ("body", "field")):
            added = sorted(set(new[name][kind]) - set(old[name][kind]))
            lines += [f"{name}: a new {word} {one}" for one in added]
    return lines


def _newer() -> int:
    version = newest()
    file = source(version)
    if file is None:
        sys.exit("engine_openapi: Go or the module is not to be had")
    listed = json.loads(Path(__file__).with_name("engine-openapi.json").read_text("utf-8"))
    lines = more(listed["operations"], operations(file))
    print(f"{MODULE}@{version}: {len(lines)} more than {listed['origin']}", *lines, sep="\n")  # noqa: T201
    return 1 if lines else 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--newest"]:
        sys.exit(_newer())
    place = source(VERSION)
    if place is None:
        sys.exit("engine_openapi: Go or the module is not to be had")
    made = {"origin": f"{MODULE}@{VERSION} swagger.yaml", "operations": operations(place)}
    print(json.dumps(made, indent=1))  # noqa: T201
