"""Whose job is it, and what may be removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from jobs_controller import Item

if TYPE_CHECKING:
    from jobs_controller import JobsController

    from conftest import Target


PIPELINE = "<flow-definition><description>By hand</description></flow-definition>"
NOTHING = "podwright jobs: nothing was changed\n"


def many(count: int, removal: str = "delete", owner: str = "team-a") -> str:
    lines = [f"owner: {owner}", f"removal: {removal}", "jobs:", "  - {name: TOP, kind: folder}"]
    return "\n".join([*lines, *(f"  - {{name: TOP/j{n}, script: echo}}" for n in range(count))])


def test_a_job_nobody_owns_is_not_touched_without_adopt(target: Target) -> None:
    target.write(many(1))
    target.apply()
    target.put("hand", PIPELINE)
    target.write(many(1) + "\n  - {name: TOP/hand, script: echo}")
    said = target.apply()
    assert said.code == 1
    assert said.err == (
        "podwright jobs: TOP/hand: exists, but no description owns it; look at it, then take it "
        "over with --adopt\n" + NOTHING
    )
    assert target.root("hand").findtext("description") == "By hand"
    said = target.plan("--adopt")
    assert "  ~ adopt   pipeline TOP/hand (not managed by anyone yet)" in said.out.splitlines()
    assert target.apply("--adopt").last == "1 adopted. 2 unchanged."
    assert target.apply().out == "nothing to do. 3 unchanged.\n"


def test_two_descriptions_that_claim_one_job_are_an_error(target: Target) -> None:
    target.write(many(2))
    target.apply()
    target.write(many(2, owner="team-b"))
    said = target.apply()
    assert said.code == 1
    assert said.err == (
        "podwright jobs: TOP: belongs to team-a; remove it from one of the two descriptions, or "
        "take it over with --from team-a\n"
        "podwright jobs: TOP/j0: belongs to team-a; remove it from one of the two descriptions, or "
        "take it over with --from team-a\n"
        "podwright jobs: TOP/j1: belongs to team-a; remove it from one of the two descriptions, or "
        "take it over with --from team-a\n" + NOTHING
    )


def test_a_folder_may_be_shared_when_only_one_describes_it(target: Target) -> None:
    target.write(many(1))
    target.apply()
    target.write("owner: team-b\njobs:\n  - {name: TOP/theirs, script: echo}\n")
    assert target.apply().last == "1 added. 1 unchanged."
    target.write(many(1))
    assert target.apply().out == "nothing to do. 2 unchanged.\n"


def test_another_kind_under_the_name_is_told(target: Target) -> None:
    target.write(many(1))
    target.apply()
    target.write(many(1).replace("script: echo", "kind: freestyle"))
    said = target.apply()
    assert said.err == (
        "podwright jobs: TOP/j0: is a pipeline on the controller and cannot become a freestyle; "
        "its builds would be lost: rename it or delete it there first\n" + NOTHING
    )


def test_a_name_that_differs_in_case_is_told(target: Target) -> None:
    target.write(many(1))
    target.apply()
    target.write(many(1).replace("j0", "J0"))
    said = target.apply()
    assert said.err == (
        "podwright jobs: TOP/J0: exists as TOP/j0, which differs only in case and is the same name "
        "for Jenkins; write it as it is there\n" + NOTHING
    )


# -- removal -------------------------------------------------------------------------------------


def test_nothing_is_removed_without_prune(target: Target) -> None:
    target.write(many(10))
    target.apply()
    target.write(many(9))
    said = target.apply()
    assert (said.code, said.out) == (0, "nothing to do. 10 unchanged.\n")
    assert (
        "  . TOP/j9: no longer described; kept (--prune would delete it)" in said.err.splitlines()
    )
    assert "j9" in target.jobs()


def test_keep_keeps_even_with_prune(target: Target) -> None:
    target.write(many(10, "keep"))
    target.apply()
    target.write(many(9, "keep"))
    said = target.apply("--prune")
    assert "  . TOP/j9: no longer described; kept (`removal: keep`)" in said.err.splitlines()
    assert "j9" in target.jobs()


def test_prune_deletes_marked_jobs_only(target: Target) -> None:
    target.write(many(10))
    target.apply()
    target.put("hand", PIPELINE)
    target.write(many(9))
    said = target.apply("--prune")
    assert (said.code, said.last) == (0, "1 deleted. 10 unchanged.")
    assert target.jobs() == ["hand", *(f"j{n}" for n in range(9))]


def test_prune_disables_when_the_description_says_so(target: Target) -> None:
    target.write(many(10, "disable"))
    target.apply()
    target.write(many(9, "disable"))
    assert target.apply("--prune").last == "1 disabled. 10 unchanged."
    assert target.root("j9").findtext("disabled") == "true"


def test_more_than_a_fifth_needs_a_number(target: Target) -> None:
    target.write(many(10))
    target.apply()
    target.write(many(7))
    said = target.apply("--prune")
    assert said.code == 1
    assert said.err == (
        "podwright jobs: 3 of 11 jobs would be removed, more than 20 %; look at the plan, then "
        "allow it with --allow-removals 3. Nothing was changed\n"
    )
    said = target.apply("--prune", "--allow-removals", "2")
    assert said.err == (
        "podwright jobs: 3 jobs would be removed, more than the 2 allowed by --allow-removals; "
        "nothing was changed\n"
    )
    assert target.apply("--prune", "--allow-removals", "3").last == "3 deleted. 8 unchanged."


def test_the_limit_of_the_description_holds_for_plan_files_too(target: Target) -> None:
    target.write(many(10))
    target.apply()
    file = str(target.home / "plan")
    target.write(many(7).replace("jobs:", "removalShare: 26\njobs:"))
    target.plan("--prune", "--out", file)
    said = target.run("apply", "--plan", file)
    assert said.err == (
        "podwright jobs: 3 of 11 jobs would be removed, more than 26 %; look at the plan, then "
        "allow it with --allow-removals 3. Nothing was changed\n"
    )
    assert len(target.jobs()) == 10
    target.write(many(7).replace("jobs:", "removalShare: 28\njobs:"))
    target.plan("--prune", "--out", file)
    assert target.run("apply", "--plan", file).last == "3 deleted. 8 unchanged."


def test_jobs_outside_the_managed_folders_stay(target: Target) -> None:
    target.write(many(10).replace("jobs:", "folders: [TOP/inner]\njobs:"))
    target.apply()
    target.write(many(9).replace("jobs:", "folders: [TOP/inner]\njobs:"))
    said = target.apply("--prune")
    assert said.err.splitlines()[0] == (
        "  . TOP/j9: no longer described; kept, since it stands outside the managed folders: list "
        "its folder under `folders:` to have it removed"
    )


def test_a_folder_goes_only_with_all_it_holds(target: Target) -> None:
    inner = "\n  - {name: TOP/in, kind: folder}\n  - {name: TOP/in/a, script: echo}"
    target.write(many(20) + inner)
    target.apply()
    target.put("in/hand", PIPELINE)
    target.write(many(20))
    said = target.apply("--prune")
    assert said.last == "1 deleted. 21 unchanged."
    assert (
        "  . TOP/in: no longer described; kept, since it still holds TOP/in/hand"
    ) in said.err.splitlines()
    assert target.jobs("in") == ["hand"]


def test_a_folder_that_was_filled_since_the_plan_is_not_deleted(
    target: Target, fake: JobsController
) -> None:
    target.write(many(20) + "\n  - {name: TOP/in, kind: folder}")
    target.apply()
    target.write(many(20))
    file = str(target.home / "plan")
    target.plan("--prune", "--out", file)
    target.put("in/hand", PIPELINE)
    said = target.run("apply", "--plan", file)
    assert said.out == (
        "  ! TOP/in: not tried: it still holds hand; delete that first, or keep the folder\n"
        "1 not tried. 21 unchanged.\n"
    )
    assert fake.find(f"{target.top}/in/hand") is not None


def test_jobs_of_a_folder_that_became_empty_are_removed(target: Target) -> None:
    text = many(20) + "\n  - {name: TOP/in, kind: folder}"
    target.write(text + "\n  - {name: TOP/in/a, script: echo}")
    target.apply()
    target.write(text)
    assert target.apply("--prune").last == "1 deleted. 22 unchanged."
    assert target.jobs("in") == []


def test_an_empty_folder_goes_after_its_jobs(target: Target) -> None:
    inner = "\n  - {name: TOP/in, kind: folder}\n  - {name: TOP/in/a, script: echo}"
    target.write(many(20) + inner)
    target.apply()
    target.write(many(20))
    assert target.apply("--prune").last == "2 deleted. 21 unchanged."
    assert "in" not in target.jobs()


def test_branches_of_a_multibranch_project_are_nobodys_and_go_with_it(
    target: Target, fake: JobsController
) -> None:
    inner = (
        "\n  - {name: TOP/in, kind: folder}"
        "\n  - {name: TOP/in/app, kind: multibranch, sources: [{git: 'https://git.example/a'}]}"
        "\n  - {name: TOP/x/y/z, script: echo}"
    )
    target.write(many(20) + inner)
    target.apply()
    project = fake.find(f"{target.top}/in/app")
    assert project is not None
    project.items["main"] = Item("main", "org.jenkinsci.plugins.workflow.job.WorkflowJob")
    project.items["main"].parent = project
    assert target.plan().out == "nothing to do; 26 unchanged.\n"
    target.write(many(20) + "\n  - {name: TOP/x/y/z, script: echo}")
    project.items["main"].builds = [True]
    assert target.apply("--prune").out.splitlines()[-1] == "2 not tried. 24 unchanged."
    project.items["main"].builds = [False]
    assert target.apply("--prune").last == "2 deleted. 24 unchanged."


@pytest.mark.parametrize("removal", ["delete", "disable"])
def test_removal_waits_for_running_builds_unless_forced(
    target: Target, fake: JobsController, removal: str
) -> None:
    target.write(many(10, removal))
    target.apply()
    item = fake.find(f"{target.top}/j9")
    assert item is not None
    item.builds = [True, False]
    target.write(many(9, removal))
    said = target.apply("--prune")
    assert said.code == 1
    assert said.out == (
        "  ! TOP/j9: not tried: a build runs or waits; try later, or use --force\n"
        "1 not tried. 10 unchanged.\n"
    )
    assert target.apply("--prune", "--force").code == 0
