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
    assert kind.startswith("xml") or "xml" not in said


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
    (file,) = (out / "xml").rglob("odd.xml")
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


# -- what real controllers hold -------------------------------------------------------------------

FOLDER = "com.cloudbees.hudson.plugins.folder.Folder"


def start(target: Target, **jobs: str) -> None:
    """Make the folder of the test and jobs in it by hand."""
    target.write("owner: golden\njobs: [{name: TOP, kind: folder}]\n")
    target.apply()
    for name, xml in jobs.items():
        target.put(name, xml)


def entries(out: Path) -> dict[str, dict[str, object]]:
    """Read what was written, by the last part of the name."""
    return {
        job["name"].rpartition("/")[2]: job
        for file in out.glob("*.yaml")
        for job in yaml.safe_load(file.read_text())["jobs"]
    }


def test_a_folder_made_in_a_browser_keeps_its_views_when_it_is_adopted(target: Target) -> None:
    start(
        target,
        t=f"<{FOLDER}><folderViews class='x.DefaultFolderViewHolder'><views><hudson.model.ListView>"
        "<name>mine</name></hudson.model.ListView></views></folderViews><healthMetrics>"
        "<com.cloudbees.hudson.plugins.folder.health.WorstChildHealthMetric><nonRecursive>false"
        "</nonRecursive></com.cloudbees.hudson.plugins.folder.health.WorstChildHealthMetric>"
        f"</healthMetrics></{FOLDER}>",
    )
    out = imported(target)
    assert entries(out)["t"] == {"name": f"{target.top}/t", "kind": "folder"}
    assert target.run("apply", str(out), "--adopt").code == 0
    assert target.root("t").findtext("folderViews/views/*/name") == "mine"
    assert target.root("t").find("healthMetrics/*") is not None


def test_views_stay_views(target: Target, fake: JobsController) -> None:
    start(target)
    item = fake.find(target.top)
    assert item is not None
    for name, xml in {
        "red": "<hudson.model.ListView><name>red</name><jobFilters><acme.Filter/></jobFilters>"
        "<columns><acme.C/><hudson.views.JobColumn/></columns></hudson.model.ListView>",
        "old": "<hudson.model.ListView><name>old</name><jobNames><comparator class="
        "'hudson.util.CaseInsensitiveComparator'/><string>a</string></jobNames><columns/>"
        "</hudson.model.ListView>",
        "mine": "<hudson.model.MyView><name>mine</name></hudson.model.MyView>",
    }.items():
        item.views[name] = fake._view(name, xml.encode())
    out = imported(target)
    made = entries(out)
    assert made["red"]["columns"] == [{"xml": "<acme.C />\n"}, "name"]
    assert made["red"]["filters"] == ["<acme.Filter />\n"]
    assert {name: made[name]["kind"] for name in ("red", "old", "mine")} == {
        "red": "view", "old": "view", "mine": "xmlview",
    }  # fmt: skip
    said = target.run("plan", str(out), "--adopt", "--no-diff")
    assert "  ~ adopt   xmlview TOP/mine (not managed by anyone yet)" in said.out.splitlines()
    assert target.run("apply", str(out), "--adopt").code == 0
    assert target.run("plan", str(out), "--deep").code == 0
    for name in ("red", "old", "mine"):
        del item.views[name]
    assert target.run("apply", str(out)).code == 0
    assert item.views["mine"].java == "hudson.model.MyView"


@pytest.mark.parametrize(
    ("xml", "held"),
    [
        ("<project><scm class='acme.S'><password>hunter2</password></scm></project>",
         "a secret in <password>"),
        ("<project><authToken>letmein</authToken></project>", "a secret in <authToken>"),
        ("<project><a>********</a></project>", "in <a> a value that this account may not see"),
    ],
)  # fmt: skip
def test_jobs_with_secrets_are_named_and_left_out(target: Target, xml: str, held: str) -> None:
    start(target, leak=xml)
    out = target.home / "imported"
    said = target.run("import", target.top, "--owner", "golden", "--out", str(out))
    assert said.code == 1
    assert said.err.splitlines()[0] == (
        f"  ! TOP/leak: it holds {held}; make that a credential first"
    )
    assert not [file for file in out.rglob("*.*") if "leak" in file.read_text()]


def test_a_hidden_top_folder_is_read_back(target: Target, fake: JobsController) -> None:
    start(target)
    fake.put(".infra", f"<{FOLDER}/>")
    fake.put(".infra/j", "<flow-definition><definition class='a.B'/></flow-definition>")
    out = imported(target, ".infra")
    assert target.run("validate", str(out)).err == f"{out}: 2 jobs, no problems\n"


def test_names_are_found_whatever_their_case(target: Target) -> None:
    start(target, App="<project/>")
    out = imported(target, f"{target.top.upper()}/app")
    assert sorted(entries(out)) == ["App", target.top]


def test_no_two_jobs_share_a_file_and_long_names_are_shortened(target: Target) -> None:
    odd = "<flow-definition><definition class='acme.D'><x>{}</x></definition></flow-definition>"
    long = "x" * 252
    start(target, a=odd.format(1), **{"a.xml": f"<{FOLDER}/>", long: odd.format(2)})
    target.put("a.xml/j", odd.format(3))
    target.put("A", odd.format(4))
    out = target.home / "imported"
    said = target.run("import", target.top, "--owner", "golden", "--out", str(out))
    assert said.code == 1
    assert said.err.splitlines()[0] == (
        "  ! TOP/a: differs only in case from TOP/A, which many versions of Jenkins take for one"
    )
    files = sorted(str(path.relative_to(out / "xml")) for path in (out / "xml").rglob("*.xml"))
    assert len({file.lower() for file in files}) == 3
    assert all(len(part) < 160 for file in files for part in file.split("/"))


def test_a_top_folder_with_a_long_name_gets_a_shorter_file(
    target: Target, fake: JobsController
) -> None:
    start(target)
    fake.put("y" * 252, f"<{FOLDER}/>")
    out = imported(target, "y" * 252)
    assert target.run("validate", str(out)).err == f"{out}: 1 job, no problems\n"


def test_prefixes_of_namespaces_are_parts_of_names(target: Target) -> None:
    start(
        target,
        ns="<project xmlns:p='urn:p'><builders><p:Step a='1' p:b='2'/></builders></project>",
    )
    out = imported(target)
    assert target.run("apply", str(out), "--adopt").code == 0
    assert "<p:Step" in (target.xml("ns") or "")
    assert "p:b=" in (target.xml("ns") or "")


def test_carriage_returns_stay(target: Target) -> None:
    start(
        target,
        cr="<flow-definition><definition class='acme.D'><x>a&#xd;&#xa;b&#xd;c</x></definition>"
        "</flow-definition>",
        bat="<project><builders><hudson.tasks.BatchFile><command>dir&#xd;\ncd</command>"
        "</hudson.tasks.BatchFile></builders></project>",
    )
    out = imported(target)
    assert entries(out)["bat"]["steps"] == [{"batch": "dir\ncd"}]
    (file,) = (out / "xml").rglob("cr.xml")
    assert "a&#13;\nb&#13;c" in file.read_bytes().decode()
    assert target.run("apply", str(out), "--adopt").code == 0
    assert target.root("cr").findtext("definition/x") == "a\r\nb\rc"


def test_one_unreadable_job_is_named_and_stops_no_other(
    target: Target, fake: JobsController
) -> None:
    start(target, a="<project/>", b="<project/>")
    fake.denied = {f"{target.top}/a"}
    out = target.home / "imported"
    said = target.run("import", target.top, "--owner", "golden", "--out", str(out))
    assert said.code == 1
    assert said.err.splitlines()[0] == (
        "  ! TOP/a: it cannot be read: 403 admin is missing the Job/ExtendedRead permission"
    )
    assert sorted(entries(out)) == ["b", target.top]


def test_the_reason_is_told_when_a_job_stays_xml(target: Target) -> None:
    start(target, odd="<flow-definition><definition class='acme.D'/></flow-definition>")
    said = target.run("import", target.top, "--owner", "g", "--out", str(target.home / "i"))
    assert "  . TOP/odd: as raw XML: give either `script` or `scm`" in said.err.splitlines()


def test_what_is_deep_is_found(target: Target) -> None:
    start(target)
    path = ""
    for number in range(14):
        path += f"f{number}/"
        target.put(path.rstrip("/"), f"<{FOLDER}/>")
    target.put(f"{path}j", "<project/>")
    assert "j" in entries(imported(target))


def test_placeholders_in_names_and_texts_stay(target: Target) -> None:
    start(target)
    target.put("{{x}}", "<project><description>{{y}}</description></project>")
    out = imported(target)
    assert target.run("plan", str(out), "--adopt", "--no-diff").out.splitlines()[0] == (
        "  ~ adopt   freestyle TOP/{{x}} (not managed by anyone yet)"
    )
