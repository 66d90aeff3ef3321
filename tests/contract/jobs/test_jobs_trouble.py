"""Controllers in trouble: what could be applied is applied, and the rest is said exactly."""

from __future__ import annotations

import os
import signal
import ssl
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from jobs_controller import Fault, JobsController

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Target

MANY = """\
owner: team-a
templates: {t: {name: "TOP/f{{n}}/j{{m}}", script: "echo {{n}} {{m}}"}}
jobs:
  - {name: TOP, kind: folder}
  - template: t
    matrix: {n: [1, 2, 3, 4], m: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]}
"""
ALL = 45
SMALL = """\
owner: team-a
jobs:
  - {name: TOP, kind: folder}
  - {name: TOP/a, script: echo}
  - {name: TOP/in, kind: folder}
  - {name: TOP/in/b, script: echo}
"""


def complete(target: Target, fake: JobsController) -> None:
    """Check that every job is there once, with its own content."""
    assert [name for name in fake.names() if name.startswith(target.top)] == sorted(
        [
            target.top,
            *(f"{target.top}/f{n}" for n in range(1, 5)),
            *(f"{target.top}/f{n}/j{m}" for n in range(1, 5) for m in range(1, 11)),
        ]
    )
    for n in range(1, 5):
        for m in range(1, 11):
            script = target.root(f"f{n}/j{m}").findtext("definition/script")
            assert script == f"echo {n} {m}"
    assert target.plan("--deep").out == f"nothing to do; {ALL} unchanged.\n"


@pytest.mark.parametrize("made", [2, 20, 40])
def test_a_killed_apply_is_completed_by_the_next_one(
    target: Target, fake: JobsController, made: int
) -> None:
    fake.cost["create"] = 0.02
    folder = target.write(MANY)
    command = [sys.executable, "-m", "podwright", "jobs", "apply", str(folder)]
    process = subprocess.Popen(
        command, env={**os.environ, **target.env()}, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 30
    while len(fake.names()) < made and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = len([name for name in fake.names() if name.startswith(target.top)])
    assert made <= done < ALL
    said = target.apply()
    assert said.code == 0
    complete(target, fake)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_apply_says_what_was_not_tried(
    target: Target, fake: JobsController, how: signal.Signals
) -> None:
    fake.cost["create"] = 0.05
    folder = target.write(MANY)
    command = [sys.executable, "-m", "podwright", "jobs", "apply", str(folder)]
    pipe = subprocess.PIPE
    env = {**os.environ, **target.env()}
    process = subprocess.Popen(command, env=env, stdout=pipe, stderr=pipe, text=True)
    deadline = time.monotonic() + 30
    while len(fake.names()) < 12 and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(how)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 1, err
    done = len([name for name in fake.names() if name.startswith(target.top)])
    assert out.splitlines()[-1] == f"{done} added, {ALL - done} not tried. 0 unchanged."
    assert ": not tried: interrupted" in out
    fake.cost["create"] = 0
    assert target.apply().code == 0
    complete(target, fake)


@pytest.mark.parametrize("kind", ["status", "reset", "reset-after", "truncate"])
def test_an_apply_survives_a_controller_in_trouble(
    target: Target, fake: JobsController, kind: str
) -> None:
    target.write(MANY)
    fake.faults = [Fault(kind, times=20, path="createItem|api/json", every=2)]
    said = target.apply()
    assert (said.code, said.last) == (0, f"{ALL} added. 0 unchanged.")
    assert fake.faults[0].times == 0
    complete(target, fake)


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (502, "the controller answers 502; trying again"),
        (503, "the controller answers 503 (it is starting up); trying again"),
    ],
)
def test_an_outage_is_waited_for_and_told(
    target: Target, fake: JobsController, status: int, sentence: str
) -> None:
    target.write(MANY)
    fake.faults = [Fault("status", status=status, until=time.monotonic() + 1.5)]
    said = target.apply()
    assert (said.code, said.last) == (0, f"{ALL} added. 0 unchanged.")
    assert said.err.splitlines()[0] == sentence
    complete(target, fake)


def break_after(fake: JobsController, creates: int, seconds: float, fault: Fault) -> None:
    """Make everything fail for a time, once some jobs were created."""

    def watch(_: object) -> None:
        if len([path for path in fake.writes() if "createItem" in path]) > creates:
            fake.before = None
            fault.until = time.monotonic() + seconds
            fake.faults = [fault]

    fake.before = watch


@pytest.mark.slow
def test_twenty_seconds_of_502_in_the_middle_are_survived(
    target: Target, fake: JobsController
) -> None:
    target.write(MANY)
    break_after(fake, 20, 20, Fault("status", status=502))
    said = target.apply()
    assert (said.code, said.last) == (0, f"{ALL} added. 0 unchanged.")
    assert fake.faults[0].seen > 1
    complete(target, fake)


@pytest.mark.parametrize("kind", ["reset", "reset-after"])
def test_nothing_but_resets_for_a_time_is_survived(
    target: Target, fake: JobsController, kind: str
) -> None:
    target.write(MANY)
    break_after(fake, 20, 2, Fault(kind))
    said = target.apply()
    assert (said.code, said.last) == (0, f"{ALL} added. 0 unchanged.")
    assert fake.faults[0].seen > 1
    complete(target, fake)


def test_a_restart_in_the_middle_is_survived(target: Target, fake: JobsController) -> None:
    fake.cost["create"] = 0.01
    folder = target.write(MANY)
    env = {**os.environ, **target.env(), "JENKINS_TOKEN": "password"}
    command = [sys.executable, "-m", "podwright", "jobs", "apply", str(folder)]
    process = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    deadline = time.monotonic() + 30
    while len(fake.names()) < 15 and time.monotonic() < deadline:
        time.sleep(0.005)
    fake.__exit__()
    fake.expire_crumbs()
    fake.faults = [Fault("status", status=503, until=time.monotonic() + 1)]
    fake.__enter__()
    out, err = process.communicate(timeout=60)
    last = out.decode().splitlines()[-1]
    assert (process.returncode, last) == (0, f"{ALL} added. 0 unchanged."), err.decode()
    complete(target, fake)


def test_expiring_crumbs_are_fetched_again(target: Target, fake: JobsController) -> None:
    target.write(MANY)
    count = 0

    def expire(asked: object) -> None:
        nonlocal count
        del asked
        count += 1
        if count % 20 == 0:
            fake.expire_crumbs()

    fake.before = expire
    said = target.run("apply", str(target.home / "description"), JENKINS_TOKEN="password")
    assert (said.code, said.last) == (0, f"{ALL} added. 0 unchanged.")
    fake.before = None
    complete(target, fake)


def test_a_create_whose_answer_was_lost_is_no_duplicate(
    target: Target, fake: JobsController
) -> None:
    target.write(SMALL)
    fake.faults = [Fault("reset-after", times=4, method="POST")]
    assert target.apply().last == "4 added. 0 unchanged."


def test_a_job_that_somebody_else_creates_meanwhile_is_told(
    target: Target, fake: JobsController
) -> None:
    target.write(SMALL)

    def race(_: object) -> None:
        if "createItem?" not in fake.log[-1][1] or "name=a" not in fake.log[-1][1]:
            return
        fake.before = None
        fake.put(f"{target.top}/a", "<flow-definition/>")

    fake.before = race
    said = target.apply()
    assert said.code == 1
    assert said.out == (
        "  + added    folder TOP\n"
        "  + added    folder TOP/in\n"
        "  + added    pipeline TOP/in/b\n"
        "  ! TOP/a: failed: 400 somebody else created it meanwhile; plan again\n"
        "3 added, 1 failed. 0 unchanged.\n"
    )


def test_a_job_deleted_meanwhile_is_told(target: Target, fake: JobsController) -> None:
    target.write(SMALL)
    target.apply()
    target.write(SMALL.replace("/a, script: echo}", "/a, script: echo 2}"))

    def race(_: object) -> None:
        if "/config.xml" in fake.log[-1][1]:
            item = fake.find(target.top)
            assert item is not None
            item.items.pop("a", None)

    fake.before = race
    said = target.apply()
    assert said.out == (
        "  ! TOP/a: failed: it is gone, or its folder is, or you may not see it (404); plan again\n"
        "1 failed. 3 unchanged.\n"
    )


# -- what is wrong for good -----------------------------------------------------------------


def test_a_wrong_password_is_told_at_once(target: Target) -> None:
    target.write(SMALL)
    said = target.run("plan", str(target.home / "description"), JENKINS_TOKEN="wrong")
    assert said.code == 1
    assert said.err == (
        f"podwright jobs: {target.url}: the controller does not know user '{target.user}' with "
        "this token or password; check JENKINS_USER and JENKINS_TOKEN\n"
    )


def test_anonymous_access_is_told(target: Target) -> None:
    target.write(SMALL)
    said = target.run("plan", str(target.home / "description"), JENKINS_TOKEN="", JENKINS_USER="")
    assert said.err == (
        f"podwright jobs: {target.url}: the controller refuses anonymous access; set JENKINS_USER "
        "and JENKINS_TOKEN\n"
    )


def test_no_permission_for_one_folder_leaves_the_others(
    target: Target, fake: JobsController
) -> None:
    target.write(MANY.replace("  - template", "  - {name: TOP/f1, kind: folder}\n  - template"))
    fake.denied = {f"{target.top}/f1"}
    said = target.apply()
    assert said.code == 1
    lines = [line for line in said.out.splitlines() if "+ added " not in line]
    assert lines[0] == (
        "  ! TOP/f1/j1: failed: no permission (admin is missing the Job/Create permission)"
    )
    assert len(lines) == 11
    assert lines[-1] == "35 added, 10 failed. 0 unchanged."


def test_jobs_of_a_folder_that_could_not_be_made_are_not_tried(
    target: Target, fake: JobsController
) -> None:
    target.write(SMALL)
    fake.put(target.top, "<com.cloudbees.hudson.plugins.folder.Folder/>")
    fake.denied = {target.top}
    said = target.apply("--adopt")
    assert said.out == (
        "  ! TOP: failed: no permission (admin is missing the Job/ExtendedRead permission)\n"
        "  ! TOP/a: not tried: its folder TOP could not be made\n"
        "  ! TOP/in: not tried: its folder TOP could not be made\n"
        "  ! TOP/in/b: not tried: its folder TOP could not be made\n"
        "1 failed, 3 not tried. 0 unchanged.\n"
    )


def test_a_missing_plugin_is_told_before_the_first_write(
    target: Target, fake: JobsController
) -> None:
    del fake.plugins["workflow-job"]
    target.write(SMALL)
    said = target.apply()
    assert said.err == (
        "podwright jobs: TOP/a: needs the plugin workflow-job, which the controller does not have "
        "(and so do 1 more jobs); install it\n"
        "podwright jobs: nothing was changed\n"
    )
    assert fake.writes() == []


def test_a_missing_plugin_of_an_xml_job_is_told(target: Target, fake: JobsController) -> None:
    target.write("<acme.Job><description/></acme.Job>", "acme.xml")
    target.write(SMALL + "  - {name: TOP/x, kind: xml, file: acme.xml}\n")
    said = target.apply()
    assert said.out == (
        "  + added    folder TOP\n"
        "  + added    pipeline TOP/a\n"
        "  + added    folder TOP/in\n"
        "  + added    pipeline TOP/in/b\n"
        "  ! TOP/x: failed: the controller could not read it (500): most likely a plugin for this "
        "xml is missing; see the controller's log\n"
        "4 added, 1 failed. 0 unchanged.\n"
    )
    assert fake.find(f"{target.top}/a") is not None


def test_plugins_that_may_not_be_seen_are_no_obstacle(target: Target, fake: JobsController) -> None:
    fake.is_administrator = False
    target.write(SMALL)
    said = target.apply()
    assert said.code == 0
    assert said.err.splitlines()[0] == (
        "the controller's plugins cannot be seen without Overall/SystemRead: unchecked"
    )


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (
            Fault("page", times=99),
            (
                "/job/TOP/api/json: this is a web page, not an answer of Jenkins' interface; is "
                "there a login page in front of it, or is the address wrong?"
            ),
        ),
        (
            Fault("login", times=99),
            "/job/TOP/api/json: the controller wants a login; set JENKINS_USER and JENKINS_TOKEN",
        ),
        (
            Fault("redirect", times=99, location="https://evil.example/steal"),
            (
                "/job/TOP/api/json: the controller redirects to 'https://evil.example', and "
                "credentials are never sent after a redirect; give that address as JENKINS_URL if "
                "it is the right one"
            ),
        ),
    ],
    ids=["page", "login", "redirect"],
)
def test_a_server_that_answers_something_else_is_told(
    target: Target, fake: JobsController, fault: Fault, sentence: str
) -> None:
    target.write(SMALL)
    fake.faults = [fault]
    said = target.apply()
    assert (said.code, said.err) == (1, f"podwright jobs: {sentence}\n")
    assert len(fake.log) == 1


def test_a_truncated_answer_is_told_when_it_stays_so(target: Target, fake: JobsController) -> None:
    target.write(SMALL)
    fake.faults = [Fault("truncate", times=99)]
    said = target.apply("--patience", "1")
    assert said.code == 1
    last = said.err.splitlines()[-1]
    assert last.startswith("podwright jobs: /job/TOP/api/json: cannot reach the controller (")
    host = fake.url.partition("://")[2].rstrip("/")
    assert last.endswith(f") for 1 s; check the address {host}, and whether Jenkins runs")


def test_json_that_ends_early_is_told(target: Target, fake: JobsController) -> None:
    target.write(SMALL)
    target.apply()
    fake.faults = [Fault("cut", times=99)]
    fake.log.clear()
    target.write(SMALL.replace("a, script: echo", "a, script: echo 2"))
    said = target.apply()
    assert said.code == 1
    assert said.err.startswith("podwright jobs: /api/json: the answer is no JSON (")
    assert said.err.endswith(
        " bytes); it may have been cut short, or the address is not that of a controller\n"
    )
    assert fake.writes() == []


def test_a_server_that_is_no_jenkins_is_told(target: Target, fake: JobsController) -> None:
    target.write(SMALL)
    fake.plain = True
    said = target.apply()
    assert said.err == (
        f"podwright jobs: {fake.url}: this server is not Jenkins (the header X-Jenkins is "
        f"missing); "
        "check the address\n"
    )


def test_nobody_listens(target: Target) -> None:
    target.write(SMALL)
    with JobsController() as other:
        url = other.url
    said = target.run(
        "plan", str(target.home / "description"), "--patience", "0.5", JENKINS_URL=url
    )
    assert said.code == 1
    assert said.err.splitlines()[-1] == (
        "podwright jobs: /job/TOP/api/json: cannot reach the controller (Connection "
        f"refused) for 0.5 s; check the address {url.partition('://')[2].rstrip('/')}, and "
        "whether Jenkins runs"
    )


def test_the_token_is_never_shown(target: Target, fake: JobsController) -> None:
    target.write(SMALL)
    secret = "s3cret-t0ken"
    fake.users["admin"] = (secret, "password")
    for fault in ("reset", "page", "login", "truncate"):
        fake.faults = [Fault(fault, times=99)]
        said = target.run(
            "apply", str(target.home / "description"), "--patience", "0.3", JENKINS_TOKEN=secret
        )
        assert said.code == 1
        assert secret not in said.out + said.err


@pytest.fixture
def tls(tmp_path: Path) -> tuple[ssl.SSLContext, str]:
    """Make an authority that signs itself, for a server on the loopback device."""
    cert, key = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        [*command, *names, "-keyout", key, "-out", cert], check=True, capture_output=True
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context, cert


def test_an_own_authority_is_trusted_only_when_it_is_named(
    target: Target, tls: tuple[ssl.SSLContext, str]
) -> None:
    if target.fake is None:
        pytest.skip("needs a server of its own")
    target.write(SMALL)
    with JobsController(tls=tls[0]) as other:
        folder = str(target.home / "description")
        said = target.run("plan", folder, JENKINS_URL=other.url)
        assert said.code == 1
        assert said.err == (
            "podwright jobs: /job/TOP/api/json: the certificate is not trusted (self-signed "
            "certificate); give the authority's file with --ca\n"
        )
        assert other.log == []
        assert target.run("apply", folder, "--ca", tls[1], JENKINS_URL=other.url).code == 0


def test_a_controller_below_a_path_is_reached(target: Target) -> None:
    if target.fake is None:
        pytest.skip("needs a server of its own")
    target.write(SMALL)
    with JobsController(prefix="/jenkins") as other:
        said = target.run("apply", str(target.home / "description"), JENKINS_URL=other.url + "/")
        assert (said.code, said.last) == (0, "4 added. 0 unchanged.")
        wrong = other.url.replace("/jenkins", "/other")
        said = target.run("apply", str(target.home / "description"), JENKINS_URL=wrong)
        assert said.code == 1


def test_a_crumb_is_fetched_while_the_controller_comes_back(
    target: Target, fake: JobsController
) -> None:
    target.write(SMALL)
    fake.faults = [Fault("status", status=503, path="crumbIssuer", times=3)]
    said = target.run("apply", str(target.home / "description"), JENKINS_TOKEN="password")
    assert (said.code, said.last) == (0, "4 added. 0 unchanged.")


# -- answers of others ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["createItem", "config.xml", "doDelete", "confirmRename"])
def test_a_login_page_is_no_success(target: Target, fake: JobsController, path: str) -> None:
    head = "owner: a\nremoval: delete\nremovalShare: 100\njobs:\n  - {name: TOP, kind: folder}\n"
    target.write(head + "  - {name: TOP/a, script: x}\n  - {name: TOP/b, script: x}\n")
    if path != "createItem":
        target.apply()
    target.write(
        head + "  - {name: TOP/a, script: y}\n  - {name: TOP/c, formerly: TOP/b, script: x}"
    )
    if path == "doDelete":
        target.write(head)
    fake.faults = [Fault("page", method="POST", path=path)]
    said = target.apply("--prune", "--workers", "1")
    assert said.code == 1
    assert "this is a web page, not an answer of Jenkins' interface" in said.out
    fake.faults = []
    assert target.apply("--prune").code == 0


@pytest.fixture
def unreadable(target: Target, fake: JobsController) -> Target:
    """Give a changed description of which one job may not be read."""
    target.write(SMALL)
    target.apply()
    fake.denied = {f"{target.top}/in/b"}
    target.write(SMALL.replace("echo", "echo 2"))
    return target


def test_one_unreadable_job_fails_alone(unreadable: Target, fake: JobsController) -> None:
    said = unreadable.plan()
    assert said.code == 1
    assert said.err == (
        "podwright jobs: TOP/in/b: cannot be read: 403 admin is missing the Job/ExtendedRead "
        "permission\n"
    )
    assert "      +    <script>echo 2</script>" in said.out.splitlines()
    said = unreadable.apply("--deep")
    assert said.code == 1
    assert unreadable.root("a").findtext("definition/script") == "echo 2"
    assert [line for line in said.out.splitlines() if line.startswith("  ! ")] == [
        "  ! TOP/in/b: failed: no permission (admin is missing the Job/ExtendedRead permission)",
    ]
    fake.denied = set()
    assert unreadable.apply().code == 0


def test_a_folder_that_may_not_be_read_is_not_removed(target: Target, fake: JobsController) -> None:
    head = "owner: a\nremoval: delete\nremovalShare: 100\njobs:\n  - {name: TOP, kind: folder}\n"
    target.write(head + "  - {name: TOP/s, kind: folder}\n  - {name: TOP/j, script: x}\n")
    target.apply()
    target.write(head)
    fake.denied = {f"{target.top}/s"}
    said = target.apply("--prune")
    assert said.last == "1 deleted. 1 unchanged."
    assert (
        "  . TOP/s: no longer described; kept, since it holds what you may not see"
    ) in said.err.splitlines()
