"""Plan and apply against a controller."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest

from podwright import cli
from podwright.console import Console

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from jobs_controller import JobsController

    from conftest import Target

SMALL = """\
owner: team-a
jobs:
  - {name: TOP, kind: folder}
  - name: TOP/app
    description: Builds the app
    script: echo 'hello'
  - {name: TOP/old, kind: freestyle, steps: [{shell: make}]}
"""


def described(root: Element) -> str:
    return root.findtext("description") or ""


def test_a_plan_names_what_is_added_and_ends_with_exit_code_3(target: Target) -> None:
    target.write(SMALL)
    said = target.plan()
    assert said.out == (
        "  + add     folder TOP\n"
        "  + add     pipeline TOP/app\n"
        "  + add     freestyle TOP/old\n"
        "3 to add; 0 unchanged.\n"
    )
    assert said.code == 3


def test_apply_creates_parents_before_children_and_then_has_nothing_to_do(target: Target) -> None:
    target.write(SMALL)
    said = target.apply()
    assert (said.code, said.last) == (0, "3 added. 0 unchanged.")
    assert target.jobs() == ["app", "old"]
    again = target.apply()
    assert (again.code, again.out) == (0, "nothing to do. 3 unchanged.\n")
    assert target.plan().code == 0


def test_apply_names_what_it_did(target: Target) -> None:
    target.write(SMALL)
    assert target.apply().out == (
        "  + added    folder TOP\n"
        "  + added    pipeline TOP/app\n"
        "  + added    freestyle TOP/old\n"
        "3 added. 0 unchanged.\n"
    )
    target.write(
        SMALL.replace("hello", "bye").replace(
            "{name: TOP/old,", "{name: TOP/new, formerly: TOP/old,"
        )
    )
    assert target.apply().out == (
        "  ~ changed  pipeline TOP/app\n"
        "  > renamed  freestyle TOP/new (formerly TOP/old)\n"
        "1 changed, 1 renamed. 1 unchanged.\n"
    )


def test_the_marker_stands_at_the_end_of_the_description(target: Target) -> None:
    target.write(SMALL)
    target.apply()
    text, _, marker = described(target.root("app")).partition("\n\n")
    assert text == "Builds the app"
    assert marker.startswith("Managed as code by podwright for team-a (content ")
    assert marker.endswith("): changes made here are overwritten.")


def test_a_change_shows_its_difference_and_is_one_update(target: Target) -> None:
    target.write(SMALL)
    target.apply()
    target.write(SMALL.replace("hello", "good bye"))
    said = target.plan()
    assert said.code == 3
    assert said.out.splitlines()[0] == "  ~ change  pipeline TOP/app (YAML changed)"
    assert "      -    <script>echo 'hello'</script>" in said.out.splitlines()
    assert "      +    <script>echo 'good bye'</script>" in said.out.splitlines()
    assert target.apply().last == "1 changed. 2 unchanged."
    assert target.root("app").findtext("definition/script") == "echo 'good bye'"


def test_build_history_survives_a_change(target: Target, fake: JobsController) -> None:
    target.write(SMALL)
    target.apply()
    target.ask("POST", target.path(f"{target.top}/app") + "/build")
    target.write(SMALL.replace("hello", "good bye"))
    target.apply()
    item = fake.find(f"{target.top}/app")
    assert item is not None
    assert item.builds == [False]


def test_edits_on_the_controller_are_seen_with_deep_only(target: Target) -> None:
    target.write(SMALL)
    target.apply()

    def change(root: Element) -> None:
        script = root.find("definition/script")
        assert script is not None
        script.text = "echo 'edited'"

    target.edit("app", change)
    assert target.plan().code == 0
    said = target.plan("--deep")
    assert said.code == 3
    lines = said.out.splitlines()
    assert lines[0] == "  ~ change  pipeline TOP/app (edited on the controller)"
    assert "      -    <script>echo 'edited'</script>" in lines
    assert target.apply("--deep").last == "1 changed. 2 unchanged."
    assert target.plan("--deep").out == "nothing to do; 3 unchanged.\n"


def test_a_job_that_the_controller_saved_in_its_own_form_is_unchanged(target: Target) -> None:
    target.write(SMALL)
    target.apply()
    for name in ("app", "old"):
        target.ask("POST", target.path(f"{target.top}/{name}") + "/disable")
        target.ask("POST", target.path(f"{target.top}/{name}") + "/enable")
    said = target.plan("--deep")
    assert (said.code, said.out) == (0, "nothing to do; 3 unchanged.\n")


def test_json_gives_changes_to_programs(target: Target) -> None:
    target.write(SMALL)
    target.apply()
    target.write(SMALL.replace("make}", "make all}"))
    data = json.loads(target.plan("--json").out)
    (change,) = data["changes"]
    diff = change.pop("diff")
    assert "-      <command>make</command>" in diff
    assert "+      <command>make all</command>" in diff
    assert change == {
        "action": "change",
        "name": "TOP/old",
        "kind": "freestyle",
        "view": False,
        "why": "YAML changed",
    }
    assert data["unchanged"] == 2


def test_folders_nobody_describes_are_made(target: Target) -> None:
    target.write("owner: a\njobs:\n  - {name: TOP/deep/er/app, script: echo}\n")
    assert target.apply().last == "4 added. 0 unchanged."
    assert target.jobs("deep/er") == ["app"]
    assert target.apply().out == "nothing to do. 4 unchanged.\n"


def test_a_folder_keeps_credentials_that_people_made(target: Target, fake: JobsController) -> None:
    target.write(SMALL)
    target.apply()
    tag = (
        "com.cloudbees.hudson.plugins.folder.properties."
        "FolderCredentialsProvider_-FolderCredentialsProperty"
    )

    def change(root: Element) -> None:
        properties = root.find("properties")
        if properties is None:
            properties = root.makeelement("properties", {})
            root.append(properties)
        properties.append(root.makeelement(tag, {}))

    fake.edit(target.top, change)
    target.write(SMALL.replace("kind: folder}", "kind: folder, description: Ours}"))
    assert target.plan().code == 3
    assert target.apply().last == "1 changed. 2 unchanged."
    item = fake.find(target.top)
    assert item is not None
    assert f"<{tag}" in item.text
    assert item.text.count("<properties>") == 1
    assert target.plan("--deep").code == 0


def test_views_are_created_changed_and_left_alone(target: Target) -> None:
    text = SMALL + "  - {name: TOP/Mine, kind: view, regex: 'a.*'}\n"
    target.write(text)
    assert target.apply().last == "4 added. 0 unchanged."
    assert target.apply().out == "nothing to do. 4 unchanged.\n"
    assert target.plan("--deep").code == 0
    target.write(text.replace("a.*", "b.*"))
    assert target.apply().last == "1 changed. 3 unchanged."


def test_a_job_is_renamed_with_its_builds(target: Target, fake: JobsController) -> None:
    target.write(SMALL)
    target.apply()
    target.ask("POST", target.path(f"{target.top}/app") + "/build")
    target.write(
        SMALL.replace("TOP/app\n", "TOP/moved/service\n    formerly: TOP/app\n")
        + "  - {name: TOP/moved, kind: folder}\n"
    )
    said = target.plan()
    assert "  > rename  pipeline TOP/moved/service (formerly TOP/app)" in said.out.splitlines()
    assert target.apply().last == "1 added, 1 renamed. 2 unchanged."
    assert target.jobs() == ["moved", "old"]
    item = fake.find(f"{target.top}/moved/service")
    assert item is not None
    assert item.builds == [False]
    assert target.apply().out == "nothing to do. 4 unchanged.\n"


def test_the_same_job_under_another_name_is_guessed_to_be_renamed(target: Target) -> None:
    target.write(SMALL.replace("owner: team-a", "owner: team-a\nremoval: delete"))
    target.apply()
    target.write(
        SMALL.replace("owner: team-a", "owner: team-a\nremoval: delete").replace("/app", "/service")
    )
    said = target.plan("--prune")
    assert (
        "  ? TOP/app has the content of the new TOP/service; if it was renamed, add "
        "`formerly: TOP/app` to keep its builds"
    ) in said.out.splitlines()


MATRIX = """\
owner: team-a
removal: delete
removalShare: 100
templates: {t: {name: "TOP/j{{n}}", script: echo 1, description: "job {{n}}"}}
jobs:
  - {name: TOP, kind: folder}
  - {template: t, matrix: {n: [a, b, c]}}
"""


def test_equal_differences_are_shown_once(target: Target) -> None:
    target.write(MATRIX)
    target.apply()
    target.write(MATRIX.replace("echo 1", "echo 2"))
    lines = target.plan().out.splitlines()
    assert lines[:4] == [
        "  ~ change  pipeline TOP/ja (YAML changed)",
        "  ~ change  pipeline TOP/jb (YAML changed)",
        "  ~ change  pipeline TOP/jc (YAML changed)",
        "      in each of these 3:",
    ]
    assert lines.count("      +    <script>echo 2</script>") == 1


def test_a_plan_is_a_page_for_browsers(target: Target) -> None:
    target.write(MATRIX)
    target.apply()
    target.write(MATRIX.replace("echo 1", "echo '<&>'").replace(", c]", "]"))
    page = target.home / "plan.html"
    assert target.plan("--prune", "--html", str(page)).code == 3
    text = page.read_text()
    assert text.count("<ins>+    &lt;script&gt;echo &#x27;&amp;lt;&amp;amp;&amp;gt;&#x27;") == 1
    assert '<section class="change change-delete"><ul><li>- delete  pipeline TOP' in text.replace(
        target.top, "TOP"
    )
    assert "1 to delete, 2 to change" in text or "2 to change, 1 to delete" in text


def test_only_what_is_named_is_looked_at(target: Target) -> None:
    text = SMALL + "  - {name: TOP/in/deep, script: x}\n"
    target.write(text)
    said = target.plan("--only", f"{target.top}/in", "--no-diff")
    assert said.out.splitlines() == [
        "  + add     folder TOP",
        "  + add     folder TOP/in",
        "  + add     pipeline TOP/in/deep",
        "3 to add; 0 unchanged.",
    ]
    assert target.apply("--only", f"{target.top}/in/deep").last == "3 added. 0 unchanged."
    target.write(text.replace("hello", "x") + "  - {name: TOP/app2, script: y}\n")
    only = ("--only", f"{target.top}/app", "--only", f"{target.top}/app2")
    assert target.apply(*only).last == "2 added. 0 unchanged."
    said = target.apply("--only", "nothing")
    assert said.code == 2
    assert said.err.startswith("podwright jobs: --only: no job or folder is called 'nothing'")


class Keyboard(io.StringIO):
    """Somebody who answers."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("answer", "options", "left"),
    [("y\n", [], 2), ("\n", [], 3), ("no\n", [], 3), ("", ["--yes"], 2)],
)
def test_somebody_at_a_terminal_is_asked_before_jobs_are_removed(
    target: Target, answer: str, options: list[str], left: int
) -> None:
    target.write(MATRIX)
    target.apply()
    target.write(MATRIX.replace(", c]", "]"))
    out, err = io.StringIO(), io.StringIO()
    console = Console(out, err, Keyboard(answer), target.env())
    folder = str(target.home / "description")
    code = cli.run(["jobs", "apply", folder, "--prune", *options], console)
    assert len(target.jobs()) == left
    assert code == (0 if left == 2 else 1)
    asked = f"  - delete {target.top}/jc\n1 job will be removed; go on? [y/N] "
    assert (asked in err.getvalue()) is not bool(options)


def test_a_terminal_has_colours_and_a_file_none(target: Target) -> None:
    target.write(MATRIX)
    out = Keyboard()
    folder = str(target.home / "description")
    cli.run(["jobs", "plan", folder], Console(out, io.StringIO(), io.StringIO(), target.env()))
    assert out.getvalue().startswith("\x1b[32m  + add     folder")
    plain = Keyboard()
    env = {**target.env(), "NO_COLOR": "1"}
    cli.run(["jobs", "plan", folder], Console(plain, io.StringIO(), io.StringIO(), env))
    assert "\x1b" not in plain.getvalue()


def test_a_source_that_gets_another_id_is_told(target: Target) -> None:
    text = (
        "owner: a\njobs:\n  - name: TOP/m\n    kind: multibranch\n"
        "    sources: [{git: 'http://git.example/a'}]\n"
    )
    target.write(text)
    target.apply()
    target.write(text.replace("http:", "https:"))
    assert (
        "  ? TOP/m: a source gets another id, so that all its branches are built again; the old "
        "one stays with `id:`"
    ) in target.plan().out.splitlines()


# -- plan files --------------------------------------------------------------------------------


def test_a_plan_file_is_applied_exactly(target: Target) -> None:
    target.write(SMALL)
    file = target.home / "plan.json"
    assert target.plan("--out", str(file)).code == 3
    target.write(SMALL.replace("hello", "something else"))
    said = target.run("apply", "--plan", str(file))
    assert (said.code, said.last) == (0, "3 added. 0 unchanged.")
    assert target.root("app").findtext("definition/script") == "echo 'hello'"
    again = target.run("apply", "--plan", str(file))
    assert (again.code, again.out) == (0, "nothing to do. 0 unchanged.\n")


def test_a_plan_file_is_refused_when_the_controller_changed_since(target: Target) -> None:
    target.write(SMALL)
    target.apply()
    target.write(SMALL.replace("hello", "good bye"))
    file = target.home / "plan.json"
    target.plan("--out", str(file))
    target.write(SMALL.replace("hello", "somebody was faster"))
    target.apply()
    said = target.run("apply", "--plan", str(file))
    assert said.code == 1
    assert said.out == (
        "  ! TOP/app: not tried: was changed since; plan again\n1 not tried. 2 unchanged.\n"
    )


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda _: "nonsense", "this is not a plan; make one with `jobs plan --out`"),
        (lambda _: "{}", "this is not a plan of this version; plan again"),
        (
            lambda text: text.replace('"action": "add"', '"action": "explode"'),
            "the plan was edited or cut short; plan again",
        ),
    ],
)
def test_a_broken_plan_file_is_told(target: Target, change: object, sentence: str) -> None:
    target.write(SMALL)
    file = target.home / "plan.json"
    target.plan("--out", str(file))
    file.write_text(change(file.read_text()))  # type: ignore[operator]
    said = target.run("apply", "--plan", str(file))
    assert (said.code, said.err) == (2, f"podwright jobs: {file}: {sentence}\n")


def test_a_plan_is_for_one_controller(target: Target, fake: JobsController) -> None:
    target.write(SMALL)
    file = target.home / "plan.json"
    target.plan("--out", str(file))
    said = target.run("apply", "--plan", str(file), JENKINS_URL="http://localhost:1")
    assert said.err == (
        f"podwright jobs: {file}: the plan was made for {fake.url}, not for http://localhost:1\n"
    )


# -- requests ------------------------------------------------------------------------------------


def test_what_did_not_change_costs_one_request_and_no_write(
    target: Target, fake: JobsController
) -> None:
    target.write(
        "owner: a\njobs:\n  - template: t\n    matrix: {n: ["
        + ",".join(map(str, range(200)))
        + "]}\n"
        "templates: {t: {name: 'TOP/f{{n}}/job', script: echo}}\n"
    )
    target.apply()
    fake.log.clear()
    assert target.apply().out == "nothing to do. 401 unchanged.\n"
    assert [method for method, _ in fake.log] == ["GET"]


def test_a_create_is_one_request(target: Target, fake: JobsController) -> None:
    target.write(SMALL)
    target.apply()
    target.write(SMALL + "  - {name: TOP/new, script: echo}\n")
    fake.log.clear()
    target.apply()
    assert [path.partition("?")[0] for _, path in fake.log] == [
        f"/job/{target.top}/api/json",
        "/pluginManager/api/json",
        f"/job/{target.top}/createItem",
    ]


def test_a_token_needs_no_crumb_and_a_password_fetches_one(
    target: Target, fake: JobsController
) -> None:
    target.write(SMALL)
    target.apply()
    assert not [path for _, path in fake.log if "crumb" in path]
    target.write(SMALL + "  - {name: TOP/new, script: echo}\n  - {name: TOP/new2, script: echo}\n")
    assert (
        target.run(
            "apply", str(target.home / "description"), "--workers", "1", JENKINS_TOKEN="password"
        ).code
        == 0
    )
    assert len([path for _, path in fake.log if "crumb" in path]) == 1
    assert target.jobs() == ["app", "new", "new2", "old"]


def test_connections_are_reused_answers_compressed_and_no_cookies_sent(
    target: Target, fake: JobsController
) -> None:
    lines = [f"  - {{name: TOP/j{number}, script: echo}}" for number in range(60)]
    target.write("owner: a\njobs:\n" + "\n".join(lines))
    assert target.apply("--workers", "3").last == "61 added. 0 unchanged."
    assert fake.connections <= 3
    assert len(fake.log) == 63
    assert {headers["accept-encoding"] for headers in fake.headers} == {"gzip, deflate"}
    assert not [headers for headers in fake.headers if "cookie" in headers]


def test_never_more_requests_at_once_than_workers(target: Target, fake: JobsController) -> None:
    fake.cost["create"] = 0.01
    lines = [f"  - {{name: TOP/f{number}/j, script: echo}}" for number in range(30)]
    target.write("owner: a\njobs:\n" + "\n".join(lines))
    target.apply("--workers", "4")
    assert 1 < fake.most_at_once <= 4
