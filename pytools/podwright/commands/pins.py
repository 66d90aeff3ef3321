"""Pin the images of Dockerfiles by digest, or renew their pins.

Prints the change as a diff, and writes it with --write. Without a file the
Dockerfile of this folder is taken. For podwright's own images see `podwright
images --digests`.

Exit codes: 0 all is pinned to what the tags are today, 3 changes are pending.
"""

from __future__ import annotations

import argparse
import difflib
from pathlib import Path

from podwright import steps
from podwright.console import Console
from podwright.distribution import parameters as named
from podwright.errors import EXIT_DONE, EXIT_PENDING
from podwright.references import Name
from podwright.sources import read_text
from podwright.supply import pins

SUMMARY = "pin images of Dockerfiles by digest"
OPTIONS = """
[files...]  Dockerfiles (default: Dockerfile)
--write     write the change
"""
PARAMETERS = named.Repositories, ""


def run(options: argparse.Namespace, console: Console) -> int:
    value = steps.request_of(options, console, named.Repositories)
    known = named.Registries(named.parse(named.Repositories, value), console.env)

    def digest_of(name: Name, tag: str) -> str:
        return known.repository(name, "pull").get(tag).digest

    changes: list[str] = []
    stale = []
    for file in options.files or ["Dockerfile"]:
        before = read_text(Path(file), file)
        after = pins.pinned_dockerfile(before, digest_of)
        if after == before:
            continue
        old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
        stale.append(file)
        changes += difflib.unified_diff(old, new, f"a/{file}", f"b/{file}")
        if options.write:
            Path(file).write_text(after, encoding="utf-8")
    diff = "".join(changes)
    console.result(diff, {"stale": stale, "written": options.write, "diff": diff})
    return EXIT_PENDING if changes and not options.write else EXIT_DONE
