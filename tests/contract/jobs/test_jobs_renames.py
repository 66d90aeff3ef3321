"""Former names: found wherever they stand, in any order, with builds and all that they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from jobs_controller import Fault, Item

if TYPE_CHECKING:
    from jobs_controller import JobsController

    from conftest import Target

HEAD = "owner: o\nremoval: delete\nremovalShare: 100\njobs:\n"


def describe(target: Target, *jobs: str) -> None:
    target.write(HEAD + "".join(f"  - {{{job}}}\n" for job in jobs))


def build(fake: JobsController, target: Target, name: str) -> Item:
    item = fake.find(f"{target.top}{name}")
    assert item is not None
    item.builds = [False]
    return item


def check(target: Target, *lines: str) -> None:
    """Rename as the plan says, in one apply; afterwards nothing is to be done."""
    said = target.plan("--prune", "--no-diff")
    assert said.out.splitlines()[:-1] == [f"  {line}" for line in lines]
    assert target.apply("--prune").code == 0
    assert target.plan("--prune", "--deep").out.startswith("nothing to do; ")


def test_a_job_at_the_top_gets_another_name_at_the_top(
    target: Target, fake: JobsController
) -> None:
    describe(target, "name: TOP-a, script: x")
    target.apply()
    item = build(fake, target, "-a")
    describe(target, "name: TOP-b, script: x, formerly: TOP-a")
    check(target, "> rename  pipeline TOP-b (formerly TOP-a)")
    assert fake.find(f"{target.top}-b") is item
    assert fake.find(f"{target.top}-a") is None


def test_a_folder_at_the_top_moves_into_another(target: Target, fake: JobsController) -> None:
    describe(target, "name: TOP-a, kind: folder", "name: TOP-a/j, script: x")
    target.apply()
    item = build(fake, target, "-a/j")
    describe(
        target,
        "name: TOP, kind: folder",
        "name: TOP/a, kind: folder, formerly: TOP-a",
        "name: TOP/a/j, script: x",
    )
    check(target, "+ add     folder TOP", "> rename  folder TOP/a (formerly TOP-a)")
    assert item.full == f"{target.top}/a/j"


@pytest.mark.parametrize("former", ["", ", formerly: TOP/x/t/a"])
def test_a_folder_inside_a_folder_is_renamed_with_its_jobs(
    target: Target, fake: JobsController, former: str
) -> None:
    describe(
        target,
        "name: TOP/x/t, kind: folder",
        "name: TOP/x/t/a, script: x",
        "name: TOP/x/t/gone, script: x",
    )
    target.apply()
    item = build(fake, target, "/x/t/a")
    describe(
        target,
        "name: TOP/x/u, kind: folder, formerly: TOP/x/t",
        "name: TOP/x/u/a, script: changed" + former,
    )
    check(
        target,
        "> rename  folder TOP/x/u (formerly TOP/x/t)",
        "~ change  pipeline TOP/x/u/a (YAML changed)",
        "- delete  pipeline TOP/x/u/gone (no longer described)",
    )
    assert item.full == f"{target.top}/x/u/a"


def test_names_that_follow_each_other(target: Target, fake: JobsController) -> None:
    describe(target, "name: TOP, kind: folder", *(f"name: TOP/{n}, script: {n}" for n in "abc"))
    target.apply()
    items = [build(fake, target, f"/{name}") for name in "abc"]
    describe(
        target,
        "name: TOP, kind: folder",
        "name: TOP/b, script: a, formerly: TOP/a",
        "name: TOP/c, script: b, formerly: TOP/b",
        "name: TOP/d, script: c, formerly: TOP/c",
    )
    check(
        target,
        "> rename  pipeline TOP/b (formerly TOP/a)",
        "> rename  pipeline TOP/c (formerly TOP/b)",
        "> rename  pipeline TOP/d (formerly TOP/c)",
    )
    assert [item.name for item in items] == ["b", "c", "d"]


def test_folders_whose_names_follow_each_other(target: Target, fake: JobsController) -> None:
    describe(target, *(f"name: TOP/{n}/j, script: {n}" for n in "ab"))
    target.apply()
    items = [build(fake, target, f"/{name}/j") for name in "ab"]
    describe(
        target,
        "name: TOP/b, kind: folder, formerly: TOP/a",
        "name: TOP/b/j, script: a",
        "name: TOP/c, kind: folder, formerly: TOP/b",
        "name: TOP/c/j, script: b",
    )
    assert target.apply("--prune").code == 0
    assert [item.full for item in items] == [f"{target.top}/b/j", f"{target.top}/c/j"]
    assert target.plan("--prune", "--deep").code == 0


def test_a_job_moves_past_another_of_its_old_name(target: Target, fake: JobsController) -> None:
    describe(target, "name: TOP/t/app, script: x", "name: TOP/u/app, script: y")
    target.apply()
    item = build(fake, target, "/t/app")
    describe(
        target,
        "name: TOP/u/app2, script: x, formerly: TOP/t/app",
        "name: TOP/u/app, script: y",
        "name: TOP/t, kind: folder",
    )
    assert target.apply("--prune").code == 0
    assert item.full == f"{target.top}/u/app2"
    assert target.plan("--prune").code == 0


def test_a_name_changes_in_case_only(target: Target, fake: JobsController) -> None:
    for fake.folds in (True, False):
        describe(target, "name: TOP/app, script: x")
        target.apply()
        item = build(fake, target, "/app")
        describe(target, "name: TOP/App, script: x, formerly: TOP/app")
        check(target, "> rename  pipeline TOP/App (formerly TOP/app)")
        assert item.name == "App"
        describe(target, "name: TOP, kind: folder")
        target.apply("--prune")


def test_a_former_name_that_is_described_anew_is_refused(target: Target) -> None:
    describe(target, "name: TOP/a, script: x")
    target.apply()
    describe(target, "name: TOP/b, script: x, formerly: TOP/a", "name: TOP/a, script: new")
    said = target.apply()
    assert said.err.splitlines()[0] == (
        "podwright jobs: TOP/b: was formerly TOP/a, which is described too; apply the renaming "
        "first, and then a description with a new TOP/a; or remove `formerly`"
    )


def test_a_folder_with_jobs_of_another_owner_keeps_its_name(target: Target) -> None:
    describe(target, "name: TOP/t, kind: folder")
    target.apply()
    target.write("owner: b\njobs: [{name: TOP/t/theirs, script: x}]\n")
    target.apply()
    describe(target, "name: TOP/u, kind: folder, formerly: TOP/t")
    said = target.apply()
    assert said.err.splitlines()[0] == (
        "podwright jobs: TOP/u: was formerly TOP/t, and that holds TOP/t/theirs, which is not o's"
    )


def test_jobs_that_nobody_describes_move_with_their_folder_and_are_told(target: Target) -> None:
    describe(target, "name: TOP/t, kind: folder")
    target.apply()
    target.put("t/hand", "<flow-definition/>")
    describe(target, "name: TOP/u, kind: folder, formerly: TOP/t")
    check(
        target,
        "> rename  folder TOP/u (formerly TOP/t, with 1 job that nobody here describes)",
    )


def test_a_rename_whose_answer_is_lost_is_recognised(target: Target, fake: JobsController) -> None:
    describe(target, "name: TOP/a, script: x")
    target.apply()
    for path in ("confirmRename", "move/move"):
        fake.faults.append(Fault("reset-after", path=path))
    describe(target, "name: TOP/b, script: x, formerly: TOP/a")
    assert target.apply().code == 0
    describe(target, "name: TOP/s/c, script: x, formerly: TOP/b")
    assert target.apply().code == 0
    assert target.jobs("s") == ["c"]


def test_half_a_move_is_taken_back(target: Target, fake: JobsController) -> None:
    describe(target, "name: TOP/a, script: x")
    target.apply()
    fake.faults.append(Fault("status", path="confirmRename", status=403))
    describe(target, "name: TOP/s/c, script: x, formerly: TOP/a")
    assert target.apply().code == 1
    assert target.jobs() == ["a", "s"]
    assert target.apply().code == 0
    assert target.jobs("s") == ["c"]


def test_a_renaming_by_a_plan_file(target: Target, fake: JobsController) -> None:
    describe(target, "name: TOP/t, kind: folder", "name: TOP/t/a, script: x")
    target.apply()
    item = build(fake, target, "/t/a")
    describe(
        target,
        "name: TOP/u, kind: folder, formerly: TOP/t",
        "name: TOP/u/b, script: y, formerly: TOP/t/a",
    )
    file = str(target.home / "plan")
    assert target.plan("--out", file).code == 3
    assert target.run("apply", "--plan", file).code == 0
    assert item.full == f"{target.top}/u/b"
    assert target.run("apply", "--plan", file).code == 0


def test_names_in_two_cases_on_the_controller_are_two_jobs_where_it_says_so(
    target: Target, fake: JobsController
) -> None:
    assert fake.folds is False
    describe(target, "name: TOP/app, script: x")
    target.apply()
    target.put("App", "<flow-definition/>")
    assert target.plan("--deep").code == 0
    describe(target, "name: TOP, kind: folder")
    assert target.apply("--prune").code == 0
    assert target.jobs() == ["App"]


def test_views_whose_names_differ_in_case_are_two(target: Target) -> None:
    describe(target, "name: TOP/ops, kind: view", "name: TOP/Ops, kind: view, regex: a")
    assert target.apply().code == 0
    assert target.plan("--deep").code == 0


def test_a_folder_that_comes_as_xml_is_made_before_what_stands_in_it(target: Target) -> None:
    target.write(
        "<com.cloudbees.hudson.plugins.folder.Folder><displayName>T</displayName>"
        "</com.cloudbees.hudson.plugins.folder.Folder>",
        "a.xml",
    )
    describe(
        target,
        "name: TOP/t, kind: xml, file: a.xml",
        "name: TOP/t/s, kind: folder",
        "name: TOP/t/s/j, script: x",
    )
    assert target.apply().code == 0
    assert target.jobs("t/s") == ["j"]
