"""`podwright report`: one page that says what a build did, or why it failed."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser
from pathlib import Path

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
        if tag != "meta":
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
        ["3/3: RUN make test", ""],
    ]


def test_nothing_to_report_is_one_sentence() -> None:
    assert run("report") == (
        2,
        "",
        "podwright report: give the result of a build, or the --log of one that failed\n",
    )
