"""The JSON Schema of descriptions and the reference page, from the records alone."""

from __future__ import annotations

from typing import Any

from podwright import json_schemas, pages
from podwright.jobs import kinds
from podwright.jobs.description import DescriptionFile
from podwright.jobs.expand import DEFAULT_KIND, MORE
from podwright.jobs.kinds.view import Column
from podwright.jobs.oneof import OneOf, ScalarLines, Script, Switch
from podwright.records import fields
from podwright.schema import ListOf

HEAD_DOCS = {
    "name": "full name, such as team/app; may hold {{name}} when the job has values",
    "kind": f"what it is (default: {DEFAULT_KIND})",
    "template": "a template that completes the job",
    "values": "what {{name}} stands for in the job's fields",
    "matrix": "makes one job for each combination of its lists; an element that is a map sets "
    "several values",
    "exclude": "combinations of the matrix that are left out",
    "formerly": "the name before a renaming, so that the builds move along",
}
VALUE = {"$ref": "#/$defs/value"}
PLACEHOLDER = {"type": "string", "pattern": "\\{\\{ *[A-Za-z_][A-Za-z0-9_]* *\\}\\}"}


IN_FILE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["file"],
    "properties": {"file": {"type": "string"}},
}
RAW = {
    "type": "object",
    "additionalProperties": False,
    "required": ["xml"],
    "properties": {"xml": {"type": "string"}},
}
json_schemas.MAKERS.update(
    {
        OneOf: json_schemas.reference,
        Column: lambda kind: {"oneOf": [{"enum": sorted(kind.words())}, RAW]},
        Script: lambda _: {"oneOf": [{"type": "string"}, IN_FILE]},
        ScalarLines: lambda _: {"type": ["string", "number", "boolean"]},
        Switch: lambda kind: {"oneOf": [json_schemas.reference(kind), {"type": "boolean"}]},
    }
)


def json_schema() -> dict[str, Any]:
    """Give the JSON Schema (2020-12) of one file of a description."""
    schema = json_schemas.of_record(DescriptionFile)
    sections = {name: {"$ref": f"#/$defs/{name}-fields"} for name in kinds.names()}
    job = {"$ref": "#/$defs/job"}
    named = {"anyOf": [{"required": ["name"]}, {"required": ["template"]}]}
    own: dict[str, dict[str, Any]] = {
        "defaults": {
            "type": "object",
            "additionalProperties": False,
            "properties": {**sections, "all": {"type": "object"}},
        },
        "templates": {"type": "object", "additionalProperties": job},
        "jobs": {"type": "array", "items": {"allOf": [job, named]}},
    }
    for name, said in own.items():
        about = schema["properties"][name]["description"]
        schema["properties"][name] = {**said, "description": about}
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Jenkins jobs as code"
    schema["$defs"] = {
        **json_schemas.definitions(*map(kinds.load, kinds.names())),
        **_definitions(),
    }
    return schema


def _definitions() -> dict[str, Any]:
    made: dict[str, Any] = {"value": PLACEHOLDER}
    for name in kinds.names():
        record = json_schemas.of_record(kinds.load(name))
        made[f"{name}-fields"] = {
            "type": "object",
            "properties": {key: filled(value) for key, value in record["properties"].items()},
        }
    head = {key: {"description": text} for key, text in HEAD_DOCS.items()}
    for key in ("name", "template", "formerly"):
        head[key]["type"] = "string"
    for key in ("values", "matrix"):
        head[key]["type"] = "object"
    head["matrix"]["additionalProperties"] = {"type": "array", "minItems": 1}  # type: ignore[assignment]
    head["exclude"]["type"] = "array"
    head["kind"]["anyOf"] = [{"enum": list(kinds.names())}, VALUE]  # type: ignore[assignment]
    made["job"] = {
        "type": "object",
        "properties": head,
        "allOf": [_when(name) for name in kinds.names()],
    }
    return made


def _when(name: str) -> dict[str, Any]:
    """Apply the fields of a kind to the jobs of that kind, and allow no others."""
    known = {item.name: True for item in fields(kinds.load(name))}
    known |= {
        f"{item.name}{MORE}": True
        for item in fields(kinds.load(name))
        if isinstance(item.metadata["kind"], ListOf)
    }
    head = dict.fromkeys(HEAD_DOCS, True)
    condition: dict[str, Any] = {"properties": {"kind": {"const": name}}, "required": ["kind"]}
    if name == DEFAULT_KIND:
        unsaid = [{"required": ["kind"]}, {"required": ["template"]}]
        condition = {"anyOf": [condition, {"not": {"anyOf": unsaid}}]}
    return {
        "if": condition,
        "then": {
            "allOf": [{"$ref": f"#/$defs/{name}-fields"}],
            "properties": {**known, **head},
            "additionalProperties": False,
        },
    }


def filled(schema: dict[str, Any]) -> dict[str, Any]:
    """Allow ``{{name}}`` wherever a value is expected."""
    bare = {key: value for key, value in schema.items() if key != "description"}
    return {"anyOf": [bare, VALUE], "description": schema["description"]}


# -- the reference page --------------------------------------------------------------------------


def reference() -> str:
    """Write the reference page of descriptions (Markdown)."""
    out = [
        "# Reference: descriptions of jobs",
        "",
        "<!-- generated by `podwright jobs schema --page`; do not edit -->",
        "",
        "A description is a YAML file, or a folder with several.",
        "`podwright jobs schema` prints its JSON Schema.",
        "",
        "## A file",
        "",
        *pages.table(DescriptionFile, "field"),
        "## A job",
        "",
        "| field | meaning |",
        "|---|---|",
        *(f"| `{key}` | {pages.cell(text)} |" for key, text in HEAD_DOCS.items()),
        "",
        "Everything else depends on the kind. The name of a list with a plus, such as",
        "`parameters+`, appends to the list of the template or of the defaults.",
        "",
    ]
    seen: list[type] = []
    for name in kinds.names():
        kind = kinds.load(name)
        out += [f"## kind: {name}", "", pages.first_line(kind), "", *pages.table(kind, "field")]
        out += pages.sections(kind, "###", seen, "field")
    return "\n".join(out).rstrip() + "\n"
