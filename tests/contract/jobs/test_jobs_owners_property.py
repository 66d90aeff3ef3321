"""Two owners, people with a browser, and events in any order: nobody's work is lost.

Each event is followed request by request: whatever a description changes, moves or removes must be
its own at that moment, and must leave behind what people keep in it. 300 random stories run each
time, or as many as ``PODWRIGHT_STORIES`` says (10,000 in the long run); the number of a story that
fails makes it again.
"""

from __future__ import annotations

import io
import os
import random
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree as ET

import pytest
from jobs_controller import Asked, JobsController, parse_stored

from podwright import cli
from podwright.console import Console
from podwright.jobs import client, marker

if TYPE_CHECKING:
    from pathlib import Path

    from jobs_controller import Item

STORIES = int(os.environ.get("PODWRIGHT_STORIES", "300"))
PARTS = 10
FOLDERS = ("f", "g", "f/s", "g/f")
CREDENTIALS = (
    "com.cloudbees.hudson.plugins.folder.properties."
    "FolderCredentialsProvider_-FolderCredentialsProperty"
)
DECLARED = (
    "org.jenkinsci.plugins.pipeline.modeldefinition.actions.DeclarativeJobPropertyTrackerAction"
)
WRITES = ("config.xml", "confirmRename", "move", "disable", "submitDescription", "doDelete")


def owner_of(item: Item) -> str:
    found = marker.find(item.description)
    return found.owner if found else ""


def holdings(item: Item) -> list[str]:
    """Name what people and plugins keep in an item."""
    root = parse_stored(item.text)
    kept = [node.text or "" for node in root.iter("kept")]
    return sorted(kept)


@dataclass
class World:
    """A controller, two descriptions, and who acts at the moment."""

    chance: random.Random
    home: Path
    fake: JobsController = field(default_factory=JobsController)
    wanted: dict[str, dict[str, dict[str, str]]] = field(default_factory=dict)
    actors: list[tuple[str, set[str]]] = field(default_factory=list)
    story: list[str] = field(default_factory=list)
    number: int = 0
    asked_last: str = ""

    # -- requests, without a network --------------------------------------------------------------

    def answer(self, method: str, url: str, body: bytes | None, headers: dict[str, str]) -> Any:
        parts = urlsplit(url)
        query = parse_qs(parts.query, keep_blank_values=True)
        headers = {
            "authorization": "Basic YWRtaW46dG9rZW4=",
            **{name.lower(): text for name, text in headers.items()},
        }
        asked = Asked(method, parts.path, query, headers, body or b"")
        self.maybe_interleave(asked)
        check = self.watch(asked) if method == "POST" else None
        _, reply = self.fake._decide(asked, url)
        if check and reply.status < 400:
            check()
        self.asked_last = method
        head = {"Content-Type": reply.kind, "X-Jenkins": "2", **reply.headers}
        return client.ControllerAnswer(reply.status, head, reply.body)

    def maybe_interleave(self, asked: Asked) -> None:
        """Let somebody else act between two requests, but not between a look and its write."""
        first = asked.method == "GET" and self.asked_last != "GET"
        due = len(self.actors) == 1 and (first or "createItem" in asked.path)
        if due and self.chance.random() < 0.15:
            self.asked_last = ""
            self.act()

    def watch(self, asked: Asked) -> Any:
        """Check one write before it is done; gives what is to be checked afterwards."""
        path, _, last = asked.path.rstrip("/").rpartition("/")
        if last not in WRITES or "/view/" in path:
            return None
        name = "/".join(unquote(part) for part in re.findall(r"/job/([^/]+)", asked.path))
        item = self.fake.find(name)
        if item is None:
            return None
        who, flags = self.actors[-1]
        owner = owner_of(item)
        assert owner == who or (owner == "" and "--adopt" in flags) or owner in flags, (
            f"{who} {last} {name} of {owner or 'nobody'}",
            "\n".join(self.story),
        )
        below = [one for one in self.fake._all(item) if one is not item]
        if last == "doDelete":
            assert not below, (f"{who} deletes {name} with {below[0].full}", "\n".join(self.story))
            keeps = holdings(item) if item.java.endswith("Folder") else []
            assert not keeps, (f"{who} deletes {name}, which holds", "\n".join(self.story))
            assert True not in item.builds, (
                f"{who} deletes {name}, which builds",
                "\n".join(self.story),
            )
        if last in {"confirmRename", "move"}:
            strangers = {owner_of(one) for one in below} - {who, "", *flags}
            assert not strangers, (
                f"{who} moves {name} with jobs of {strangers}",
                "\n".join(self.story),
            )
        before = holdings(item)

        def after() -> None:
            if last == "config.xml":
                assert holdings(item) == before, (f"{who} changes {name}", "\n".join(self.story))

        return after

    # -- owners -------------------------------------------------------------------------------

    def command(self, who: str, verb: str, *options: str) -> int:
        self.story.append(f"{who}: {verb} {' '.join(options)}")
        env = {"JENKINS_URL": "http://fake", "JENKINS_USER": "admin", "JENKINS_TOKEN": "token"}
        out, err = io.StringIO(), io.StringIO()
        flags = {option for option in options if not option.startswith("/")}
        self.actors.append((who, flags))
        code = cli.run(
            ["jobs", verb, *options, "--workers", "1", "--patience", "1"],
            Console(out, err, io.StringIO(), env),
        )
        self.actors.pop()
        assert code in {0, 1, 3} or "formerly: " in err.getvalue(), (
            err.getvalue(),
            "\n".join(self.story),
        )
        self.story.append(out.getvalue() + err.getvalue())
        return code

    def description(self, who: str) -> str:
        jobs = self.wanted.setdefault(who, {})
        lines = [f"owner: {who}", f"removal: {self.chance.choice(['delete', 'delete', 'disable'])}"]
        lines += ["folders: [/, f, g]", "jobs:"]
        for name, fields in jobs.items():
            words = ", ".join(f"{key}: {text}" for key, text in fields.items())
            lines.append(f"  - {{name: {name}, {words}}}")
        folder = self.home / who
        folder.mkdir(exist_ok=True)
        text = "\n".join(lines) if jobs else "\n".join([*lines[:-1], "jobs: []"])
        (folder / "jobs.yaml").write_text(text)
        self.story.append(text)
        return str(folder)

    def edit_description(self, who: str) -> None:
        jobs = self.wanted.setdefault(who, {})
        for fields in jobs.values():
            fields.pop("formerly", None)
        for _ in range(self.chance.randint(1, 4)):
            self.change_description(who, jobs)

    def change_description(self, who: str, jobs: dict[str, dict[str, str]]) -> None:
        what = self.chance.choice(["add", "add", "folder", "change", "remove", "rename", "rename"])
        if what == "add":
            above = self.chance.choice(["", *FOLDERS])
            name = f"{above}/{who}{self.chance.randint(0, 3)}".lstrip("/")
            if self.chance.random() < 0.1:
                name = f"{above}/shared".lstrip("/")
            jobs.setdefault(name, {"script": f"echo {self.chance.randint(0, 9)}"})
        elif what == "folder":
            jobs.setdefault(self.chance.choice(FOLDERS), {"kind": "folder"})
        elif jobs:
            name = self.chance.choice(sorted(jobs))
            if what == "change":
                jobs[name]["description"] = f"d{self.chance.randint(0, 9)}"
            elif what == "remove":
                del jobs[name]
            else:
                self.rename_described(name, jobs)

    def rename_described(self, name: str, jobs: dict[str, dict[str, str]]) -> None:
        is_folder = "kind" in jobs[name]
        if is_folder:
            new = self.chance.choice([*FOLDERS, "h", "h/k"])
        else:
            above = self.chance.choice(["", *FOLDERS])
            new = f"{above}/{name.rpartition('/')[2]}{self.chance.choice(['', '', 'x'])}".lstrip(
                "/"
            )
        if any(one == new or one.startswith(new + "/") for one in jobs):
            return
        for one in list(jobs):
            if one == name or (is_folder and one.startswith(name + "/")):
                fields = jobs.pop(one)
                jobs[new + one[len(name) :]] = fields
                if one == name:
                    fields["formerly"] = name

    def own(self) -> None:
        """Let an owner change its description and apply it, perhaps by a plan of yesterday."""
        who = self.chance.choice("ab")
        if who in {actor for actor, _ in self.actors}:
            return
        if self.chance.random() < 0.8:
            self.edit_description(who)
        where = self.description(who)
        options = [
            option
            for option in ("--prune", "--prune", "--adopt", "--deep")
            if self.chance.random() < 0.5
        ]
        if self.chance.random() < 0.1:
            options += ["--from", "ab".replace(who, "")]
        options = list(dict.fromkeys(options))
        if self.chance.random() < 0.3:
            file = str(self.home / f"{who}.plan")
            self.command(who, "plan", where, *options, "--out", file)
            for _ in range(self.chance.randint(0, 3)):
                self.person()
            if os.path.exists(file):  # noqa: PTH110
                extra = [option for option in options if option in {"--adopt", "a", "b", "--from"}]
                self.apply_file(who, file, extra)
            return
        self.command(who, "apply", where, *options, "--allow-removals", "99")

    def apply_file(self, who: str, file: str, allowed: list[str]) -> None:
        self.actors.append((who, set(allowed)))
        out, err = io.StringIO(), io.StringIO()
        env = {"JENKINS_URL": "http://fake", "JENKINS_USER": "admin", "JENKINS_TOKEN": "token"}
        arguments = ["jobs", "apply", "--plan", file, "--allow-removals", "99", "--workers", "1"]
        code = cli.run(arguments, Console(out, err, io.StringIO(), env))
        self.actors.pop()
        os.unlink(file)  # noqa: PTH108
        assert code in {0, 1}, (err.getvalue(), "\n".join(self.story))
        self.story.append(f"{who}: apply --plan: {out.getvalue()}{err.getvalue()}")

    # -- people -------------------------------------------------------------------------------

    def person(self) -> None:
        """Let somebody do something in the browser."""
        items = [self.fake.find(name) for name in self.fake.names()]
        item = self.chance.choice(items) if items else None
        what = self.chance.choice(
            ["job", "keep", "keep", "view", "unmark", "script", "delete", "build", "rename"]
        )
        self.story.append(f"person: {what} {item.full if item else ''}")
        self.number += 1
        if what == "job" or item is None:
            above = item if item is not None and item.java.endswith("Folder") else self.fake.top
            name = self.chance.choice(["a0", "b1", "shared", f"hand{self.number}"])
            if self.fake.key(above, name) not in above.items:
                text = "<flow-definition><description>by hand</description></flow-definition>"
                self.fake._create(above, name, text.encode())
            return
        getattr(self, f"person_{what}")(item)

    def person_keep(self, item: Item) -> None:
        """Store a credential in a folder; let a Jenkinsfile or plugin declare in a job."""
        tag = CREDENTIALS if item.java.endswith("Folder") else "acme.Property"
        kept = str(self.number)

        def change(root: ET.Element) -> None:
            properties = root.find("properties")
            if properties is None:
                properties = ET.SubElement(root, "properties")
            there = properties.find(tag)
            if there is None:
                there = ET.SubElement(properties, tag)
            ET.SubElement(there, "kept").text = kept
            actions = root.find("actions")
            if actions is None:
                actions = ET.SubElement(root, "actions")
            ET.SubElement(ET.SubElement(actions, DECLARED), "kept").text = kept

        self.fake.edit(item.full, change)

    def person_view(self, item: Item) -> None:
        if not item.java.endswith("Folder"):
            return

        def change(root: ET.Element) -> None:
            holder = root.find("folderViews")
            if holder is None:
                holder = ET.SubElement(root, "folderViews")
            view = ET.SubElement(ET.SubElement(holder, "views"), "hudson.model.ListView")
            ET.SubElement(view, "name").text = "mine"
            ET.SubElement(view, "kept").text = str(self.number)

        self.fake.edit(item.full, change)

    def person_unmark(self, item: Item) -> None:
        def change(root: ET.Element) -> None:
            described = root.find("description")
            if described is not None:
                described.text = "mine"

        self.fake.edit(item.full, change)

    def person_script(self, item: Item) -> None:
        def change(root: ET.Element) -> None:
            script = root.find("definition/script")
            if script is not None:
                script.text = f"echo by hand {self.number}"

        self.fake.edit(item.full, change)

    def person_delete(self, item: Item) -> None:
        assert item.parent is not None
        del item.parent.items[self.fake.key(item.parent, item.name)]

    def person_build(self, item: Item) -> None:
        if not item.java.endswith("Folder"):
            item.builds = [self.chance.random() < 0.5]

    def person_rename(self, item: Item) -> None:
        parent, new = item.parent, f"r{self.number}"
        assert parent is not None
        del parent.items[self.fake.key(parent, item.name)]
        item.name = new
        parent.items[self.fake.key(parent, new)] = item

    def act(self) -> None:
        if self.chance.random() < 0.5:
            self.own()
        else:
            self.person()

    def settle(self) -> None:
        """Each owner's second apply has nothing to do, unless something is in the way."""
        for who in "ab":
            where = self.description(who)
            if (
                self.command(who, "apply", where, "--deep", "--prune", "--allow-removals", "99")
                == 0
            ):
                before = len(self.fake.writes())
                assert self.command(who, "apply", where, "--deep") == 0, "\n".join(self.story)
                after = self.fake.writes()[before:]
                assert not after, (after, "\n".join(self.story))


@pytest.mark.parametrize("part", range(PARTS))
def test_nobodys_work_is_lost_in_any_order_of_events(
    part: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(part * STORIES // PARTS, (part + 1) * STORIES // PARTS):
        home = tmp_path / str(number)
        home.mkdir()
        world = World(random.Random(number), home)  # noqa: S311
        world.fake.folds = number % 4 == 0
        monkeypatch.setattr(
            client.Controller,
            "_round_trip",
            lambda _, method, url, body, headers, world=world: world.answer(
                method, url, body, headers
            ),
        )
        for _ in range(6):
            world.act()
        world.chance = random.Random("quiet")  # noqa: S311
        monkeypatch.setattr(world, "maybe_interleave", lambda _: None)
        world.settle()
