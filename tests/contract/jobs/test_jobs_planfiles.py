"""A plan file is applied as it was written, or refused for exactly the jobs concerned."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from xml.etree.ElementTree import Element

    from conftest import Target

JOBS = "owner: a\njobs:\n" + "".join(f"  - {{name: TOP/{n}, script: echo {n}}}\n" for n in "xyz")


@pytest.fixture
def file(target: Target) -> str:
    """Give a plan that changes three jobs."""
    target.write(JOBS)
    target.apply()
    target.write(JOBS.replace("echo", "echo 2"))
    path = target.home / "plan.json"
    assert target.plan("--out", str(path), "--no-diff").code == 3
    return str(path)


def edit(file: str, change: Callable[[dict[str, Any]], object]) -> None:
    with open(file) as stream:  # noqa: PTH123
        data = json.load(stream)
    change(data)
    with open(file, "w") as stream:  # noqa: PTH123
        json.dump(data, stream)


def test_what_was_edited_in_a_plan_is_refused_and_the_rest_is_done(
    target: Target, file: str
) -> None:
    def change(data: dict[str, Any]) -> None:
        data["changes"][1]["xml"] = data["changes"][1]["xml"].replace("echo 2 y", "echo EVIL")

    edit(file, change)
    said = target.run("apply", "--plan", file)
    assert said.code == 1
    assert "  ! TOP/y: not tried: the plan was edited here; plan again" in said.out.splitlines()
    assert [target.root(name).findtext("definition/script") for name in "xyz"] == [
        "echo 2 x", "echo y", "echo 2 z",
    ]  # fmt: skip


def test_what_was_edited_on_the_controller_since_is_refused_and_the_rest_is_done(
    target: Target, file: str
) -> None:
    def change(root: Element) -> None:
        script = root.find("definition/script")
        assert script is not None
        script.text = "by hand"

    target.edit("y", change)
    said = target.run("apply", "--plan", file)
    assert said.code == 1
    assert "  ! TOP/y: failed: was changed since; plan again" in said.out.splitlines()
    assert [target.root(name).findtext("definition/script") for name in "xyz"] == [
        "echo 2 x", "by hand", "echo 2 z",
    ]  # fmt: skip


def test_a_save_without_an_edit_is_none(target: Target, file: str) -> None:
    target.edit("y", lambda _: None)
    assert target.run("apply", "--plan", file).code == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data["changes"][0].update(name=5),
        lambda data: data["changes"][0].update(name=None),
        lambda data: data["changes"][0].update(old=5),
        lambda data: data["changes"][0].update(diff="x"),
        lambda data: data["changes"][0].pop("name"),
        lambda data: data["changes"][0].update(xml="\ud800"),
        lambda data: data["changes"].pop(),
        lambda data: data.update(share=1e400),
        lambda data: data.update(owned=None),
        lambda data: data.update(owner="b"),
        lambda data: data.update(changes=5),
        lambda data: data.update(changes=[5]),
    ],
)
def test_a_plan_of_another_shape_is_refused(
    target: Target, file: str, change: Callable[[dict[str, Any]], object]
) -> None:
    edit(file, change)
    said = target.run("apply", "--plan", file)
    assert (said.code, said.err) == (
        2,
        f"podwright jobs: {file}: the plan was edited or cut short; plan again\n",
    )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"[" * 100_000, "this is not a plan; make one with `jobs plan --out`"),
        (b"\xff\xfe", "cannot be read: it is no text"),
        (b"", "this is not a plan; make one with `jobs plan --out`"),
        (b"[]", "this is not a plan of this version; plan again"),
    ],
)
def test_what_is_no_plan_is_told(target: Target, file: str, content: bytes, sentence: str) -> None:
    with open(file, "wb") as stream:  # noqa: PTH123
        stream.write(content)
    said = target.run("apply", "--plan", file)
    assert (said.code, said.err) == (2, f"podwright jobs: {file}: {sentence}\n")
