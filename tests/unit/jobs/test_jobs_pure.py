"""The pure parts: XML in and out, markers, names, order, limits, commands without a controller."""
# ruff: noqa: E501, ISC004 - tables of sentences

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podwright import cli
from podwright.console import Console
from podwright.errors import UsageError
from podwright.jobs import (
    actions,
    applying,
    client,
    description,
    expand,
    kinds,
    marker,
    names,
    normal,
    oneof,
    planning,
    secrets,
    snapshot,
    xmltree,
)
from podwright.jobs.client import Access, Controller

if TYPE_CHECKING:
    from pathlib import Path

TEXT = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff")
    | st.sampled_from("\n\t<>&\"'"),
    max_size=20,
)
NAME = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,9}", fullmatch=True)


@st.composite
def trees(draw: st.DrawFn, depth: int = 3) -> ET.Element:
    element = ET.Element(draw(NAME), draw(st.dictionaries(NAME, TEXT, max_size=2)))
    element.text = draw(TEXT)
    for _ in range(draw(st.integers(0, 3)) if depth else 0):
        element.append(draw(trees(depth - 1)))
    return element


def flat(element: ET.Element) -> object:
    return (element.tag, element.attrib, element.text or "", [flat(child) for child in element])


@given(trees())
def test_what_is_written_is_read_back_the_same(tree: ET.Element) -> None:
    assert flat(xmltree.parse(xmltree.serialise(tree))) == flat(tree)


@given(trees())
def test_writing_equals_that_of_the_standard_library_but_for_blanks(tree: ET.Element) -> None:
    ours = xmltree.serialise(tree)[len(xmltree.HEAD) :]
    theirs = ET.tostring(tree, encoding="utf-8", short_empty_elements=True)
    assert flat(xmltree.parse(ours)) == flat(xmltree.parse(theirs))


@given(trees())
def test_the_normal_form_does_not_depend_on_layout_or_versions(tree: ET.Element) -> None:
    plain = xmltree.serialise(tree)
    other = xmltree.parse(plain)
    for node in other.iter():
        node.set("plugin", "x@1")
    again = xmltree.serialise(other)
    assert normal.same_trees(xmltree.parse(plain), xmltree.parse(again))


@given(st.text().map(lambda text: text.replace("\r", "")))
def test_illegal_characters_are_exactly_those_that_do_not_come_back(text: str) -> None:
    element = ET.Element("a")
    element.text = text
    try:
        back = xmltree.parse(xmltree.serialise(element)).text or ""
    except (xmltree.NotXmlError, UnicodeEncodeError):
        back = None
    assert (oneof.illegal(text) is None) == (back == text)


def test_a_carriage_return_comes_back_but_no_description_takes_one() -> None:
    element = ET.Element("a")
    element.text = "a\r\nb\rc"
    assert xmltree.parse(xmltree.serialise(element)).text == element.text
    assert oneof.illegal(element.text) == "\r"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("<a>" * 201 + "</a>" * 201, "it is nested deeper than 200 levels"),
        ("", "no element found (line 1, column 1)"),
        ("<a><b></a>", "mismatched tag (line 1, column 9)"),
        ('<?xml version="1.1"?>\n<a>\n&#1;</a>', "reference to invalid character number (line 3, column 1)"),
        ("<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", "it has a document type, which is not allowed"),
        ("<a>&lol;</a>", "undefined entity (line 1, column 4)"),
        (b"\xff", "it is not UTF-8"),
    ],
)  # fmt: skip
def test_bad_xml_is_a_sentence(text: str | bytes, sentence: str) -> None:
    with pytest.raises(xmltree.NotXmlError) as caught:
        xmltree.parse(text)
    assert str(caught.value).startswith(sentence)


def test_xml_1_1_with_a_byte_order_mark_is_read() -> None:
    assert xmltree.parse("\ufeff<?xml version='1.1' encoding='UTF-8'?>\n<a/>").tag == "a"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("<a><b/></a>", "<a/>", True),
        ("<a><disabled>false</disabled></a>", "<a/>", True),
        ("<a><disabled>true</disabled></a>", "<a/>", False),
        ("<a><x.Y/></a>", "<a/>", False),
        ("<j><b>1</b><c>2</c></j>", "<j><c>2</c><b>1</b></j>", True),
        ("<a><b>1</b><b>2</b></a>", "<a><b>2</b><b>1</b></a>", False),
        ("<builders><b.S/><b.T/></builders>", "<builders><b.T/><b.S/></builders>", False),
        ("<a><b>1 </b></a>", "<a><b>1</b></a>", False),
        ("<a><b>x&#xd;\ny</b></a>", "<a><b>x\ny</b></a>", True),
        ("<a><s class='x'/></a>", "<a><s class='y'/></a>", False),
        ("<a><choices><string/></choices></a>", "<a><choices/></a>", False),
    ],
)
def test_what_is_the_same(one: str, other: str, *, same: bool) -> None:
    assert normal.same_trees(xmltree.parse(one), xmltree.parse(other)) is same


def test_the_marker_is_found_at_the_end_only() -> None:
    made = marker.Marker("team-a", "0123456789abcdef")
    assert marker.find(f"Text.\n\n{made}") == made
    assert marker.find(f"Text.\r\n\r\n{made}\r\n") == made
    assert marker.strip(f"Text.\n\n{made}") == "Text."
    assert marker.find(f"{made} and more") is None
    assert marker.find(None) is None
    assert marker.find("") is None


def test_the_digest_is_64_bits_of_sha_256() -> None:
    assert marker.digest(b"abc") == "ba7816bf8f01cfea"


def test_names_above_a_name() -> None:
    assert names.parents("a/b/c") == ["a", "a/b"]
    assert names.parent("a/b/c") == "a/b"
    assert names.parent("a") == ""


@pytest.mark.parametrize(
    ("name", "folders", "managed"),
    [
        ("a/b", ("a",), True),
        ("a", ("a",), True),
        ("ab", ("a",), False),
        ("b", ("a",), False),
        ("b", ("/",), True),
        ("b/c", ("/",), False),
        ("a/b/c", ("/a/b/",), True),
        ("a", (), False),
    ],
)
def test_where_removal_is_allowed(name: str, folders: tuple[str, ...], *, managed: bool) -> None:
    assert planning.is_managed(name, folders) is managed


def removals(count: int, owned: int) -> planning.ChangePlan:
    changes = tuple(planning.Change("delete", f"j{n}") for n in range(count))
    return planning.ChangePlan("a", changes, owned=owned, share=20)


@pytest.mark.parametrize(
    ("count", "owned", "allowed", "fine"),
    [(0, 0, None, True), (2, 10, None, True), (3, 10, None, False), (3, 10, 3, True),
     (4, 10, 3, False), (1, 1, None, False), (0, 10, 0, True), (1, 100, 0, False)],
)  # fmt: skip
def test_how_many_removals_need_no_question(
    count: int, owned: int, allowed: int | None, *, fine: bool
) -> None:
    assert (planning.too_many(removals(count, owned), allowed) == "") is fine


def test_a_job_with_the_content_of_a_new_one_was_perhaps_renamed() -> None:
    def said(*, view: bool) -> list[str]:
        new = planning.Change("add", "new", view=view, digest="d")
        old = planning.Change("delete", "old", expected="d")
        return planning.hints(planning.ChangePlan("a", (new, old)))

    assert said(view=True) == []
    assert said(view=False) == [
        "old has the content of the new new; if it was renamed, add `formerly: old` to keep its "
        "builds"
    ]


@pytest.mark.parametrize(
    ("inside", "more"), [(["x"], ""), (["x", "y"], " and 1 more"), (["x", "y", "z"], " and 2 more")]
)
def test_a_folder_that_holds_other_jobs_is_kept(inside: list[str], more: str) -> None:
    mark = marker.Marker("a", "d")
    java = kinds.load("folder").JAVA
    items = [
        snapshot.Found("f", java, mark),
        *(snapshot.Found(f"f/{n}", "J", None) for n in inside),
    ]
    server = snapshot.Snapshot({(False, item.name): item for item in items})
    asked = description.Description("a", ("/",), "delete", 100, ())

    made = planning.make(asked, [], server, planning.Options(prune=True))

    assert made.kept == (f"f: no longer described; kept, since it still holds f/x{more}",)


def test_folders_come_level_by_level_before_jobs_and_removals_last() -> None:
    change = planning.Change
    given_order = [
        change("delete", "x", folder=True),
        change("delete", "x/y", folder=True),
        change("delete", "x/y/j"),
        change("add", "a/v", view=True),
        change("add", "a/b/j"),
        change("rename", "a/r"),
        change("add", "a/b", folder=True),
        change("add", "a", folder=True),
    ]
    stages = [[(c.action, c.name) for c in stage] for stage in applying.stages(given_order)]
    assert [stage for stage in stages if stage] == [
        [("add", "a")],
        [("add", "a/b")],
        [("rename", "a/r")],
        [("add", "a/b/j")],
        [("add", "a/v")],
        [("delete", "x/y/j")],
        [("delete", "x/y")],
        [("delete", "x")],
    ]


def test_jobs_are_dealt_round_the_folders() -> None:
    changes = [planning.Change("add", name) for name in ("a/1", "a/2", "a/3", "b/1", "c/1", "c/2")]
    assert [change.name for change in applying.spread(changes)] == [
        "a/1", "b/1", "c/1", "a/2", "c/2", "a/3",
    ]  # fmt: skip


def test_the_tree_query_has_a_level_for_each_depth() -> None:
    level = "views[name,description],jobs[name,_class,description"
    assert snapshot.query(1) == f"{level}]"
    assert snapshot.query(2) == f"{level},{level}]]"
    assert snapshot.query(0) == ""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("echo AKIA" + "IOSFODNN7EXAMPLE", ["an AWS access key"]),
        ("https" + "://git:secret@host/x", ["a password in a URL"]),
        ("https://host/x:y@z", []),
        ("https://${USER}:${PASSWORD}@host/", []),
        ("credentialsId: my-token", []),
        ("ssh://git@host:22/x", []),
        ("image: registry:5000/team@sha256:abc", []),
        ("sk_" + "A" * 10, []),
    ],
)
def test_what_looks_like_a_secret(text: str, found: list[str]) -> None:
    assert [what for _, what in secrets.look_alikes(text)] == found


def test_redaction_hides_by_name_and_by_look_but_not_ids() -> None:
    root = xmltree.parse(
        "<a><password>x</password><credentialsId>token</credentialsId><t>glpat-"
        + "a" * 20
        + "</t><secretToken>y</secretToken></a>"
    )
    assert [element.text for element in secrets.redact_tree(root)] == [
        "********", "token", "********", "********",
    ]  # fmt: skip


@given(st.dictionaries(NAME, st.integers() | TEXT, max_size=3), TEXT)
def test_text_without_braces_is_never_changed_by_values(
    values: dict[str, object], text: str
) -> None:
    missing: list[str] = []
    assert expand.fill_text(text, values, missing) == text or "{{" in text
    assert missing == [] or "{{" in text


# -- the command line --------------------------------------------------------------------------


def run(*arguments: str, **env: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    code = cli.run(["jobs", *arguments], Console(out, err, io.StringIO(), env))
    return code, out.getvalue(), err.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "jobs.yaml").write_text(
        "owner: a\njobs:\n  - {name: f/app, script: 'echo <1>'}\n  - {name: f/V, kind: view}\n"
    )
    return tmp_path


def test_validate_says_how_many_jobs_there_are(folder: Path) -> None:
    assert run("validate", str(folder)) == (0, "", f"{folder}: 3 jobs, no problems\n")
    (folder / "jobs.yaml").write_text("owner: a\njobs:\n  - {name: f, kind: folder}\n")
    assert run("validate", str(folder)) == (0, "", f"{folder}: 1 job, no problems\n")


def test_the_steps_own_verb_says_so_without_a_request(folder: Path) -> None:
    assert run("seed", str(folder / "none.json")) == (
        2,
        "",
        (
            f"podwright jobs: there is no file '{folder / 'none.json'}'; this verb is for the "
            "step provisionJobs\n"
        ),
    )


def test_render_prints_or_writes_files(folder: Path, tmp_path: Path) -> None:
    code, out, _ = run("render", str(folder))
    assert code == 0
    assert out.splitlines()[0] == "# f"
    assert "    <script>echo &lt;1&gt;</script>" in out.splitlines()
    files = tmp_path / "out"
    assert run("render", str(folder), "--out", str(files)) == (0, "", f"{files}: 3 files written\n")
    assert sorted(str(path.relative_to(files)) for path in files.rglob("*.xml")) == [
        "f.xml", "f/V.view.xml", "f/app.xml",
    ]  # fmt: skip


def test_a_job_and_a_view_never_share_a_file(tmp_path: Path) -> None:
    text = "owner: a\njobs: [{name: x.view, script: y}, {name: x, kind: view}]\n"
    (tmp_path / "jobs.yaml").write_text(text)
    assert run("render", str(tmp_path), "--out", str(tmp_path / "out"))[0] == 0
    assert len(list((tmp_path / "out").glob("*.xml"))) == 2


def test_a_place_that_cannot_be_written_is_told(folder: Path) -> None:
    sentence = "podwright jobs: --out: /dev/null/x cannot be written: Not a directory\n"
    assert run("render", str(folder), "--out", "/dev/null/x")[2] == sentence


def test_rendering_twice_gives_the_same_bytes(folder: Path) -> None:
    command = [sys.executable, "-m", "podwright", "jobs", "render", str(folder)]
    outputs = {
        subprocess.run(
            command, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(outputs) == 1


@pytest.mark.parametrize(
    ("arguments", "env", "sentences"),
    [
        ((), {}, ["no controller is named; set JENKINS_URL or give --url"]),
        (("--url", "http://x"), {"JENKINS_USER": "u"},
         ["no API token; set JENKINS_TOKEN or give --token-file"]),
        (("--url", "http://x"), {"JENKINS_TOKEN": "t"}, ["no user for the API token; set JENKINS_USER or give --user"]),
        (("--url", "http://x", "--workers", "0", "--ca", "/no/file"), {},
         ["--workers: 0 is not between 1 and 64", "--ca: there is no file /no/file"]),
        (("--url", "http://x", "--token-file", "/no/file"), {"JENKINS_USER": "u"},
         ["--token-file: /no/file cannot be read: No such file or directory",
          "no API token; set JENKINS_TOKEN or give --token-file"]),
        (("--url", "file:///etc/passwd"), {},
         ["the address 'file:///etc/passwd' is not a URL; write https://host/ with the "
          "path that Jenkins has there"]),
        (("--url", "http" + "://u:p@x/"), {},
         ["the controller's address holds a user or password; give them as JENKINS_USER and "
          "JENKINS_TOKEN instead"]),
    ],
)  # fmt: skip
def test_wrong_access_is_told_before_anything_is_sent(
    folder: Path, arguments: tuple[str, ...], env: dict[str, str], sentences: list[str]
) -> None:
    code, out, err = run("plan", str(folder), *arguments, **env)
    assert (code, out) == (2, "")
    assert err == "".join(f"podwright jobs: {sentence}\n" for sentence in sentences)


class Terminal(io.StringIO):
    """A terminal that remembers."""

    def isatty(self) -> bool:
        return True


def outcome(name: str) -> applying.ChangeOutcome:
    return applying.ChangeOutcome(planning.Change("add", name), applying.DONE)


def test_a_terminal_gets_a_bar_and_a_log_gets_lines_now_and_then() -> None:
    terminal = Terminal()
    progress = actions.ProgressBar(Console(io.StringIO(), terminal, io.StringIO(), {}))
    progress.show(10, 10, outcome("a"))
    progress.end()
    assert terminal.getvalue() == "\r[" + "#" * 30 + "] 10/10 " + "'a'".ljust(32) + "\n"
    log = io.StringIO()
    progress = actions.ProgressBar(Console(io.StringIO(), log, io.StringIO(), {}))
    progress.show(1, 10, outcome("a"))
    assert log.getvalue() == ""
    progress.shown -= 6
    progress.show(2, 10, outcome("b"))
    assert log.getvalue().startswith("2 of 10 done (")
    progress.shown -= 6
    progress.show(10, 10, outcome("c"))
    progress.end()
    assert log.getvalue().count("\n") == 1


def test_apply_takes_a_description_or_a_plan() -> None:
    sentence = "podwright jobs: give either the description's folder or --plan FILE\n"
    assert run("apply", "--url", "http://x") == (2, "", sentence)
    assert run("apply", "x", "--plan", "y", "--url", "http://x") == (2, "", sentence)


def test_access_never_shows_its_secret() -> None:
    assert "hunter2" not in repr(Access("http://x", "u", "hunter2"))


def test_no_variable_weakens_a_session(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    monkeypatch.setenv("PYTHONHTTPSVERIFY", "0")
    made = Controller(Access("https://x", "u", "t", headers="X-Proxy: hunter2"))
    assert "hunter2" not in repr(made.access)
    assert made._settings["verify"] is True
    assert made._session.headers["X-Proxy"] == "hunter2"
    assert "hunter2" not in str(capsys.readouterr())


def test_each_segment_of_a_name_is_encoded() -> None:
    made = Controller(Access("http://x/jenkins"))
    url = made._address_of("%(folder_url)sjob/%(short_name)s/config.xml", "a b/ä#/c?d")
    assert url == "http://x/jenkins/job/a%20b/job/%C3%A4%23/job/c%3Fd/config.xml"


def test_answers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MOST_BYTES", 10)

    class Response:
        url = "http://x/api/json"

        def iter_content(self, size: int) -> list[bytes]:
            del size
            return [b"12345", b"67890", b"1"]

    with pytest.raises(client.Fatal) as caught:
        Controller(Access("http://x"))._read_bounded(Response())  # type: ignore[arg-type]
    assert caught.value.problems == (
        "/api/json: the answer is larger than 0 MB; is this the controller?",
    )


def test_a_controller_that_never_answered_is_given_up_sooner() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(client.Fatal) as caught:
        Controller(Access(url, patience=60, first_patience=0.3)).tree("jobs[name]")
    assert caught.value.problems == (
        "/api/json: cannot reach the controller (Connection refused) for 0.3 s; check the "
        f"address {url[7:]}, and whether Jenkins runs",
    )


def test_an_address_without_host_is_refused() -> None:
    with pytest.raises(UsageError):
        Controller(Access("https://"))


def test_a_module_that_is_missing_is_one_sentence(folder: Path) -> None:
    program = (
        "import sys; sys.modules['jenkins'] = None; from podwright import cli; "
        f"sys.exit(cli.main(['jobs', 'plan', {str(folder)!r}]))"
    )
    env = {**os.environ, "JENKINS_USER": "u", "JENKINS_TOKEN": "t", "JENKINS_URL": "http://x"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=env, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.splitlines()) == (
        2,
        [
            "podwright jobs: the Python module 'jenkins' is missing; run pip install '.[jobs]' in "
            "a clone, or use podwright-jobs.pyz, which carries it"
        ],
    )
