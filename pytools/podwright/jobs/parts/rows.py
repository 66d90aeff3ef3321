"""Records of plain values, each a row of a table: most of what plugins add to jobs is no more."""

from __future__ import annotations

from typing import Any

from podwright.jobs.codec import Inside, Part, Value
from podwright.jobs.oneof import Short
from podwright.records import record
from podwright.schema import Kind, option

# name, name of the element, kind, default (`...` for none, None for no element), documentation
Row = tuple[str, str, "Kind", Any, str]


def made(doc: str, java: str, plugin: str, *rows: Row, inside: tuple[str, str] = ("", "")) -> type:
    """Make a record of rows.

    Args:
        doc: its documentation.
        java: its class.
        plugin: the plugin that brings it.
        rows: its fields.
        inside: the element that holds them and its class, when they do not stand in the record's.
    """
    values = tuple(Value(name, tag) for name, tag, *_ in rows)
    fields = {
        name: option(kind, words, None if default is ... else default, required=default is ...)
        for name, _, kind, default, words in rows
    }
    about: dict[str, Any] = {
        "__doc__": doc,
        "__annotations__": dict.fromkeys(fields, "Any"),
        "JAVA": java,
        "PLUGIN": plugin,
        "XML": (Inside(inside[0], values, {"class": inside[1]}),) if inside[0] else values,
    }
    return record(type(java.rpartition(".")[2], (Part,), {**about, **fields}))


def kind_of(made_of: type, rows: tuple[Row, ...]) -> Short:
    """Give the kind; a value alone stands for the only field that must be given."""
    needed = [name for name, _, _, default, _ in rows if default is ...]
    return Short(made_of, needed[0] if len(needed) == 1 else "")
