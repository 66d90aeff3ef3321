"""A controller for the tests: the one of this folder, or a real one given by ``JENKINS_URL``.

A real one is reached with ``JENKINS_USER`` and ``JENKINS_TOKEN``. The tests keep to one folder of a
random name, which is deleted afterwards; tests that inject faults are marked ``fake_only``.
"""

from __future__ import annotations

import io
import os
import secrets
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
import requests

sys.path.insert(0, str(Path(__file__).parent))
from jobs_controller import JobsController, parse_stored

from podwright import cli
from podwright.console import Console

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass
class Said:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def last(self) -> str:
        """Give the counts, which come after the names."""
        return self.out.splitlines()[-1]


@dataclass
class Target:
    """A controller as a user sees it, and a folder for the test."""

    url: str
    user: str
    secret: str
    top: str
    home: Path
    fake: JobsController | None = None
    session: requests.Session = field(default_factory=requests.Session)

    def path(self, name: str) -> str:
        """Give the address of a job."""
        return self.url.rstrip("/") + "".join(f"/job/{part}" for part in name.split("/"))

    def ask(self, method: str, url: str, body: str | None = None) -> requests.Response:
        """Send a request as a person with a browser or script would."""
        return self.session.request(
            method,
            url,
            data=None if body is None else body.encode(),
            headers={"Content-Type": "application/xml"},
            auth=(self.user, self.secret),
            allow_redirects=False,
            timeout=30,
        )

    def xml(self, name: str) -> str | None:
        """Read a job's XML; None when there is none."""
        answer = self.ask("GET", self.path(f"{self.top}/{name}") + "/config.xml")
        return answer.content.decode() if answer.status_code == 200 else None

    def root(self, name: str) -> ET.Element:
        """Read a job's XML as a tree."""
        text = self.xml(name)
        assert text is not None
        return parse_stored(text)

    def put(self, name: str, xml: str) -> None:
        """Create a job by hand."""
        above, _, last = f"{self.top}/{name}".rpartition("/")
        answer = self.ask("POST", f"{self.path(above)}/createItem?name={last}", xml)
        assert answer.status_code == 200, answer.text

    def edit(self, name: str, change: Callable[[ET.Element], None], *, saved: bool = True) -> None:
        """Change a job by hand, and let the controller save it in its own form."""
        root = self.root(name)
        change(root)
        text = ET.tostring(root, encoding="unicode")
        url = self.path(f"{self.top}/{name}")
        assert self.ask("POST", f"{url}/config.xml", text).status_code == 200
        if saved and root.tag != "com.cloudbees.hudson.plugins.folder.Folder":
            self.ask("POST", f"{url}/disable")
            self.ask("POST", f"{url}/enable")

    def jobs(self, name: str = "") -> list[str]:
        """List what a folder of the test holds."""
        where = f"{self.top}/{name}".rstrip("/")
        answer = self.ask("GET", self.path(where) + "/api/json?tree=jobs[name]")
        return sorted(job["name"] for job in answer.json().get("jobs", []))

    def write(self, text: str, file: str = "jobs.yaml") -> Path:
        """Write a description, with ``TOP`` for the folder of the test; returns its folder."""
        path = self.home / "description" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("TOP", self.top), encoding="utf-8")
        return self.home / "description"

    def env(self) -> dict[str, str]:
        """Give the environment of a command."""
        return {"JENKINS_URL": self.url, "JENKINS_USER": self.user, "JENKINS_TOKEN": self.secret}

    def run(self, *arguments: str, **env: str) -> Said:
        """Run ``podwright jobs``; the test's folder is written as TOP again."""
        out, err = io.StringIO(), io.StringIO()
        console = Console(out, err, io.StringIO(), {**self.env(), **env})
        code = cli.run(["jobs", *arguments], console)
        texts = (text.getvalue().replace(self.top, "TOP") for text in (out, err))
        return Said(code, *texts)

    def apply(self, *options: str) -> Said:
        """Apply the description of the test."""
        return self.run("apply", str(self.home / "description"), *options)

    def plan(self, *options: str) -> Said:
        """Plan the description of the test."""
        return self.run("plan", str(self.home / "description"), *options)


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    """Give a controller and a folder on it."""
    top = "podwright-test-" + secrets.token_hex(4)
    url = os.environ.get("JENKINS_URL", "")
    if url:
        made = Target(
            url.rstrip("/"), os.environ["JENKINS_USER"], os.environ["JENKINS_TOKEN"], top, tmp_path
        )
        yield made
        made.ask("POST", made.path(top) + "/doDelete")
        made.session.close()
        return
    with JobsController() as fake:
        made = Target(fake.url, "admin", "token", top, tmp_path, fake)
        yield made
        made.session.close()


@pytest.fixture
def fake(target: Target) -> JobsController:
    """Give the controller of this folder; tests that need it are skipped against a real one."""
    if target.fake is None:
        pytest.skip("injects faults, which a real controller does not let us do")
    return target.fake
