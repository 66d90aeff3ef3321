"""JSON Schemas (2020-12) of the records, for editors and other tools; planning needs none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from podwright import schema
from podwright.records import fields
from podwright.schema import Kind


def of_kind(kind: Kind) -> dict[str, Any]:
    """Give the schema of a kind of values; what stands in ``$defs`` is referred to."""
    return next(MAKERS[cls] for cls in type(kind).__mro__ if cls in MAKERS)(kind)


def of_record(cls: type) -> dict[str, Any]:
    """Give the schema of a record whose fields are options."""
    properties = {
        item.name: {**of_kind(item.metadata["kind"]), "description": item.metadata["doc"]}
        for item in fields(cls)
    }
    required = [item.name for item in fields(cls) if item.metadata["required"]]
    made = {"type": "object", "additionalProperties": False, "properties": properties}
    return {**made, "required": required} if required else made


def parts(kind: Any) -> dict[str, Kind]:
    """Give the kinds of what a value holds, by the key that chooses one, '' for none."""
    if isinstance(kind, (schema.ListOf, schema.MapOf)):
        return {"": kind.item}
    if isinstance(kind, schema.RecordOf):
        return schema.kinds_of(kind.of)
    return dict(getattr(kind, "variants", {}))


def definitions(*classes: type) -> dict[str, Any]:
    """Give the schemas of the records that some records use, for ``$defs``.

    Raises:
        ValueError: one name stands for two of them.
    """
    made: dict[str, Any] = {}
    waiting = [kind for cls in classes for kind in schema.kinds_of(cls).values()]
    while waiting:
        kind = waiting.pop(0)
        name, define = definition(kind)
        if name in made:
            if made[name] != define(kind):
                raise ValueError(name)
            continue
        if name:
            made[name] = define(kind)
        waiting += parts(kind).values()
    return dict(sorted(made.items()))


def definition(kind: Any) -> tuple[str, Callable[[Any], dict[str, Any]]]:
    """Give name and maker of what stands once, in ``$defs``; no name for small ones."""
    if isinstance(kind, schema.RecordOf):
        # Parts of jobs are told apart by their classes in Jenkins.
        names = (getattr(kind.of, name, "") for name in ("SCHEMA", "JAVA", "__name__"))
        return next(filter(None, names)), lambda kind: of_record(kind.of)
    variants = getattr(kind, "variants", None)
    if not variants:
        return "", of_kind
    first = definition(next(iter(variants.values())))[0]
    return f"{kind.what.replace(' ', '-')}-{len(variants)}-{first}".rstrip("-"), _one_of


def _one_of(kind: Any) -> dict[str, Any]:
    """Give one object for each variant, or the bare name of one."""
    objects = [
        {
            "type": "object",
            "additionalProperties": False,
            "required": [key],
            "properties": {key: of_kind(variant)},
        }
        for key, variant in kind.variants.items()
    ]
    # The words end where an element begins: XML may be given as it is.
    words: list[dict[str, Any]] = [{"enum": list(kind.variants)}]
    words += [{"type": "string", "pattern": "^\\s*<"}] if "xml" in kind.variants else []
    return {"oneOf": [*words, *objects]}


def reference(kind: Any) -> dict[str, Any]:
    """Give the schema that stands for one of ``$defs``."""
    return {"$ref": f"#/$defs/{definition(kind)[0]}"}


def _text(kind: Any) -> dict[str, Any]:
    others = ["number"] * kind.numbers + ["boolean"] * kind.booleans
    made: dict[str, Any] = {"type": ["string", *others] if others else "string"}
    return {**made, "pattern": f"^(?:{kind.pattern})$"} if kind.pattern else made


def _list(kind: Any) -> dict[str, Any]:
    element = of_kind(kind.item)
    return {"oneOf": [{"type": "array", "items": element}, element]}


def _map(kind: Any) -> dict[str, Any]:
    item = of_kind(kind.item)
    item = {"oneOf": [item, {"type": "null"}]} if kind.nulls else item
    return {"type": "object", "additionalProperties": item}


def _record(kind: Any) -> dict[str, Any]:
    kinds = schema.kinds_of(kind.of)
    short = [of_kind(kinds[name]) for name in (kind.shorthand, kind.flag) if name]
    short += [{"type": "boolean"}] if isinstance(kind, schema.LateRecordOf) else []
    return {"oneOf": [reference(kind), *short]} if short else reference(kind)


_DURATION = {
    "oneOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": "^[0-9]{1,6}[smh]$"}]
}
_JSON_TYPES = {dict: "object", list: "array", str: "string"}
# The kinds of jobs add theirs.
MAKERS: dict[type, Callable[[Any], dict[str, Any]]] = {
    schema.Text: _text,
    schema.Flag: lambda _: {"type": "boolean"},
    schema.Number: lambda kind: {"type": "integer", "minimum": kind.least, "maximum": kind.most},
    schema.Duration: lambda _: _DURATION,
    schema.Choice: lambda kind: {"enum": [*sorted(kind.words()), *kind.booleans]},
    schema.ListOf: _list,
    schema.MapOf: _map,
    schema.Anything: lambda kind: {"type": [_JSON_TYPES[item] for item in kind.types]},
    schema.RecordOf: _record,
}
