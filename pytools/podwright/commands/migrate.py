"""Propose how a Jenkinsfile builds with podwright, as a diff.

Knows docker.build, withRegistry, push, image(...).inside and withRun, agents
made of a Dockerfile, and kaniko in a pod template. What it is not sure of it
leaves alone, and says so. Nothing is written without --write.

Exit codes: 0 nothing to change or written, 3 changes are proposed.
"""

from __future__ import annotations

import argparse
import difflib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from podwright import resources
from podwright.console import Console
from podwright.desk.groovy import GroovyCall, calls, indented, inner, plain, quoted
from podwright.errors import EXIT_DONE, EXIT_PENDING
from podwright.sources import read_text

SUMMARY = "propose how a Jenkinsfile builds with podwright"
OPTIONS = """
[file]   (default: Jenkinsfile)
--write  write the change
"""

_BUILD = r"(?:\bdef\s+)?\b(\w+)\s*=\s*docker\.build\s*\("
_REGISTRY = r"\bdocker\.withRegistry\s*\("
_AWAY = "so what earlier steps made is not there: stash it, or make it inside"
_HERE = (".", "`pwd`", "$PWD", "$(pwd)", "$WORKSPACE", "${WORKSPACE}", "dir://.", "")


class Proposal:
    """A Jenkinsfile as it is changed, with what has to be said about it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.notes: list[str] = []
        for change in (self._builds, self._wrappers, self._services, self._kaniko, self._agent):
            change()
        used = re.search(r"\b(buildImage|withBuilderPod)\(", self.text)
        if self.text != text and "@Library" not in text and used:
            self.text = f"@Library('podwright') _\n\n{self.text}"

    def left(self) -> Iterator[str]:
        """Say which lines stay, and what to do with them."""
        advice = json.loads(resources.text("data/migrate/advice.json"))
        blank = plain(self.text).split("\n")
        results = "|".join(re.findall(r"\b(\w+)\s*=\s*buildImage\b", self.text)) or "(?!)"
        for number, line in enumerate(self.text.split("\n")):
            code = line if "sh " in blank[number] else blank[number]
            for form, sentence in advice.items():
                if re.search(form.replace("@result@", rf"\b({results})"), code):
                    yield f"line {number + 1}: '{line.strip()[:60]}' is left alone: {sentence}"
                    break

    def _edit(self, edits: list[tuple[int, int, str]]) -> None:
        for start, end, new in sorted(edits, reverse=True):
            self.text = self.text[:start] + new + self.text[end:]

    def _statement(self, start: int, end: int) -> tuple[int, int]:
        """Widen a call to its whole lines, when nothing else stands there."""
        first = self.text.rfind("\n", 0, start) + 1
        last = self.text.find("\n", end)
        last = len(self.text) if last < 0 else last
        alone = not (self.text[first:start] + self.text[end:last]).strip(" \t;")
        return (first, last + 1) if alone else (start, end)

    def _indent(self, place: int) -> str:
        line = self.text[self.text.rfind("\n", 0, place) + 1 : place]
        return line[: len(line) - len(line.lstrip())]

    # -- docker-workflow -------------------------------------------------------------------------

    def _builds(self) -> None:
        """Put buildImage in the place of docker.build, with all that its image is pushed as."""
        scopes = [scope for scope in calls(self.text, _REGISTRY) if scope.body is not None]
        edits: list[tuple[int, int, str]] = []
        for build in calls(self.text, _BUILD):
            edits += self._build(build, scopes)
        self._edit(edits)

    def _build(self, build: GroovyCall, scopes: list[GroovyCall]) -> list[tuple[int, int, str]]:
        name = build.found[1]
        uses = list(calls(self.text, rf"\b{name}\.(\w+)\s*[({{]"))
        pushes = [use for use in uses if use.found[1] == "push"]
        image = inner(build.given[0]) if build.given else None
        others = sorted({use.found[1] for use in uses} - {"push", "id", "imageName"})
        tags = [inner(push.given[0]) if push.given else "" for push in pushes]
        if image is None or others or None in tags:
            return []
        around = [scope for scope in scopes if scope.start < build.start < scope.end]
        around += [s for push in pushes for s in scopes if s.start < push.start < s.end]
        words = _Words("docker")
        words.image(image, host := _host(around))
        for tag in tags:
            words.tag(tag or "")
        words.flags(inner(build.given[1]) or "" if len(build.given) > 1 else "")
        login = next((scope.given[1] for scope in around if len(scope.given) > 1), "")
        self.notes += [*words.notes, f"{name}: its pod checks out anew, {_AWAY}"]
        if host and "'http://" in around[0].given[0].replace('"', "'"):
            words.set("registries", f"[{quoted(host)}: [http: true]]")
        words.given.update({"credentials": login} if login else {})
        words.given.update({} if pushes else {"push": "false"})
        head = build.found[0][: build.found[0].index("docker")]
        edits = [(build.start, build.end, head + words.call(self._indent(build.start)))]
        edits += [(*self._statement(push.start, push.end), "") for push in pushes[:-1]]
        told = f'echo "pushed ${{{name}.reference}}"'
        return edits + [(push.start, push.end, told) for push in pushes[-1:]]

    def _wrappers(self) -> None:
        """Take withRegistry away from around what logs in by itself now."""
        for scope in list(calls(self.text, _REGISTRY))[::-1]:
            body = scope.body or ""
            if not re.search(r"\bdocker\b|\.(push|pull|inside|withRun)\b|\bsh\b", plain(body)):
                indent = self._indent(scope.start)
                lines = body.strip("\n").rstrip().split("\n")
                shift = min((len(x) - len(x.lstrip()) for x in lines if x.strip()), default=0)
                moved = "\n".join(indent + x[shift:] if x.strip() else x for x in lines)
                self._edit([(scope.start, scope.end, moved.lstrip())])

    def _services(self) -> None:
        """Make a container of the pod of docker.image(...).inside and withRun."""
        for image in list(calls(self.text, r"\bdocker\.image\s*\("))[::-1]:
            after = re.compile(r"\.(inside|withRun)\s*[({]").match(plain(self.text), image.end)
            name = inner(image.given[0]) if image.given else None
            call = GroovyCall(self.text, after) if after else None
            if not call or name is None or "$" in name or call.body is None:
                continue
            options = inner(call.given[0]) or "" if call.given else ""
            env = re.findall(r"-e\s+['\"]?(\w+)=([^'\"\s]*)['\"]?", options)
            variable = re.match(r"\s*(\w+)\s*->", call.body)
            body = call.body[variable.end() if variable else 0 :].strip("\n").rstrip()
            rest = re.sub(r"-e\s+['\"]?\w+=[^'\"\s]*['\"]?|-p\s+\S+", "", options).strip()
            if rest or (variable and re.search(rf"\b{variable[1]}\.", body)):
                continue
            called = re.sub(r"[^a-z0-9]+", "-", name.rpartition("/")[2].partition(":")[0].lower())
            pairs = ", ".join(f'{{name: {key}, value: "{value}"}}' for key, value in env)
            more = f", env: [{pairs}]" if pairs else ""
            body = indented(body, "  ") if call.found[1] == "inside" else body
            marks = {"name": called, "image": name, "env": more, "body": body}
            indent = self._indent(image.start)
            made = _filled(f"{call.found[1].lower()}.groovy", indent, marks)
            self._edit([(image.start, call.end, made)])
            self.notes.append(f"{call.found[1]} of {name}: its pod checks out anew, {_AWAY}")

    # -- kaniko, agents --------------------------------------------------------------------------

    def _kaniko(self) -> None:
        """Put buildImage in the place of kaniko's executor in a container of its own."""
        for call in list(calls(self.text, r"\bcontainer\s*\("))[::-1]:
            body = (call.body or "").strip()
            shell = re.fullmatch(
                r"sh\s*\(?\s*(?:script\s*:\s*)?(['\"].*['\"])\s*\)?", body, re.DOTALL
            )
            command = re.sub(r"\\\n", " ", (inner(shell[1]) or "") if shell else "").strip()
            if not re.match(r"/kaniko/executor\s", command) or re.search(
                r"[;&|<>]|\n\s*\w", command
            ):
                continue
            words = _Words("kaniko")
            words.flags(command.partition("executor")[2])
            secret = re.search(r"secretName:\s*['\"]?([\w.-]+)", self.text)
            if secret:
                words.set("credentials", f"[[secret: '{secret[1]}']], pod: [:]")
            self.notes += [
                *words.notes,
                "the container 'kaniko' and its secret can leave the pod template",
            ]
            made = words.call(self._indent(call.start))
            self._edit([(call.start, call.end, made)])

    def _agent(self) -> None:
        """Put a pod with the image in the place of an agent that is built from a Dockerfile."""
        for call in list(calls(self.text, r"\bagent\s*\{"))[::-1]:
            kind = re.match(r"\s*dockerfile\s*(true|\{)", call.body or "")
            if not kind:
                continue
            found = dict(re.findall(r"\b(filename|dir)\s+['\"]([^'\"]+)", call.body or ""))
            file, image = found.get("filename", "Dockerfile"), "registry.example/team/agent"
            context = found.get("dir", ".")
            parts = [f"dockerfile: '{context}/{file}'", f"context: '{context}'"] if found else []
            parameters = ", ".join(["tags: ['latest']", *parts])
            marks = {"file": file, "image": image, "parameters": parameters}
            made = _filled("agent.groovy", self._indent(call.start), marks)
            self._edit([(call.start, call.end, made)])


def _host(scopes: list[GroovyCall]) -> str:
    url = inner(scopes[0].given[0]) if scopes and scopes[0].given else ""
    host = re.sub(r"^\w+://|/.*$", "", url or "")
    return "" if host in ("", "index.docker.io", "registry.hub.docker.com") else host


def _filled(name: str, indent: str, marks: dict[str, str]) -> str:
    """Fill a template; what is put in keeps its own indentation."""
    text = indented(resources.text(f"data/migrate/{name}").rstrip("\n"), indent).lstrip()
    for mark, part in marks.items():
        text = re.sub(
            rf" *@{mark}@" if mark == "body" else f"@{mark}@", part.replace("\\", r"\\"), text
        )
    return text


class _Words:
    """The parameters of a buildImage, collected from a command line."""

    def __init__(self, program: str) -> None:
        self.known: dict[str, list[str]] = json.loads(resources.text("data/migrate/flags.json"))[
            program
        ]
        self.given: dict[str, Any] = {}
        self.notes: list[str] = []

    def set(self, parameter: str, expression: str) -> None:
        self.given[parameter] = expression

    def image(self, text: str, host: str = "") -> None:
        """Take a name with its tag; the first name stays."""
        blank = re.sub(r"\$\{[^}]*\}", lambda found: "x" * len(found[0]), text)
        at = blank.find(":", blank.rfind("/") + 1)
        name, tag = (text[:at], text[at + 1 :]) if at > 0 else (text, "")
        self.given.setdefault("image", quoted(f"{host}/{name}" if host else name))
        self.tag(tag)

    def tag(self, text: str) -> None:
        tags = self.given.setdefault("tags", [])
        if text and quoted(text) not in tags:
            tags.append(quoted(text))

    def flags(self, line: str) -> None:
        """Take the words of a command line."""
        words = iter(re.findall(r"(?:[^\s'\"]|'[^']*'|\"[^\"]*\")+", line))
        for word in words:
            flag, mark, value = word.partition("=")
            to, kind, say = [*self.known.get(flag, ["", ""]), ""][:3]
            if not flag.startswith("-"):
                self._folder(word)
                continue
            if not mark and kind not in ("switch", "off", "false", ""):
                value = next(words, "")
            self._take(flag, to, kind, value.strip("'\""))
            if kind in ("none", "switch", "") or (say and not to):
                self.notes.append(
                    f"{flag}: {say or 'has no equal that is known; see the reference'}"
                )

    def _take(self, flag: str, to: str, kind: str, value: str) -> None:
        if kind == "image":
            self.image(value)
        elif kind in ("off", "false"):
            self.set(to, "false")
        elif kind == "folder":
            self._folder(value)
        elif kind == "text" and to:
            self.set(to, quoted(value))
        elif kind == "list":
            self.set(to, f"[{', '.join(quoted(part) for part in value.split(','))}]")
        elif kind in ("pair", "address"):
            key, _, text = value.partition("=" if kind == "pair" else ":")
            self.given.setdefault(to, []).append(f"'{key}': {quoted(text)}")
        elif kind == "option":
            self.set(to, f"[kaniko: ['{flag}={value}']]")

    def _folder(self, text: str) -> None:
        plain_path = re.sub(r"^dir://", "", text.strip("'\"")).rstrip("/")
        if plain_path not in _HERE:
            self.set("context", quoted(plain_path))

    def call(self, indent: str) -> str:
        """Write the call."""
        lines = ""
        for key, value in self.given.items():
            text = f"[{', '.join(value)}]" if isinstance(value, list) else value
            lines += f"{indent}  {key}: {text},\n" if text != "[]" else ""
        return f"buildImage(\n{lines}{indent}) {{\n{indent}  checkout scm\n{indent}}}"


def run(options: argparse.Namespace, console: Console) -> int:
    file = options.file or "Jenkinsfile"
    before = read_text(Path(file), file)
    made = Proposal(before)
    old, new = before.splitlines(keepends=True), made.text.splitlines(keepends=True)
    diff = "".join(difflib.unified_diff(old, new, f"a/{file}", f"b/{file}"))
    notes, left = list(dict.fromkeys(made.notes)), list(made.left())
    console.result(diff, {"diff": diff, "notes": notes, "left": left})
    for sentence in [*(f"note: {note}" for note in notes), *left]:
        console.say(sentence)
    if not diff:
        console.say("nothing to change was found")
    if options.write:
        Path(file).write_text(made.text, encoding="utf-8")
    return EXIT_PENDING if diff and not options.write else EXIT_DONE
