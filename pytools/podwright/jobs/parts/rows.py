"""Records as tables: a row for each field, in the order of their XML; most plugins add no more."""

from __future__ import annotations

from typing import Any, Union

from podwright.jobs.codec import Codec, Inside, Part, Value
from podwright.jobs.oneof import Short
from podwright.records import record
from podwright.schema import Kind, ListOf, Text, option

# name, element or codec, kind, default (`...` for none, None for no element), documentation. A
# question mark behind the element's name: it is not written when it has its default.
Row = tuple[str, Union[str, Codec], Kind, Any, str]


def made(
    doc: str,
    java: str,
    plugin: str,
    *rows: Row | Codec,
    inside: tuple[str, str] = ("", ""),
    **more: Any,
) -> Any:
    """Make a record of rows.

    Args:
        doc: its documentation.
        java: its class; that of a part that has none gives its name alone.
        plugin: the plugin that brings it.
        rows: its fields; codecs between them write what is no field.
        inside: the element that holds them and its class, when they do not stand in the record's.
        more: attributes of the record.
    """
    codecs = tuple(codec for row in rows for codec in _codecs_of(row))
    fields = {
        name: option(kind, words, _initial(kind, default), required=default is ...)
        for name, _, kind, default, words in (row for row in rows if isinstance(row, tuple))
    }
    about: dict[str, Any] = {
        "__doc__": doc,
        "__annotations__": dict.fromkeys(fields, "Any"),
        "JAVA": java if "." in java else "",
        "PLUGIN": plugin,
        "XML": (Inside(inside[0], codecs, {"class": inside[1]}),) if inside[0] else codecs,
    }
    return record(type(java.rpartition(".")[2], (Part,), {**about, **more, **fields}))


def _initial(kind: Kind, default: Any) -> Any:
    """Give a default; what must be given has one of its type, by which its XML is read."""
    nothing = () if isinstance(kind, ListOf) else "" if isinstance(kind, Text) else None
    return nothing if default is ... else default


def _codecs_of(row: Row | Codec) -> list[Codec]:
    """Give what writes a row; a field whose element is '' is written by a codec beside it."""
    if isinstance(row, Codec):
        return [row]
    name, xml, *_ = row
    if isinstance(xml, Codec):
        return [xml]
    return [Value(name, xml.rstrip("?"), always=not xml.endswith("?"))] if xml else []


def kind_of(made_of: type, rows: tuple[Row, ...]) -> Short:
    """Give the kind; a value alone stands for the only field that must be given."""
    needed = [name for name, _, _, default, _ in rows if default is ...]
    return Short(made_of, needed[0] if len(needed) == 1 else "")
