"""Import: from jobs that exist to a description that renders to the same XML."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from podwright.jobs import kinds

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from jobs_controller import JobsController

    from conftest import Target

GOLDEN = Path(__file__).parents[2] / "golden" / "jobs"
CASES = sorted(path.parent.name for path in GOLDEN.glob("*/jobs.yaml"))


def imported(target: Target, *names: str) -> Path:
    out = target.home / "imported"
    said = target.run("import", *(names or (target.top,)), "--owner", "golden", "--out", str(out))
    assert said.code == 0, said.err
    return out


@pytest.mark.parametrize("saved", [False, True], ids=["as-posted", "saved-by-jenkins"])
@pytest.mark.parametrize("case", CASES)
def test_what_apply_made_is_imported_and_renders_to_the_same_xml(
    target: Target, fake: JobsController, case: str, *, saved: bool
) -> None:
    text = (GOLDEN / case / "jobs.yaml").read_text().replace("- name: ", "- name: TOP/")
    target.write(text.replace("{name: ", "{name: TOP/", 1))
    for xml in (GOLDEN / case).glob("odd.xml"):
        target.write(xml.read_text(), xml.name)
    assert target.apply().code == 0
    if saved:
        for name in fake.names():
            fake.save(name)
    out = imported(target)
    again = target.run("plan", str(out), "--deep")
    assert (again.code, again.out.splitlines()[-1][:13]) == (0, "nothing to do"), again.out
    kind = case.rpartition("-")[0]
    said = [
        job["kind"]
        for file in out.glob("*.yaml")
        for job in yaml.safe_load(file.read_text())["jobs"]
    ]
    assert kind in said
    assert kind == "xml" or "xml" not in said


def test_every_kind_is_imported_in_its_own_words() -> None:
    assert {case.rpartition("-")[0] for case in CASES} == set(kinds.names())


def test_a_job_made_by_hand_is_imported_and_adopted(target: Target) -> None:
    target.write("owner: golden\njobs: [{name: TOP, kind: folder}]\n")
    target.apply()
    target.put(
        "hand",
        "<flow-definition plugin='workflow-job@1'><description>Mine</description>"
        "<definition class='org.jenkinsci.plugins.workflow.cps.CpsFlowDefinition' plugin='x@1'>"
        "<script>echo '{{x}}'</script><sandbox>true</sandbox></definition></flow-definition>",
    )
    out = imported(target)
    text = next(file for file in out.glob("podwright-*.yaml")).read_text()
    assert text.replace(target.top, "TOP") == (
        "jobs:\n"
        "  - name: TOP\n"
        "    kind: folder\n"
        "  - name: TOP/hand\n"
        "    kind: pipeline\n"
        "    description: Mine\n"
        "    script: echo '{{x}}'\n"
    )
    said = target.run("plan", str(out), "--adopt")
    assert "  ~ adopt   pipeline TOP/hand (not managed by anyone yet)" in said.out.splitlines()
    assert "-    <script>" not in said.out
    assert target.run("apply", str(out), "--adopt").last == "1 adopted. 1 unchanged."


def test_what_words_cannot_say_becomes_xml_with_its_braces_kept(target: Target) -> None:
    target.write("owner: golden\njobs: [{name: TOP, kind: folder}]\n")
    target.apply()
    target.put(
        "odd",
        "<flow-definition><definition class='acme.Definition'><x>{{a}} \\{{b}}</x></definition>"
        "</flow-definition>",
    )
    out = imported(target)
    file = out / "xml" / target.top / "odd.xml"
    assert "<x>\\{{a}} \\\\{{b}}</x>" in file.read_text()
    assert target.run("apply", str(out), "--adopt").code == 0
    assert target.root("odd").findtext("definition/x") == "{{a}} \\{{b}}"


def test_odd_names_go_there_and_back(target: Target) -> None:
    odd = ["a b", "\u00e4", "\U0001f680", "it's", 'say "hi"', "a+b,c=d", "-", "~", "x" * 255]
    lines = "".join(
        f"  - {{name: {json.dumps('TOP/' + name, ensure_ascii=False)}, script: echo}}\n"
        for name in odd
    )
    target.write("owner: golden\njobs:\n  - {name: TOP, kind: folder}\n" + lines)
    assert target.apply().last == f"{len(odd) + 1} added. 0 unchanged."
    assert target.jobs() == sorted(odd)
    out = imported(target)
    said = target.run("plan", str(out), "--deep")
    assert said.out == f"nothing to do; {len(odd) + 1} unchanged.\n"


def test_secrets_are_not_imported_and_not_shown(target: Target) -> None:
    target.write("owner: golden\njobs: [{name: TOP, kind: folder}]\n")
    target.apply()
    secret = "{AQAAABAAAA" + "AQabcdefghijklmn=}"
    target.put("leak", f"<project><description>x</description><a>{secret}</a></project>")
    out = target.home / "imported"
    said = target.run("import", target.top, "--owner", "golden", "--out", str(out))
    assert said.code == 1
    assert said.err.splitlines()[0] == (
        "  ! TOP/leak: it holds what looks like a secret encrypted by Jenkins; make that a "
        "credential first"
    )
    assert secret not in said.err
    assert not any(secret in file.read_text() for file in out.rglob("*.*"))


def test_secrets_are_hidden_in_differences(target: Target) -> None:
    job = "owner: golden\njobs:\n  - {name: TOP, kind: folder}\n  - {name: TOP/a, script: echo}\n"
    target.write(job)
    target.apply()

    def change(root: Element) -> None:
        definition = root.find("definition")
        assert definition is not None
        for tag, text in (("apiToken", "hunter2"), ("text", "ghp_" + "a" * 36)):
            element = root.makeelement(tag, {})
            element.text = text
            definition.append(element)

    target.edit("a", change, saved=False)  # a save would drop what no class knows
    said = target.plan("--deep")
    assert said.code == 3
    assert "      -    <apiToken>********</apiToken>" in said.out.splitlines()
    assert "hunter2" not in said.out
    assert "ghp_" not in said.out


def test_a_wrong_import_is_told(target: Target) -> None:
    target.write("owner: golden\njobs: [{name: TOP, kind: folder}]\n")
    target.apply()
    full = target.home / "full"
    full.mkdir()
    (full / "x").write_text("x")
    said = target.run("import", "--owner", "a", "--out", str(full))
    assert said.err == (
        f"podwright jobs: --out: {full} is not empty; give a new folder, nothing is overwritten\n"
    )
    said = target.run("import", "--owner", "a b", "--out", str(target.home / "new"))
    assert said.err == (
        "podwright jobs: --owner: 'a b' is not a name of letters, digits, '.', '_', '-'\n"
    )
    said = target.run("import", "no-such", "--owner", "a", "--out", str(target.home / "new"))
    assert said.err == "podwright jobs: no-such: there is no such job or folder\n"
