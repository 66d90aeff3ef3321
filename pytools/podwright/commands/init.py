"""Write a Jenkinsfile, .podwright.yaml and .dockerignore for this repository.

One image for each Dockerfile that is found. Files that exist stay as they are.
"""

from __future__ import annotations

import argparse
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from podwright import resources, workspace
from podwright.console import Console
from podwright.errors import UsageError

SUMMARY = "write a Jenkinsfile and what goes with it"
OPTIONS = """
-t, --image NAME                 name with registry (default: the repository's name)
--credentials ID=registry-login  id of the login in Jenkins
--show                           print the files, write none
"""
_DOCKERFILE = re.compile(
    r"Dockerfile|Containerfile|Dockerfile\.(?!dockerignore)\w+|\w+\.Dockerfile"
)
_DEEPEST = 3
_NOBODYS = "registry.example/"
_EACH = 'for (image in built) {\n  echo "pushed ${image.reference}"\n}'


def dockerfiles(root: Path) -> list[str]:
    """Give the Dockerfiles of a repository, the topmost first."""
    found, closed = [], set(_languages()["not looked into"])
    for folder, inner, files in os.walk(root):
        place = Path(folder).relative_to(root)
        inner[:] = sorted(set(inner) - closed) if len(place.parts) < _DEEPEST else []
        found += [(place / name).as_posix() for name in files if _DOCKERFILE.fullmatch(name)]
    return sorted(found, key=lambda path: (path.count("/"), path))


def image_of(url: str, folder: str) -> str:
    """Give a name for the image by where the repository comes from, else by its folder."""
    path = re.sub(r"^(?:\w+://[^/]+/|[^/]*:)|\.git/?$", "", url) or folder
    name = re.sub(r"[^a-z0-9/]+", "-", path.lower()).strip("-/")
    return f"{_NOBODYS}{'/'.join(name.split('/')[-2:]) or 'app'}"


def files_for(root: Path, image: str, credentials: str) -> dict[str, str]:
    """Give the files by name.

    Raises:
        UsageError: there is nothing to build.
    """
    found = dockerfiles(root)
    if not found:
        raise UsageError("there is no Dockerfile in this folder or below; write one first")
    one = len(found) == 1
    rows = _single(found[0], image) if one else _several(found, image)
    cache = f"  cache: {image}/cache" if one else "  # cache: one for each image, in the call"
    if image.startswith(_NOBODYS):  # as long as nobody has said where it is, each build would ask
        cache = cache.replace("  cache", "  # cache")
    made = {
        "Jenkinsfile": resources.filled(
            "data/init/Jenkinsfile",
            what=image if one else f"{len(found)} images",
            credentials=credentials,
            parameters="\n".join(rows),
            after='echo "pushed ${built.reference}"' if one else _EACH,
        ),
        ".podwright.yaml": resources.filled("data/init/podwright.yaml", cache=cache),
    }
    contexts = {"."} if one else {path.rpartition("/")[0] or "." for path in found}
    for context in sorted(contexts):
        name = ".dockerignore" if context == "." else f"{context}/.dockerignore"
        made[name] = "".join(f"{line}\n" for line in _ignored(root / context))
    return made


def _languages() -> dict[str, Any]:
    known: dict[str, Any] = json.loads(resources.text("data/init/languages.json"))
    return known


def _single(path: str, image: str) -> list[str]:
    rows = [f"  image: '{image}',"]
    return rows if path == "Dockerfile" else [*rows, f"  dockerfile: '{path}',"]


def _several(found: list[str], image: str) -> Iterator[str]:
    """Give an image for each Dockerfile, built from its own folder."""
    yield "  images: ["
    for path in found:
        folder, _, file = path.rpartition("/")
        kind = re.sub(r"\.?(Docker|Container)file\.?", "", file)
        name = "-".join(part for part in (folder.replace("/", "-").lower(), kind.lower()) if part)
        parts = [f"image: '{image}{f'/{name}' if name else ''}'"]
        parts += [f"context: '{folder}'"] if folder else []
        parts += [f"dockerfile: '{path}'"] if file != "Dockerfile" else []
        yield f"    [{', '.join(parts)}],"
    yield "  ],"


def _ignored(context: Path) -> list[str]:
    known = _languages()
    lines = list(known["always"])
    for marker, patterns in known["by file"].items():
        lines += patterns if (context / marker).exists() else []
    return list(dict.fromkeys(lines))


def run(options: argparse.Namespace, console: Console) -> int:
    root = Path.cwd()
    facts = workspace.inspect(root, console.env)
    url = workspace.source_of(facts, ".").url
    image = options.image or image_of(url, root.name)
    made = files_for(root, image, options.credentials)
    if options.show:
        console.result("\n".join(f"# {name}\n{text}" for name, text in made.items()), made)
        return 0
    done: dict[str, list[str]] = {"written": [], "kept": []}
    for name, text in made.items():
        if (root / name).exists():
            console.say(f"kept     {name}, which is there")
            done["kept"].append(name)
        else:
            (root / name).write_text(text, encoding="utf-8")
            console.say(f"wrote    {name}")
            done["written"].append(name)
    named = "" if options.image else f"; the image is called {image} there: correct its registry"
    console.say(f"next:    read them{named}; try `podwright plan`, then commit")
    console.result("", done)
    return 0
