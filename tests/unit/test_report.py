"""`podwright report`: one page that says what a build did, or why it failed."""

from __future__ import annotations

import html
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from test_cli import run

SAMPLES = Path(__file__).parent / "report"


class Page(HTMLParser):
    """Reads a page: its tables by caption, and whether its elements are closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        assert attrs is not None
        if tag not in ("meta", "link"):
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data


def test_a_build_is_told_with_steps_cache_scan_and_contents() -> None:
    words = ["--log", str(SAMPLES / "buildkit.log"), "--scan", str(SAMPLES / "scan.json")]
    words += ["--sbom", str(SAMPLES / "sbom.json")]
    code, out, err = run("report", str(SAMPLES / "result.json"), *words)

    assert (code, err) == (0, "")
    assert "<h1>Build of registry.example/team/app</h1>" in out
    assert Page(out).rows == [
        ["step", "time"],
        ["[build 1/4] FROM docker.io/library/node:24@sha256:33", "cache"],
        ["[build 2/4] COPY package.json package-lock.json ./", "cache"],
        ["[build 3/4] RUN npm ci", "14.2 s"],
        ["[build 4/4] RUN npm run build && echo '<b>done</b>'", "9.6 s"],
        ["building, all of it", "33 s"],
        ["pushing, all of it", "8 s"],
        ["level", "number"],
        ["high", "1"],
        ["low", "4"],
        ["package", "version"],
        ["busybox", "1.37"],
        ["openssl", "3.0"],
    ]
    assert "<dt>size</dt><dd>48.2 MB</dd>" in out
    assert "CVE-2026-0001 in openssl" in out
    # Nothing is fetched, and nothing runs.
    assert not re.search(r"<script|https?://|src=|@import|url\(", out)


def test_a_failed_build_is_told_with_its_cause() -> None:
    code, out, _ = run("report", "--log", str(SAMPLES / "failed.log"))

    assert code == 0
    assert "a RUN step ended with exit code 2; its last words: make: ***" in html.unescape(out)
    assert Page(out).rows[1:] == [
        ["1/3: FROM registry.example/base:1", ""],
        ["2/3: COPY . /src", "cache"],
        ["3/3: RUN make test", "failed"],
    ]


FAILING = {
    "one of two that ran at once": (
        """\
#5 [base 1/1] FROM r.example/base
#5 CACHED
#6 [one 1/1] RUN make one
#7 [two 1/1] RUN make two
#7 ERROR: process "/bin/sh -c make two" did not complete successfully: exit code: 2
#6 CANCELED
""",
        [["[base 1/1] FROM r.example/base", "cache"], ["[one 1/1] RUN make one", ""]],
        "[two 1/1] RUN make two",
    ),
    "what another try did is no failure": (
        """\
#5 [1/2] FROM r.example/base
#5 ERROR: failed to do request: connection reset by peer
#5 [1/2] FROM r.example/base
#5 DONE 0.2s
#6 [2/2] COPY nope /
#6 ERROR: failed to calculate checksum of ref a::b: "/nope": not found
""",
        [["[1/2] FROM r.example/base", "0.2 s"]],
        "[2/2] COPY nope /",
    ),
    "the classic builder": (
        """\
Step 1/2 : FROM r.example/base
 ---> 83de7b1b4d39
Step 2/2 : RUN make
The command '/bin/sh -c make' returned a non-zero code: 2
""",
        [["1/2 : FROM r.example/base", ""]],
        "2/2 : RUN make",
    ),
    "its COPY": (
        """\
Step 1/2 : FROM r.example/base
Step 2/2 : COPY nope /
COPY failed: file not found in build context or excluded by .dockerignore: stat nope: \
file does not exist
""",
        [["1/2 : FROM r.example/base", ""]],
        "2/2 : COPY nope /",
    ),
    "kaniko": (
        """\
time="2026-11-26T05:00:00Z" level=info msg="Using caching version of cmd: COPY . /src"
time="2026-11-26T05:00:00Z" level=info msg="COPY . /src"
time="2026-11-26T05:00:01Z" level=info msg="RUN echo \\"a\\""
time="2026-11-26T05:00:01Z" level=info msg="Running: [/bin/sh -c echo \\"a\\"]"
error building image: error building stage: failed to execute command: \
waiting for process to exit: exit status 2
""",
        [["COPY . /src", "cache"]],
        'RUN echo "a"',
    ),
}


@pytest.mark.parametrize(("log", "others", "failed"), FAILING.values(), ids=FAILING.keys())
def test_the_step_that_failed_is_marked(
    log: str, others: list[list[str]], failed: str, tmp_path: Path
) -> None:
    file = tmp_path / "log"
    file.write_text(log)

    code, out, err = run("report", "--log", str(file))

    assert (code, err, Page(out).rows[1:]) == (0, "", [*others, [failed, "failed"]])
    assert out.count('<span class="bad">failed</span>') == 1


def test_a_push_that_fails_marks_no_step(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_text(
        "STEP 1/1: FROM r.example/base\nError: writing blob: received unexpected HTTP status: "
        "403 Forbidden\n"
    )

    assert Page(run("report", "--log", str(file))[1]).rows[1:] == [["1/1: FROM r.example/base", ""]]


def test_nothing_to_report_is_one_sentence() -> None:
    assert run("report") == (
        2,
        "",
        "podwright report: give the result of a build, or the --log of one that failed\n",
    )


def machine(tmp_path: Path, request: dict[str, object]) -> str:
    """Make the page as a pipeline does; gives it."""
    file = tmp_path / "request.json"
    file.write_text(json.dumps({"folder": str(tmp_path / "page"), **request}))
    code, out, err = run("report", "--machine", "--request", str(file))
    page = tmp_path / "page" / "index.html"
    assert (code, json.loads(out), err) == (0, {"value": str(page)}, "")
    return page.read_text()


def test_a_pipeline_gets_a_page_whose_style_jenkins_shows(tmp_path: Path) -> None:
    log = tmp_path / "a.steps"
    log.write_text(
        "building r/one\n#5 [1/2] FROM base\n#5 CACHED\n#6 [2/2] RUN make\n#6 DONE 3.0s\n"
        ", building 3 s, pushing 1 s\nbuilding r/two\n#5 [1/1] FROM other\n#5 DONE 0.5s\n"
    )
    results = [{"image": "r/one", "pushed": True}, {"image": "r/two", "scan": {}}]
    results[1]["scan"] = {"vulnerabilities": {"low": 2}, "failing": []}

    page = machine(tmp_path, {"result": results, "log": str(log)})

    assert "<h1>Build of r/one, r/two</h1>" in page
    # Jenkins' Content-Security-Policy takes style out of files of the same place alone.
    assert '<link rel="stylesheet" href="page.css">' in page
    assert "color-scheme: light dark" in (tmp_path / "page" / "page.css").read_text()
    assert 'style="' not in page
    assert Page(page).rows == [
        ["level", "number"],
        ["low", "2"],
        ["step", "time"],
        ["[1/2] FROM base", "cache"],
        ["[2/2] RUN make", "3 s"],
        ["building, all of it", "3 s"],
        ["pushing, all of it", "1 s"],
        ["[1/1] FROM other", "0.5 s"],
    ]
    assert not log.exists()


def test_a_pipeline_that_fails_gets_its_cause_and_its_steps(tmp_path: Path) -> None:
    failure = {"sentence": "the registry refused the login", "remedy": "correct it"}

    page = machine(tmp_path, {"image": "r/app", "failure": failure, "log": str(tmp_path / "none")})
    log = tmp_path / "a.steps"
    log.write_text("building r/app\n#5 [1/1] RUN make\n#5 ERROR\n\n")
    noted = machine(tmp_path, {"image": "r/app", "failure": failure, "log": str(log)})

    assert Page(noted).rows[1:] == [["[1/1] RUN make", "failed"]]
    assert "<h1>Build of r/app failed</h1>" in page
    assert '<p class="bad">the registry refused the login</p><p>correct it</p>' in page


def test_layers_that_nobody_shows_are_no_failure_of_a_pipeline(tmp_path: Path) -> None:
    results = [{"image": "r/a", "reference": "r.example/a"}, {"image": "r/b", "reference": None}]

    page = machine(tmp_path, {"result": results, "layers": True})

    assert page.count("<h2>Layers</h2>") == 1
    assert "<p>They cannot be read: image: &#x27;r.example/a&#x27; has no tag;" in page
