"""The cases: one directory each, with a Dockerfile, its context and what is expected of the image.

`case.json` has these keys:

* `title`: what the case is about;
* `request`: parameters of `buildImage` beside image, context and builder; `env`: variables for it;
* `config`, `tree`: everything that the image's configuration and file tree must be, in the words of
  `compare.py`; the tree is what differs from the base image;
* `fails`: instead of those, when the build must fail: `log`, an expression for its output;
* `known`: by strategy, what is known to be otherwise: `result` (`differs` or `refused`), `why`, and
  for `differs` the exact sentences of the comparison, for `refused` an expression for the output.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import layout

FOLDER = Path(__file__).resolve().parent / "cases"
OWN = {"case.json", "prepare.sh"}
# These begin with nothing.
NO_BASE = {"scratch", "bare-base"}


@dataclass
class Case:
    """One case."""

    name: str
    title: str
    request: dict[str, Any] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    tree: dict[str, str] = field(default_factory=dict)
    fails: dict[str, str] = field(default_factory=dict)
    known: dict[str, dict[str, Any]] = field(default_factory=dict)

    def prepare(self, into: Path, base: str) -> None:
        """Make the context: the case's files, and what its `prepare.sh` adds."""
        source = FOLDER / self.name
        shutil.copytree(source, into, ignore=lambda _, names: OWN & set(names))
        capable = base.replace("/busybox:", "/capable:")
        for file in [*into.rglob("*Dockerfile"), *into.rglob("Imagefile")]:
            text = file.read_text().replace("@BASE@", base).replace("@CAPABLE@", capable)
            file.write_text(text)
        script = source / "prepare.sh"
        if script.exists():
            subprocess.run(["sh", str(script)], env=layout.ENVIRONMENT, check=True, cwd=into)

    def parameters(self) -> dict[str, Any]:
        """Give the parameters of `buildImage`; paths are those of the workspace."""
        made = {"context": "context", **self.request}
        if made.get("dockerfile", "").count("/") == 0 and "dockerfile" in made:
            made["dockerfile"] = f"context/{made['dockerfile']}"
        return made


def load(name: str) -> Case:
    """Read one case."""
    return Case(name, **json.loads((FOLDER / name / "case.json").read_text()))


def names() -> list[str]:
    """List the cases."""
    return sorted(folder.name for folder in FOLDER.iterdir() if folder.is_dir())


def save(case: Case) -> None:
    """Write a case; what is empty is left out."""
    content = {key: value for key, value in vars(case).items() if value and key != "name"}
    file = FOLDER / case.name / "case.json"
    file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
