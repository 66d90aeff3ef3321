"""Make a page for browsers of what a build did: one file that needs nothing else.

Takes what `podwright build` printed, or the artifact of `record: true`. With
its log the steps with their times and what came from the cache, and the cause
when it failed; with --layers the registry is asked for the layers.
"""

from __future__ import annotations

import json
import re
from html import escape
from pathlib import Path

from podwright import resources, steps, strategies
from podwright.described import shown_size
from podwright.desk.page import bar, facts, page, table
from podwright.distribution import parameters as named
from podwright.doctor import context, diagnosis, matching
from podwright.errors import UsageError
from podwright.sources import read_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from typing import Any

    from podwright.console import Console

SUMMARY = "make a page for browsers of what a build did"
OPTIONS = """
[result]     the result as JSON; none for a failed build
--log FILE   the build's log
--scan FILE  what `podwright scan` printed
--sbom FILE  an SBOM in SPDX as JSON
--layers     ask the registry for the layers
"""
PARAMETERS = named.Repositories, ""


def run(options: argparse.Namespace, console: Console) -> int:
    value = _json(options.result) if options.result else []
    results = value if isinstance(value, list) else [value]
    if not results and not options.log:
        raise UsageError("give the result of a build, or the --log of one that failed")
    parts = [_of_result(item) for item in results]
    parts += [
        part for item in results if options.layers for part in _layers(item, options, console)
    ]
    parts += _of_log(Path(options.log)) if options.log else []
    parts += [f"<h2>Vulnerabilities</h2>{_scan(_json(options.scan))}"] if options.scan else []
    parts += [f"<h2>Contents</h2>{_sbom(_json(options.sbom))}"] if options.sbom else []
    names = ", ".join(str(item["image"]) for item in results)
    console.result(page(f"Build of {names}" if names else "A build that failed", "\n".join(parts)))
    return 0


def _json(path: str) -> Any:
    try:
        return json.loads(read_text(Path(path), path))
    except ValueError as error:
        raise UsageError(f"'{path}' is not valid JSON: {error}") from None


def _of_result(item: dict[str, Any]) -> str:
    size = shown_size(item["size"]) if item.get("size") else ""
    pairs = [("image", item["image"]), ("tags", ", ".join(item.get("tags") or []))]
    pairs += [("digest", item.get("digest")), ("archive", item.get("output")), ("size", size)]
    pairs += [("platforms", ", ".join(item.get("platforms") or []))]
    pairs += [("steps from the cache", item.get("cachedSteps")), ("seconds", item.get("seconds"))]
    pushed = '<p class="good">Pushed.</p>' if item.get("pushed") else "<p>Not pushed.</p>"
    return f"<h2>Result</h2>{pushed}{facts(pairs)}"


def _layers(item: dict[str, Any], options: argparse.Namespace, console: Console) -> Iterator[str]:
    """Ask the registry for the layers, and for the step that made each."""
    value = steps.request_of(options, console, named.Repositories)
    known = named.Registries(named.parse(named.Repositories, value), Path.cwd(), console.env)
    where = named.read_source(item["reference"])
    repository = known.repository(where.name, "pull")
    for child in item.get("manifests") or [{"digest": where.digest, "platform": ""}]:
        made = repository.get(child["digest"]).value
        config = json.loads(repository.blob(made["config"]["digest"]))
        by = [
            h.get("created_by", "") for h in config.get("history", []) if not h.get("empty_layer")
        ]
        sizes = [int(layer["size"]) for layer in made["layers"]]
        by += [""] * (len(sizes) - len(by))
        rows = sorted(zip(sizes, by), key=lambda row: -row[0])
        cells = [(escape(b[:200]), shown_size(s) + bar(s, rows[0][0])) for s, b in rows]
        yield "<h2>Layers</h2>" + table(
            f"largest first {child['platform']}", ["made by", "size"], cells
        )


def _of_log(path: Path) -> Iterator[str]:
    text = read_text(path, str(path))
    with path.open("rb") as stream:
        found = matching.scan(stream)
    causes = diagnosis.decide(found, context.Context(allowed=tuple(strategies.names())))
    for cause in [] if found.succeeded else causes:
        yield f'<h2>Why it failed</h2><p class="bad">{escape(cause.sentence)}</p>'
        yield f"<p>{escape(cause.remedy)}</p><pre>{escape(cause.line)}</pre>"
    rows = list(_steps(text))
    longest = max((seconds for _, seconds, _ in rows), default=0)
    cells = [
        (
            escape(step),
            "cache" if cached else f"{seconds:g} s{bar(seconds, longest)}" if seconds else "",
        )
        for step, seconds, cached in rows
    ]
    yield (
        "<h2>Steps</h2>" + table("in the order of the log", ["step", "time"], cells) if rows else ""
    )


def _steps(text: str) -> Iterator[tuple[str, float, bool]]:
    """Give the steps of a log: what, seconds (0 where the builder does not tell), cached."""
    forms = json.loads(resources.text("data/steps.json"))
    found: dict[str, list[Any]] = {}
    last = ""
    for line in text.splitlines():
        for kind in ("begins", "cached", "took", "phases"):
            for form in forms[kind]:
                match = re.search(form, line)
                parts = match.groupdict() if match else {}
                if match and kind == "begins":
                    last = parts.get("id") or f"{len(found)}"
                    found.setdefault(last, [parts["text"], 0.0, False])
                elif match and kind == "phases":
                    for name, seconds in parts.items():
                        found[name] = [f"{name}, all of it", float(seconds), False]
                elif match and (parts.get("id") or last) in found:
                    step = found[parts.get("id") or last]
                    step[1:] = [float(parts.get("seconds") or step[1]), step[2] or kind == "cached"]
    yield from ((text, seconds, cached) for text, seconds, cached in found.values())


def _scan(value: dict[str, Any]) -> str:
    value = value.get("value", value)
    levels = table(
        "by severity",
        ["level", "number"],
        [(escape(k), str(v)) for k, v in value["vulnerabilities"].items()],
    )
    failing = "".join(f"<li>{escape(text)}</li>" for text in value["failing"])
    return levels + (f'<p class="bad">These fail:</p><ul>{failing}</ul>' if failing else "")


def _sbom(value: dict[str, Any]) -> str:
    packages = [
        (str(p.get("name")), str(p.get("versionInfo", ""))) for p in value.get("packages", [])
    ]
    rows = [(escape(name), escape(version)) for name, version in sorted(packages)]
    body = table(f"{len(rows)} packages", ["package", "version"], rows)
    return f"<details><summary>{len(rows)} packages</summary>{body}</details>"
