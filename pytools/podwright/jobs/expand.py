"""From what a description says to one set of fields for each job: defaults, templates, matrix.

Values are plain: ``{{name}}`` is replaced, nothing is computed. A field that holds nothing but
``{{name}}`` takes the value itself, so that numbers, lists and maps can be values too.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from podwright import located
from podwright.errors import guess
from podwright.located import Map, Mark, Problems, Seq

PLACEHOLDER = re.compile(r"(\\?)\{\{ *([A-Za-z_][A-Za-z0-9_]*) *\}\}")
MOST_JOBS = 100_000
DEFAULT_KIND = "pipeline"
# Behind a field's name: append to the list of the template or the defaults.
MORE = "+"
FILE = "file:"  # no name of a value
# What a job says besides the fields of its kind.
HEAD_KEYS = ("name", "kind", "template", "values", "matrix", "exclude", "formerly")


@dataclass(frozen=True)
class Entry:
    """One job, ready to be checked by its kind.

    Attributes:
        name: the full name.
        kind: the word behind ``kind:``.
        fields: the fields of the kind.
        values: what ``{{name}}`` stands for.
        formerly: the name it had before, if it was renamed.
        mark: where the job stands.
        name_at: where its name stands.
    """

    name: str
    kind: str
    fields: Map
    values: dict[str, Any]
    formerly: str
    mark: Mark
    name_at: Mark


@dataclass
class ExpansionContext:
    """What all jobs of a description may use.

    Attributes:
        templates: by name.
        defaults: for all files, by kind (or ``all``).
        kinds: the fields of each kind.
        problems: receives the mistakes.
        broken: names of templates that could not be read, which was told.
    """

    templates: dict[str, Map]
    defaults: dict[str, Map]
    kinds: Mapping[str, frozenset[str]]
    problems: Problems
    broken: frozenset[str] = frozenset()
    count: int = 0
    plain: dict[int, bool] = field(default_factory=dict)
    keep: list[Any] = field(default_factory=list)

    def is_plain(self, value: Any) -> bool:
        """Say whether a value has no placeholders, so that jobs may share it."""
        if isinstance(value, str):
            return "{{" not in value
        if not isinstance(value, (Map, Seq)):
            return True
        known = self.plain.get(id(value))
        if known is None:
            children = value.values() if isinstance(value, Map) else value
            known = self.plain[id(value)] = all(map(self.is_plain, children))
            self.keep.append(value)  # an id means something only while its object lives
        return known


@contextlib.contextmanager
def without_collector() -> Iterator[None]:
    """Stop the collector of cycles while many objects without cycles are made.

    It would look at all of them again and again: a third of the time of 5,000 jobs.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def expand(
    entry: Map, file_defaults: Mapping[str, Map], context: ExpansionContext
) -> Iterator[Entry]:
    """Make the jobs of one element of ``jobs:``.

    Args:
        entry: the element.
        file_defaults: the defaults of its file.
        context: what all jobs share; receives the problems.
    """
    merged = _with_templates(entry, context)
    if merged is None or not _check_shapes(merged, context.problems):
        return
    _note_unused(entry, merged, [file_defaults, context.defaults], context.problems)
    uses_values = any(key in merged for key in ("template", "values", "matrix"))
    for given in _value_combinations(merged, context.problems):
        values = resolved(given, merged, context)
        context.count += 1
        if context.count > MOST_JOBS:
            context.problems.add(
                merged.mark_of("matrix"), f"this makes more than {MOST_JOBS} jobs; split it up"
            )
            return
        job = _filled_entry(merged, values, context, uses_values=uses_values)
        if job is not None:
            yield _with_defaults(job, file_defaults, context)


def _with_templates(entry: Map, context: ExpansionContext) -> Map | None:
    """Complete an entry with its template, and that with its own, and so on."""
    merged = Map(entry.place)
    merged.copy_from(entry)
    levels = [entry]
    values = [entry.get("values")]
    seen: list[str] = []
    current = entry
    while "template" in current:
        name = current["template"]
        if name in context.broken:
            return None
        if not isinstance(name, str) or name not in context.templates:
            context.problems.add(
                current.mark_of("template"),
                f"unknown template '{name}'" + guess(str(name), context.templates)
                if context.templates
                else f"unknown template '{name}'; this description has none",
            )
            return None
        if name in seen:
            circle = " -> ".join([*seen[seen.index(name) :], name])
            context.problems.add(
                current.mark_of("template"), f"templates use each other in a circle: {circle}"
            )
            return None
        seen.append(name)
        current = context.templates[name]
        levels.append(current)
        merged.copy_from(current)
        values.append(current.get("values"))
    _merge_values(merged, [value for value in values if isinstance(value, Map)])
    for key in [key for key in merged if key.endswith(MORE)]:
        _join_lists(key, merged, levels, context.problems)
    return merged


def _join_lists(key: str, merged: Map, levels: list[Map], problems: Problems) -> None:
    """Append what ``key+`` gives to the list of the template behind, or of the defaults."""
    plain = key[: -len(MORE)]
    joined = Seq(merged.values_at[key])
    found = next((number for number, level in enumerate(levels) if plain in level), None)
    below = levels if found is None else levels[: found + 1]
    sources = [level[key] for level in below if key in level]
    if found is not None:
        if key in levels[found]:
            problems.add(merged.mark_of(key), f"{key}: `{plain}` stands beside it; write one list")
        sources.append(levels[found][plain])
    for source in reversed(sources):
        for number, value in enumerate(source if isinstance(source, Seq) else [source]):
            at = source.at[number] if isinstance(source, Seq) else merged.values_at[key]
            joined.put(value, at)
    target = key if found is None else plain  # the defaults come later
    merged.put(target, joined, merged.keys_at[key], merged.values_at[key])
    if target == plain:
        del merged[key]


def _merge_values(merged: Map, sources: list[Map]) -> None:
    """Join the values of a job and of its templates; the job's come first."""
    if len(sources) < 2:  # noqa: PLR2004 - nothing to join
        return
    values = Map(sources[0].place)
    for source in sources:
        values.copy_from(source)
    merged.put("values", values, merged.mark_of("values"), values.place)


def _note_unused(entry: Map, merged: Map, defaults: list[Any], problems: Problems) -> None:
    """Note a job's values that nothing is made of; what files use is not known here."""
    if not entry.get("values"):
        return
    used = _used([merged, *defaults]).union(*merged.get("exclude") or ())
    for name in entry["values"].keys() - used if FILE not in used else ():
        hint = guess(name, used) if used else ""
        sentence = f"no field uses the value '{name}'{hint}; correct its name, or remove it"
        problems.note(entry["values"].mark_of(name), sentence)


def _check_shapes(merged: Map, problems: Problems) -> bool:
    wanted = {"values": Map, "matrix": Map, "exclude": Seq}
    good = True
    for key, kind in wanted.items():
        if key in merged and not isinstance(merged[key], kind):
            expected = "a map" if kind is Map else "a list of maps"
            problems.add(merged.mark_of(key), f"{key}: expected {expected}")
            good = False
    for key in ("name", "kind", "formerly"):
        value = merged.get(key, "")
        if not isinstance(value, (str, int)) or isinstance(value, bool):
            problems.add(merged.mark_of(key), f"{key}: expected a text")
            good = False
    if "name" not in merged:
        problems.add(merged.place, "name: is missing; give the full name, such as team/app")
        good = False
    return good and _check_axes(merged, problems)


def _check_axes(merged: Map, problems: Problems) -> bool:
    good = True
    for name, axis in (merged.get("matrix") or {}).items():
        if not isinstance(axis, Seq) or not axis:
            problems.add(merged["matrix"].mark_of(name), f"matrix.{name}: expected a list")
            good = False
    for number, element in enumerate(merged.get("exclude") or ()):
        if not isinstance(element, Map):
            problems.add(merged["exclude"].at[number], f"exclude[{number}]: expected a map")
            good = False
    return good


def _value_combinations(merged: Map, problems: Problems) -> Iterator[dict[str, Any]]:
    base = dict(merged.get("values") or {})
    matrix = merged.get("matrix")
    if not matrix:
        yield base
        return
    excluded = [dict(element) for element in merged.get("exclude") or ()]
    used = [False] * len(excluded)
    for choice in itertools.product(*matrix.values()):
        values = dict(base)
        for name, value in zip(matrix, choice):
            # an element that is a map sets several values at once
            values.update(value if isinstance(value, Map) else {name: value})
        out = [all(values.get(n) == v for n, v in rule.items()) for rule in excluded]
        used = [before or now for before, now in zip(used, out)]
        if not any(out):
            yield values
    for number, hit in enumerate(used):
        if not hit:
            problems.add(
                merged["exclude"].at[number],
                f"exclude[{number}]: matches no combination of the matrix; correct or remove it",
            )


def resolved(values: dict[str, Any], merged: Map, context: ExpansionContext) -> dict[str, Any]:
    """Fill values into values, whatever their order."""
    done = {name: value for name, value in values.items() if context.is_plain(value)}
    waiting = {name: value for name, value in values.items() if name not in done}
    while waiting:
        ready = [name for name, value in waiting.items() if not _used(value) & waiting.keys()]
        if not ready:
            context.problems.add(
                merged.mark_of("values" if "values" in merged else "matrix"),
                f"values: {', '.join(waiting)} are made of each other; remove the circle",
            )
            return {**values, **done}
        for name in ready:
            at = merged.mark_of("values" if "values" in merged else "matrix")
            done[name] = fill(waiting.pop(name), done, at, context.problems)
    return done


def _used(value: Any) -> set[str]:
    """Name the values that a value is made of."""
    if isinstance(value, str):
        return {found[2] for found in PLACEHOLDER.finditer(value) if not found[1]}
    parts = [*value.values()] if isinstance(value, dict) else value
    begun = {FILE} if isinstance(value, dict) and "file" in value else set[str]()
    return begun.union(*map(_used, parts)) if isinstance(value, (dict, list)) else set()


def _filled_entry(
    merged: Map, values: dict[str, Any], context: ExpansionContext, *, uses_values: bool
) -> Entry | None:
    fields = Map(merged.place)
    head: dict[str, Any] = {"kind": DEFAULT_KIND, "formerly": ""}
    for key, value in merged.items():
        if key in {"values", "matrix", "exclude", "template"}:
            continue
        at = merged.values_at[key]
        if (uses_values or key in HEAD_KEYS) and not context.is_plain(value):
            value = fill(value, values, at, context.problems)  # noqa: PLW2901
        if key in {"name", "kind", "formerly"}:
            head[key] = str(value)
        else:
            fields.put(key, value, merged.keys_at[key], at)
    kind = head["kind"]
    if kind not in context.kinds:
        context.problems.add(
            merged.mark_of("kind"), f"kind: unknown kind '{kind}'{guess(kind, context.kinds)}"
        )
        return None
    place = located.mark_at(merged.values_at["name"])
    return Entry(
        head["name"], kind, fields, values, head["formerly"], located.mark_at(merged.place), place
    )


def _with_defaults(
    job: Entry, file_defaults: Mapping[str, Map], context: ExpansionContext
) -> Entry:
    """Add what the job leaves open: defaults of the file, then of all files."""
    allowed = context.kinds[job.kind]
    for source in (file_defaults, context.defaults):
        for section in (job.kind, "all"):
            for key, value in source.get(section, {}).items():
                more = job.fields.pop(key + MORE, None)
                if more is not None:
                    value = _with_more(value, more)  # noqa: PLW2901
                if key in job.fields or (section == "all" and key not in allowed):
                    continue
                at = source[section].values_at[key]
                if job.values and not context.is_plain(value):
                    value = fill(value, job.values, at, context.problems)  # noqa: PLW2901
                job.fields.put(key, value, source[section].keys_at[key], at)
    for key in [key for key in job.fields if key.endswith(MORE)]:
        plain = key[: -len(MORE)]
        job.fields.put(
            plain, job.fields.pop(key), job.fields.keys_at[key], job.fields.values_at[key]
        )
    return job


def _with_more(value: Any, more: Seq) -> Seq:
    """Append to the list of a default."""
    joined = Seq(more.place)
    parts = value if isinstance(value, Seq) else [value]
    for part in (*parts, *more):
        joined.put(part, more.place)
    return joined


def fill(value: Any, values: Mapping[str, Any], at: Any, problems: Problems) -> Any:
    """Replace the placeholders in a value and in everything it holds."""

    def change(part: Any, where: Any) -> Any:
        return _fill_scalar(part, values, where, problems) if isinstance(part, str) else part

    return located.rebuilt(value, at, change)


def _fill_scalar(text: str, values: Mapping[str, Any], at: Any, problems: Problems) -> Any:
    if "{{" not in text:
        return text
    whole = PLACEHOLDER.fullmatch(text)
    if whole and not whole[1] and whole[2] in values:
        return values[whole[2]]
    missing: list[str] = []
    filled = fill_text(text, values, missing)
    for name in missing:
        problems.add(at, why_not_filled(name, values))
    return filled


def why_not_filled(name: str, values: Mapping[str, Any]) -> str:
    """Say why a placeholder cannot be filled."""
    if name in values:
        what = "list" if isinstance(values[name], list) else "map"
        return f"{{{{{name}}}}} is a {what}, which is no part of a text; let it stand alone"
    hint = guess(name, values) if values else "; this job has no values"
    return (
        f"{{{{{name}}}}} stands for no value{hint}; to keep it as it is, write \\{{{{{name}}}}} "
        f"(in double quotes \\\\{{{{{name}}}}})"
    )


def fill_text(text: str, values: Mapping[str, Any], missing: list[str]) -> str:
    r"""Replace the placeholders in a text.

    Args:
        text: with ``{{name}}``; ``\{{name}}`` stays without its backslash.
        values: by name.
        missing: receives the names without a value that is a text.
    """

    def one(found: re.Match[str]) -> str:
        if found[1]:
            return found[0][1:]
        if isinstance(values.get(found[2], []), (list, dict)):
            missing.append(found[2])
            return found[0]
        value = values[found[2]]
        if isinstance(value, bool):
            return "true" if value else "false"
        return "" if value is None else str(value)

    return PLACEHOLDER.sub(one, text)
