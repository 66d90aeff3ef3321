"""What `podwright doctor --jenkins` asks a controller; the answers are of the documented form."""

from __future__ import annotations

import base64
import http.server
import json
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from podwright.doctor import jenkins
from podwright.doctor.examination import Requirement

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
LISTED = {"plugins": [
    {"shortName": name, "version": version, "active": True}
    for name, version in jenkins.PLUGINS.items()
]}  # fmt: skip
CASC = """\
jenkins:
  clouds:
  - kubernetes:
      name: "kubernetes"
      containerCap: 10
      containerCapStr: "10"
      garbageCollection: {namespaces: builds, timeout: 300}
unclassified:
  location: {url: "https://jenkins.example/"}
"""


class Controller(http.server.BaseHTTPRequestHandler):
    """Answers both questions, to ``admin`` with ``token``."""

    plugins: Any = LISTED
    casc = CASC
    status = 200

    def answer(self, method: str) -> None:
        """Answer as the plugins do."""
        right = base64.b64encode(b"admin:token").decode()
        status, text = self.status, json.dumps(self.plugins)
        if self.headers["Authorization"] != f"Basic {right}":
            status = 401
        if self.path == "/jenkins/configuration-as-code/export":
            status, text = (status, self.casc) if method == "POST" else (405, "")
        elif self.path != (
            "/jenkins/pluginManager/api/json?tree=plugins[shortName,version,active]"
        ):
            status = 404
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    def do_GET(self) -> None:
        """Answer about plugins."""
        self.answer("GET")

    def do_POST(self) -> None:
        """Answer the configuration."""
        self.answer("POST")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def controller() -> Iterator[type[Controller]]:
    """A controller of one's own, whose answers a test may change."""
    handler = type("Own", (Controller,), {})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        handler.url = f"http://127.0.0.1:{server.server_port}/jenkins/"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield handler
        server.shutdown()


def check(controller: Any, token: str = "token") -> list[Requirement]:
    env = {"JENKINS_URL": controller.url, "JENKINS_USER": "admin", "JENKINS_TOKEN": token}
    return jenkins.check(env)


def test_a_controller_that_has_it_all(controller: type[Controller]) -> None:
    assert check(controller) == [
        *(Requirement(name, "yes") for name in jenkins.PLUGINS),
        Requirement("cloud kubernetes", "yes", "at most 10 pods at the same time"),
    ]


def test_plugins_that_are_missing_old_or_off(controller: type[Controller]) -> None:
    rows = [{**item} for item in LISTED["plugins"]]
    rows[0]["version"] = "4400.v1"
    rows[1]["active"] = False
    rows[4]["version"] = "5.9.12"
    controller.plugins = {"plugins": rows[:2] + rows[3:]}
    assert [item for item in check(controller) if item.state != "yes"] == [
        Requirement(
            "kubernetes",
            "unknown",
            "the plugin is 4400.v1; podwright was tried with 4423.vb_59f230b_ce53 and newer",
            "update it",
        ),
        Requirement(
            "workflow-aggregator",
            "no",
            "the plugin is not active",
            "install 608.v67378e9d3db_1 or newer",
        ),
        Requirement(
            "pipeline-groovy-lib",
            "no",
            "the plugin is not installed",
            "install 798.v5cc688825312 or newer",
        ),
        Requirement(
            "git",
            "unknown",
            "the plugin is 5.9.12; podwright was tried with 5.10.1 and newer",
            "update it",
        ),
    ]


def test_settings_of_a_cloud_that_builds_meet(controller: type[Controller]) -> None:
    controller.casc = (
        "jenkins:\n  clouds:\n  - kubernetes:\n      name: k\n"
        "      defaultsProviderTemplate: base\n      restrictedPssSecurityContext: true\n"
    )
    assert [(item.state, item.why.partition(":")[0]) for item in check(controller)[5:]] == [
        ("no", "restrictedPssSecurityContext changes the rights of all containers"),
        ("unknown", "all pods inherit from the template 'base'"),
        ("unknown", "pods of a controller that ended stay for their whole deadline"),
    ]
    controller.casc = "jenkins: {numExecutors: 0}\n"
    assert check(controller)[5:] == [
        Requirement(
            "cloud",
            "no",
            "there is no Kubernetes cloud, so no pod can start",
            "add one: podwright jcasc, podwright helm-values",
        )
    ]


def test_what_cannot_be_asked_is_unknown_and_says_why(controller: Any) -> None:
    url = controller.url.rstrip("/")
    wrong = f"{url} does not tell: the user and the token are wrong; set JENKINS_USER and JENKINS_"
    assert [(item.name, item.state, item.why) for item in check(controller, "x")] == [
        ("plugins", "unknown", f"{wrong}TOKEN"),
        ("clouds", "unknown", f"{wrong}TOKEN"),
    ]
    controller.status = 403
    why = "does not tell: this user may not read it; ask an administrator of Jenkins"
    assert {item.why for item in check(controller)} == {f"{url} {why}"}
    controller.status, controller.plugins, controller.casc = 200, ["x"], "a: [\n"
    plugins, clouds = check(controller)
    assert plugins.why == "the controller's answer is no list of plugins"
    assert clouds.why.startswith("configuration-as-code/export:")
    controller.url = "http://127.0.0.1:1"
    assert check(controller)[0].why == (
        "http://127.0.0.1:1 cannot be asked: [Errno 111] Connection refused; correct JENKINS_URL"
    )


def test_the_page_names_the_same_plugins() -> None:
    page = (ROOT / "docs" / "how-to" / "install.md").read_text()
    for name, version in jenkins.PLUGINS.items():
        row = re.search(rf"^\| `{name}` \| ({re.escape(version)})\b", page, re.MULTILINE)
        assert row, name
