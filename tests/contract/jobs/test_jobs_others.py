"""What the controller, its plugins, a Jenkinsfile and people add to a job stays theirs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from jobs_controller import Item, View

if TYPE_CHECKING:
    from jobs_controller import JobsController

    from conftest import Target

CONFIG_FILES = "org.jenkinsci.plugins.configfiles.folder.FolderConfigFileProperty"
CREDENTIALS = (
    "com.cloudbees.hudson.plugins.folder.properties."
    "FolderCredentialsProvider_-FolderCredentialsProperty"
)
JOB = "org.jenkinsci.plugins.workflow.job.WorkflowJob"
DECLARATIVE = "org.jenkinsci.plugins.pipeline.modeldefinition.actions"
TRIGGERS = "org.jenkinsci.plugins.workflow.job.properties.PipelineTriggersJobProperty"
PARAMETERS = "hudson.model.ParametersDefinitionProperty"
HEAD = "owner: a\nremoval: delete\nremovalShare: 100\njobs:\n  - {name: TOP, kind: folder}\n"


def add(root: ET.Element, path: str, xml: str) -> None:
    """Add an element below a path, which is made."""
    for tag in path.split("/"):
        inner = root.find(tag)
        root = ET.SubElement(root, tag) if inner is None else inner
    root.append(ET.fromstring(xml))  # noqa: S314 - our own


def edit(fake: JobsController, name: str, path: str, xml: str) -> None:
    fake.edit(name, lambda root: add(root, path, xml))


@pytest.mark.parametrize(
    ("path", "xml"),
    [
        ("properties", f"<{CONFIG_FILES}><c><id>settings</id></c></{CONFIG_FILES}>"),
        ("properties", f"<{CREDENTIALS}><c><id>deploy</id></c></{CREDENTIALS}>"),
        ("properties", "<acme.FolderProperty><x>1</x></acme.FolderProperty>"),
        ("folderViews/views", "<hudson.model.ListView><name>mine</name></hudson.model.ListView>"),
        ("healthMetrics", "<com.cloudbees.hudson.plugins.folder.health.WorstChildHealthMetric/>"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["folder", "xml"])
def test_a_change_of_a_folder_keeps_what_people_have_in_it(
    target: Target, fake: JobsController, kind: str, path: str, xml: str
) -> None:
    what = {"folder": "kind: folder", "xml": "kind: xml, file: t.xml"}[kind]
    target.write("<com.cloudbees.hudson.plugins.folder.Folder/>", "t.xml")
    text = f"{HEAD}  - {{name: TOP/t, {what}}}\n"
    target.write(text)
    target.apply()
    edit(fake, f"{target.top}/t", path, xml)
    assert target.plan("--deep").code == 0
    target.write(text.replace("t, kind", "t, description: Hello, kind"))
    assert target.apply().code == 0
    kept = target.root("t").find(path)
    assert kept is not None
    assert len(kept) == 1
    assert (target.root("t").findtext("description") or "").startswith("Hello")
    assert target.plan("--deep").code == 0


def test_a_property_that_was_described_as_xml_goes_with_its_words(
    target: Target, fake: JobsController
) -> None:
    text = HEAD + "  - name: TOP/t\n    kind: folder\n    properties: ['<acme.Ours/>']\n"
    target.write(text)
    target.apply()
    edit(fake, f"{target.top}/t", "properties", "<acme.Theirs/>")
    target.write(text.replace("    properties: ['<acme.Ours/>']\n", ""))
    assert target.apply().code == 0
    properties = target.root("t").find("properties")
    assert properties is not None
    assert [node.tag for node in properties] == ["acme.Theirs"]


@pytest.mark.parametrize(
    ("path", "xml", "held"),
    [
        ("properties", f"<{CREDENTIALS}><c><id>deploy</id></c></{CREDENTIALS}>",
         "credentials that people made"),
        ("properties", f"<{CONFIG_FILES}><c><id>x</id></c></{CONFIG_FILES}>", "config files"),
        ("folderViews/views", "<hudson.model.ListView><name>mine</name></hudson.model.ListView>",
         "the view mine"),
    ],
)  # fmt: skip
def test_an_empty_folder_with_peoples_things_is_not_removed(
    target: Target, fake: JobsController, path: str, xml: str, held: str
) -> None:
    target.write(HEAD + "  - {name: TOP/s, kind: folder}\n")
    target.apply()
    file = str(target.home / "plan")
    target.write(HEAD)
    target.plan("--prune", "--out", file)
    edit(fake, f"{target.top}/s", path, xml)
    said = target.apply("--prune")
    assert f"  . TOP/s: no longer described; kept, since it holds {held}" in said.err.splitlines()
    assert target.jobs() == ["s"]
    said = target.run("apply", "--plan", file)
    assert said.out == f"  ! TOP/s: not tried: it holds {held}\n1 not tried. 1 unchanged.\n"
    assert target.jobs() == ["s"]


def test_a_view_that_somebody_made_keeps_its_folder(target: Target, fake: JobsController) -> None:
    target.write(HEAD + "  - {name: TOP/s, kind: folder}\n")
    target.apply()
    item = fake.find(f"{target.top}/s")
    assert item is not None
    item.views["mine"] = View("mine", "<hudson.model.ListView/>", None)
    target.write(HEAD)
    said = target.apply("--prune")
    assert (
        "  . TOP/s: no longer described; kept, since it holds the view TOP/s/mine"
    ) in said.err.splitlines()


DECLARED = f"""
<{DECLARATIVE}.DeclarativeJobPropertyTrackerAction>
  <jobProperties><string>jenkins.model.BuildDiscarderProperty</string></jobProperties>
  <triggers><string>hudson.triggers.TimerTrigger</string></triggers>
  <parameters><string>WHERE</string></parameters>
</{DECLARATIVE}.DeclarativeJobPropertyTrackerAction>"""


def run_declarative(fake: JobsController, name: str) -> None:
    """Leave what a Declarative job leaves when it has run."""
    edit(fake, name, "actions", f"<{DECLARATIVE}.DeclarativeJobAction/>")
    edit(fake, name, "actions", DECLARED)
    edit(
        fake,
        name,
        f"properties/{TRIGGERS}/triggers",
        "<hudson.triggers.TimerTrigger><spec>H 2 * * *</spec></hudson.triggers.TimerTrigger>",
    )
    edit(
        fake,
        name,
        f"properties/{PARAMETERS}/parameterDefinitions",
        "<hudson.model.StringParameterDefinition><name>WHERE</name>"
        "</hudson.model.StringParameterDefinition>",
    )
    edit(
        fake,
        name,
        "properties",
        "<jenkins.model.BuildDiscarderProperty><strategy class='hudson.tasks.LogRotator'>"
        "<numToKeep>5</numToKeep></strategy></jenkins.model.BuildDiscarderProperty>",
    )


@pytest.mark.parametrize(
    "more",
    ["", ", parameters: [{string: {name: OURS}}]", ", triggers: [{poll: H 3 * * *}]"],
)
def test_what_a_jenkinsfile_declares_stays_when_the_job_changes(
    target: Target, fake: JobsController, more: str
) -> None:
    target.write(HEAD + "  - {name: TOP/a, scm: {git: u}" + more + "}\n")
    target.apply()
    run_declarative(fake, f"{target.top}/a")
    assert target.plan("--deep").out == "nothing to do; 2 unchanged.\n"
    target.write(HEAD + "  - {name: TOP/a, description: Hi, scm: {git: u}" + more + "}\n")
    assert target.apply().code == 0
    root = target.root("a")
    assert len(root.findall("actions/*")) == 2
    assert len(root.findall("properties/jenkins.model.BuildDiscarderProperty")) == 1
    names = [node.text for node in root.iterfind(f"properties/{PARAMETERS}//name")]
    assert names == (["OURS"] if "OURS" in more else []) + ["WHERE"]
    specs = [node.text for node in root.iterfind(f"properties/{TRIGGERS}//spec")]
    assert specs == (["H 3 * * *"] if "poll" in more else []) + ["H 2 * * *"]
    assert target.plan("--deep").code == 0


def test_what_a_jenkinsfile_does_not_declare_is_an_edit(
    target: Target, fake: JobsController
) -> None:
    target.write(HEAD + "  - {name: TOP/a, scm: {git: u}}\n")
    target.apply()
    run_declarative(fake, f"{target.top}/a")
    fake.edit(f"{target.top}/a", lambda root: root.remove(root.find("actions")))  # type: ignore[arg-type]
    assert target.plan("--deep").code == 3
    target.apply("--deep")
    assert target.root("a").findall("properties/*") == []


def test_the_properties_step_of_a_scripted_jenkinsfile_is_heard_too(
    target: Target, fake: JobsController
) -> None:
    target.write(HEAD + "  - {name: TOP/a, scm: {git: u}}\n")
    target.apply()
    tag = "org.jenkinsci.plugins.workflow.multibranch.JobPropertyTrackerAction"
    edit(
        fake,
        f"{target.top}/a",
        "actions",
        f"<{tag}><jobPropertyDescriptors><string>jenkins.model.BuildDiscarderProperty</string>"
        f"</jobPropertyDescriptors></{tag}>",
    )
    edit(fake, f"{target.top}/a", "properties", "<jenkins.model.BuildDiscarderProperty/>")
    assert target.plan("--deep").code == 0


def test_an_organization_is_quiet_after_its_plugin_has_saved_it(
    target: Target, fake: JobsController
) -> None:
    text = (
        HEAD + "  - name: TOP/org\n    kind: organization\n"
        "    navigators: [{github: {owner: acme}}]\n"
    )
    target.write(text)
    target.apply()

    def load(root: ET.Element) -> None:
        """Do what OrganizationFolder.onLoad and XStream do."""
        add(root, "properties", "<jenkins.branch.OrganizationChildTriggersProperty/>")
        add(root, "properties", "<jenkins.branch.OrganizationChildOrphanedItemsProperty/>")
        for owner in root.iter("owner"):
            owner.attrib.pop("class", None)

    fake.edit(f"{target.top}/org", load)
    assert target.plan("--deep").out == "nothing to do; 2 unchanged.\n"
    fake.log.clear()
    assert target.apply("--deep").code == 0
    assert fake.writes() == []
    target.write(text.replace("kind: org", "description: Hi\n    kind: org"))
    assert target.apply().code == 0
    assert len(target.root("org").findall("properties/*")) == 2


def test_traits_that_moved_to_another_package_are_the_same(
    target: Target, fake: JobsController
) -> None:
    target.write(
        HEAD + "  - name: TOP/m\n    kind: multibranch\n    sources:\n"
        "      - bitbucket: {owner: o, repository: r, traits: [branches, tags]}\n"
    )
    target.apply()

    def save(root: ET.Element) -> None:
        for node in root.iter():
            for old in ("BranchDiscoveryTrait", "TagDiscoveryTrait"):
                node.tag = node.tag.replace(f"bitbucket.{old}", f"bitbucket.trait.{old}")

    fake.edit(f"{target.top}/m", save)
    assert target.plan("--deep").code == 0


def test_a_view_is_a_set_of_names_which_jenkins_sorts(target: Target, fake: JobsController) -> None:
    target.write(HEAD + "  - {name: TOP/v, kind: view, jobs: [zeta, Alpha]}\n")
    target.apply()
    item = fake.find(target.top)
    assert item is not None
    view = item.views["v"]
    view.text = view.text.replace("zeta", "1").replace("Alpha", "zeta").replace("1", "Alpha")
    assert target.plan("--deep").code == 0


def test_steps_that_were_swapped_inside_a_condition_are_seen(
    target: Target, fake: JobsController
) -> None:
    target.write(
        HEAD + "  - name: TOP/f\n    kind: freestyle\n    steps:\n      - xml: |\n"
        "          <acme.If><conditionalbuilders><b.A/><a.B/></conditionalbuilders></acme.If>\n"
    )
    target.apply()

    def swap(root: ET.Element) -> None:
        inner = root.find(".//conditionalbuilders")
        assert inner is not None
        inner[:] = reversed(inner)

    fake.edit(f"{target.top}/f", swap)
    assert target.plan("--deep").code == 3


GOLDEN = Path(__file__).parents[2] / "golden" / "jobs"


@pytest.mark.parametrize("case", sorted(path.parent.name for path in GOLDEN.glob("*/jobs.yaml")))
def test_a_second_apply_after_a_save_by_the_controller_writes_nothing(
    target: Target, fake: JobsController, case: str
) -> None:
    text = (GOLDEN / case / "jobs.yaml").read_text().replace("- name: ", "- name: TOP/")
    target.write(text.replace("{name: ", "{name: TOP/", 1))
    for xml in (GOLDEN / case).glob("odd.xml"):
        target.write(xml.read_text(), xml.name)
    assert target.apply().code == 0
    for name in fake.names():
        fake.save(name)
    fake.log.clear()
    assert target.apply("--deep").code == 0
    assert fake.writes() == []


# -- removal -------------------------------------------------------------------------------------


@pytest.mark.parametrize("old", [False, True], ids=["newest", "the 200th"])
def test_running_builds_are_seen_at_any_depth_and_age(
    target: Target, fake: JobsController, *, old: bool
) -> None:
    text = HEAD + (
        "  - {name: TOP/org, kind: organization, navigators: [{github: {owner: acme}}]}\n"
    )
    target.write(text)
    target.apply()
    branch = fake.find(f"{target.top}/org")
    assert branch is not None
    for name in ("repo", "main"):
        java = JOB if name == "main" else "...WorkflowMultiBranchProject"
        made = Item(name, java.replace("...", "org.jenkinsci.plugins.workflow.multibranch."))
        made.parent = branch
        branch.items[name] = made
        branch = made
    branch.builds = [True, *([False] * 200)] if old else [True]
    target.write(HEAD)
    said = target.apply("--prune", "--allow-removals", "9")
    assert said.out == (
        "  ! TOP/org: not tried: a build runs or waits; try later, or use --force\n"
        "1 not tried. 1 unchanged.\n"
    )
    branch.builds = []
    branch.waits = True
    assert target.apply("--prune", "--allow-removals", "9").code == 1
    branch.waits = False
    assert target.apply("--prune", "--allow-removals", "9").code == 0
    assert target.jobs() == []


def test_branches_count_when_their_project_is_removed(target: Target, fake: JobsController) -> None:
    head = HEAD.replace("100", "20") + "".join(
        f"  - {{name: TOP/j{number}, script: echo}}\n" for number in range(5)
    )
    project = "  - {name: TOP/m, kind: multibranch, sources: [{git: u}]}\n"
    target.write(head + project)
    target.apply()
    item = fake.find(f"{target.top}/m")
    assert item is not None
    for number in range(200):
        item.items[f"b{number}"] = Item(f"b{number}", JOB, parent=item)
    target.write(head)
    said = target.plan("--prune")
    assert (
        "  - delete  multibranch TOP/m (no longer described, with 200 jobs in it)"
    ) in said.out.splitlines()
    said = target.apply("--prune")
    assert said.err == (
        "podwright jobs: 201 of 207 jobs would be removed, more than 20 %; look at the plan, then "
        "allow it with --allow-removals 201. Nothing was changed\n"
    )


def test_disabling_what_is_removed_converges_and_is_undone(target: Target) -> None:
    head = HEAD.replace("delete", "disable").replace("100", "20")
    jobs = [f"  - {{name: TOP/j{number}, script: echo}}\n" for number in range(9)]
    target.write(head + "".join(jobs))
    target.apply()
    target.write(head + "".join(jobs[:7]))
    assert target.apply("--prune").code == 0
    # done is done: no second time, no exit code 3, and not counted again
    assert target.plan("--prune").out == "nothing to do; 8 unchanged.\n"
    target.write(head + "".join(jobs[:6]) + "  - {name: TOP/new, script: echo}\n")
    assert target.apply("--prune").code == 0
    assert target.root("j7").findtext("disabled") == "true"
    assert target.root("j6").findtext("disabled") == "true"
    # described again is enabled again
    target.write(head + "".join(jobs))
    said = target.plan("--no-diff")
    assert "  ~ change  pipeline TOP/j8 (described again)" in said.out.splitlines()
    assert target.apply().code == 0
    assert target.root("j8").findtext("disabled") == "false"
    assert target.plan("--deep", "--prune").code == 0 or "TOP/new" in target.plan("--prune").out


def test_what_was_disabled_is_deleted_when_that_is_the_way(target: Target) -> None:
    target.write(HEAD.replace("delete", "disable") + "  - {name: TOP/a, script: echo}\n")
    target.apply()
    target.write(HEAD.replace("delete", "disable"))
    target.apply("--prune")
    target.write(HEAD)
    assert target.apply("--prune").code == 0
    assert target.jobs() == []


# -- owners --------------------------------------------------------------------------------------


def team(owner: str, *jobs: str) -> str:
    return "\n".join([f"owner: {owner}", "jobs:", *(f"  - {job}" for job in jobs)])


def test_no_option_takes_a_job_of_another_owner_by_a_former_name(target: Target) -> None:
    target.write(team("team-b", "{name: TOP, kind: folder}", "{name: TOP/a, script: x}"))
    target.apply()
    target.write(team("team-a", "{name: TOP/z, script: x, formerly: TOP/a}"))
    said = target.apply("--adopt")
    assert (said.code, said.err) == (
        1,
        (
            "podwright jobs: TOP/z: was formerly TOP/a, and that belongs to team-b; remove it from "
            "one of the two descriptions, or take it over with --from team-b\n"
            "podwright jobs: nothing was changed\n"
        ),
    )
    assert target.jobs() == ["a"]


def test_a_job_is_handed_from_one_owner_to_another(target: Target) -> None:
    target.write(team("team-b", "{name: TOP, kind: folder}", "{name: TOP/a, script: x}"))
    target.apply()
    target.write(team("team-b", "{name: TOP, kind: folder}"))
    target.apply()
    target.write(team("team-a", "{name: TOP/a, script: x}"))
    assert target.apply("--adopt").code == 1
    said = target.plan("--from", "team-b")
    assert "  ~ adopt   pipeline TOP/a (until now of team-b)" in said.out.splitlines()
    assert target.apply("--from", "team-b").code == 0
    assert target.plan().code == 0
    assert "for team-a (" in (target.root("a").findtext("description") or "")


def test_an_owner_gets_another_name(target: Target) -> None:
    jobs = ("{name: TOP, kind: folder}", "{name: TOP/a, script: x}")
    target.write(team("old", *jobs))
    target.apply()
    target.write(team("new", *jobs))
    assert target.apply("--from", "old").code == 0
    assert target.plan().out == "nothing to do; 2 unchanged.\n"


def test_a_job_that_another_owner_took_meanwhile_is_not_written(
    target: Target, fake: JobsController
) -> None:
    target.write(team("team-a", "{name: TOP, kind: folder}", "{name: TOP/a, script: x}"))
    target.apply()
    target.write(team("team-a", "{name: TOP, kind: folder}", "{name: TOP/a, script: y}"))
    text = target.xml("a") or ""

    def take(asked: object) -> None:
        if "pluginManager" in getattr(asked, "path", ""):
            item = fake.find(f"{target.top}/a")
            assert item is not None
            item.text = text.replace("for team-a", "for team-b")
            item.description = (item.description or "").replace("for team-a", "for team-b")

    fake.before = take
    said = target.apply()
    assert said.out == "  ! TOP/a: failed: was changed since; plan again\n1 failed. 1 unchanged.\n"
    assert target.root("a").findtext("definition/script") == "x"
