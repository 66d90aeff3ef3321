"""The tutorial, run as it is written; examples in the how-to are good descriptions."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from podwright.jobs import description, rendering

if TYPE_CHECKING:
    from jobs_controller import JobsController

    from conftest import Target

DOCS = Path(__file__).parents[3] / "docs"
BLOCK = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)


def test_the_tutorial_says_what_happens(
    target: Target, fake: JobsController, monkeypatch: pytest.MonkeyPatch
) -> None:
    del fake  # only there the names of the tutorial are free
    text = (DOCS / "tutorial" / "jobs.md").read_text()
    blocks = [(found[1], found[2]) for found in BLOCK.finditer(text)]
    (yaml,) = [content for kind, content in blocks if kind == "yaml"]
    monkeypatch.chdir(target.home)
    file = target.home / "jobs" / "hello.yaml"
    file.parent.mkdir()
    file.write_text(yaml)
    commands = 0
    for number, (kind, content) in enumerate(blocks):
        if kind != "sh":
            continue
        if commands == 4:
            file.write_text(yaml.replace("Hello, world", "Good morning"))
        commands += 1
        said = target.run(*shlex.split(content)[2:])
        wanted = blocks[number + 1]
        assert wanted[0] == "text"
        assert (said.out or said.err) == wanted[1]
    assert commands == 5
    file.write_text(yaml.replace("keep", "kep"))
    said = target.run("validate", "jobs")
    assert ("text", said.err) in blocks


@pytest.mark.parametrize("page", ["how-to/jobs.md"])
def test_the_examples_of_a_page_are_good(page: str, tmp_path: Path) -> None:
    blocks = [found[2] for found in BLOCK.finditer((DOCS / page).read_text()) if found[1] == "yaml"]
    assert blocks
    for number, block in enumerate(blocks):
        text = block
        if text.startswith("triggers:"):
            text = "jobs:\n  - name: a\n    script: echo\n    " + text.replace("\n", "\n    ")
        elif text.startswith("  - "):
            text = "jobs:\n" + text + "    script: echo\n"
        file = tmp_path / f"{number}.yaml"
        file.write_text(f"owner: a\n{text}")
        rendering.render_all(description.read(file).jobs)


def test_the_example_of_a_seed_is_good() -> None:
    found = description.read(DOCS.parent / "examples" / "seed" / "jobs")
    assert [job.name for job in found.jobs] == [
        "team-a",
        "team-a/Nightly builds",
        "team-a/billing",
        "team-a/nightly",
        "team-a/search",
        "team-a/shop",
    ]
