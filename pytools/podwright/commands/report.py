"""Make a page for browsers of what a build did: one file that needs nothing else.

Takes what `podwright build` printed, or the artifact of `record: true`. With
its log the steps with their times and what came from the cache, and the cause
when it failed; with --layers the registry is asked for the layers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from podwright import resources, strategies
from podwright.console import Console
from podwright.described import shown_size
from podwright.distribution import parameters as named
from podwright.doctor import context, diagnosis, matching
from podwright.errors import PodwrightError, UsageError
from podwright.page import bar, facts, page, table
from podwright.records import record
from podwright.schema import Anything, Flag, Text, option
from podwright.sources import read_text

SUMMARY = "make a page for browsers of what a build did"


@record
class BuildReport(named.Repositories):
    """What is told of a build."""

    result: Any = option(
        Anything(types=(str, dict, list)), "the result as JSON; none for a failed build", None
    )
    log: str = option(Text(), "the build's log", "")
    scan: str = option(Text(), "what `podwright scan` printed", "")
    sbom: str = option(Text(), "an SBOM in SPDX as JSON", "")
    layers: bool = option(Flag(), "ask the registry for the layers", default=False)
    failure: dict[str, Any] | None = option(
        Anything(types=(dict,)), "why it failed: sentence and remedy", None, internal=True
    )
    image: str = option(Text(), "what was to be built", "", internal=True)
    folder: str = option(Text(), "where the page is written", "", internal=True)


PARAMETERS = BuildReport, "[result] log scan sbom layers"


def work(value: dict[str, Any], console: Console) -> Any:
    asked = named.parse(BuildReport, value)
    told = _json(asked.result) if isinstance(asked.result, str) else asked.result
    results = told if isinstance(told, list) else [told] if told else []
    if not (results or asked.log or asked.failure):
        raise UsageError("give the result of a build, or the --log of one that failed")
    cause = asked.failure
    parts = _cause(cause.get("sentence", ""), cause.get("remedy", "")) if cause else ""
    for item in results:
        shows = asked.layers and item.get("reference")
        parts += _of_result(item) + (_layers(item, asked, console) if shows else "")
        parts += f"<h2>Vulnerabilities</h2>{_scan(item['scan'])}" if item.get("scan") else ""
    if (asked.log and Path(asked.log).exists()) or not asked.folder:
        parts += "".join(_of_log(Path(asked.log), failed=bool(cause))) if asked.log else ""
    parts += f"<h2>Vulnerabilities</h2>{_scan(_json(asked.scan))}" if asked.scan else ""
    parts += f"<h2>Contents</h2>{_sbom(_json(asked.sbom))}" if asked.sbom else ""
    names = ", ".join(str(item["image"]) for item in results)
    failed = f"Build of {asked.image} failed" if asked.image else "A build that failed"
    text = page(f"Build of {names}" if names else failed, parts)
    return _written(text, asked) if asked.folder else text


def _written(text: str, asked: BuildReport) -> str:
    """Write the page into a folder, with its style as a file: Jenkins shows no other."""
    folder = Path(asked.folder)
    folder.mkdir(parents=True, exist_ok=True)
    style = text.partition("<style>")[2].partition("</style>")[0]
    (folder / "page.css").write_text(style, encoding="utf-8")
    link = '<link rel="stylesheet" href="page.css">'
    page_file = folder / "index.html"
    page_file.write_text(text.replace("<style>", f"{link}<style>", 1), encoding="utf-8")
    if asked.log:
        Path(asked.log).unlink(missing_ok=True)
    return str(page_file)


def _cause(sentence: str, remedy: str, line: str = "") -> str:
    shown = f"<pre>{escape(line)}</pre>" if line else ""
    return (
        f'<h2>Why it failed</h2><p class="bad">{escape(sentence)}</p><p>{escape(remedy)}</p>{shown}'
    )


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


def _layers(item: dict[str, Any], asked: BuildReport, console: Console) -> str:
    """Ask the registry for the layers; a page that a pipeline makes does without when it must."""
    try:
        return "".join(_of_layers(item, asked, console))
    except PodwrightError as error:
        if not asked.folder:
            raise
        return f"<h2>Layers</h2><p>They cannot be read: {escape(str(error))}</p>"


def _of_layers(item: dict[str, Any], asked: BuildReport, console: Console) -> Iterator[str]:
    """Give the layers, and the step that made each."""
    known = named.Registries(asked, console.env)
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
            "largest first" + (f", {child['platform']}" if child["platform"] else ""),
            ["made by", "size"],
            cells,
        )


def _of_log(path: Path, *, failed: bool) -> Iterator[str]:
    text = read_text(path, str(path))
    with path.open("rb") as stream:
        found = matching.scan(stream)
    causes = diagnosis.decide(found, context.Context(allowed=tuple(strategies.names())))
    for cause in [] if found.succeeded else causes:
        yield _cause(cause.sentence, cause.remedy, cause.line)
    rows = list(_steps(text))
    longest = max((seconds for _, seconds, _ in rows), default=0)
    # What failed in a build that succeeded was tried again.
    words = {"cached": "cache"}
    if failed or (causes and not found.succeeded):
        words["failed"] = '<span class="bad">failed</span>'
    cells = [
        (
            escape(step),
            words.get(end) or (f"{seconds:g} s{bar(seconds, longest)}" if seconds else ""),
        )
        for step, seconds, end in rows
    ]
    yield (
        "<h2>Steps</h2>" + table("in the order of the log", ["step", "time"], cells) if rows else ""
    )


def _steps(text: str) -> Iterator[tuple[str, float, str]]:
    """Give the steps of a log: what, seconds (0 where the builder does not tell), how it ended."""
    forms = json.loads(resources.text("data/steps.json"))
    found: dict[str, list[Any]] = {}
    cached: set[str] = set()
    last = image = ""
    for line in text.splitlines():
        for kind in ("images", "begins", "cached", "took", "failed", "phases"):
            for form in forms[kind]:
                match = re.search(form, line)
                parts = match.groupdict() if match else {}
                key = f"{image}{parts['id']}" if parts.get("id") else last
                if match and kind == "images":
                    image, last = f"{parts['image']} ", ""
                elif match and kind == "begins":
                    last = key if parts.get("id") else f"{len(found)}"
                    end = "cached" if parts["text"] in cached else ""
                    said = parts["text"].replace('\\"', '"' if "quoted" in parts else '\\"')
                    found.setdefault(last, [said, 0.0, end])
                elif match and "as" in parts:
                    cached.add(parts["as"])
                elif match and kind == "phases":
                    for name, seconds in parts.items():
                        found[image + name] = [f"{name}, all of it", float(seconds), ""]
                elif match and key in found:
                    step = found[key]
                    ended = step[2].replace("failed", "") if kind == "took" else kind
                    step[1:] = [float(parts.get("seconds") or step[1]), ended]
    yield from ((text, seconds, end) for text, seconds, end in found.values())


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
