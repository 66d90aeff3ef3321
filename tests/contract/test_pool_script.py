"""How a build finds its daemon in a pool: with a fake client, and nothing else faked."""

from __future__ import annotations

import json
import re
import signal
from typing import TYPE_CHECKING, Any

import pytest

from podwright.config import Config
from podwright.pools import Daemons, Pool

if TYPE_CHECKING:
    from collections.abc import Callable

POOL = Pool(
    namespace="p",
    certificates="c",
    daemons=(Daemons(service="d", replicas=3, platforms=("linux/amd64", "linux/386")),),
    name="team-a",
)
NO_DAEMON = "error: listing workers for Build: failed to list workers: Unavailable: connection "
BUSY = NO_DAEMON + 'error: desc = "transport: authentication handshake failed: EOF"\n'
GONE = NO_DAEMON + (
    'error: desc = "transport: Error while dialing: dial tcp: lookup d-1: no such host"\n'
)
DIED = (
    "#4 [2/2] RUN make\n"
    "error: failed to receive status: rpc error: code = Unavailable desc = error reading from "
    "server: EOF\n"
)
STRANGER = NO_DAEMON + (
    'error: desc = "error reading server preface: remote error: tls: certificate required"\n'
)
BROKEN = (
    'error: failed to solve: process "/bin/sh -c echo error reading from server" did not complete '
    "successfully: exit code: 1\n"
)


@pytest.fixture
def script(planned: Callable[..., Any], sandbox: Any) -> Callable[..., str]:
    """Plan a build on a pool of three daemons; pauses are none."""
    sandbox.fake("buildctl")
    keys = sandbox.home / "keys"
    keys.mkdir()
    (keys / "tls.key").write_text("")

    def make(**more: Any) -> str:
        asked = {"image": "r.example/team/app", "tags": ["1"], "pool": "team-a", **more}
        made: str = planned(asked, Config(pools={"team-a": POOL})).script
        made = made.replace("set -- /dev/shm ;;", "set -- /nonexistent ;;")
        made = re.sub(r"(?m)^  sleep \"\$1\" >/dev/null", "  sleep 0 >/dev/null", made)
        return f"PODWRIGHT_POOL_KEYS={keys}\n{made}"

    return make


def hosts(sandbox: Any) -> list[str]:
    """Give where it was tried, in order."""
    return [re.sub(r"^tcp://|\..*", "", call["env"]["BUILDKIT_HOST"]) for call in sandbox.calls()]


ORDER = ["d-0", "d-2", "d-1"]


def test_the_favourite_builds_and_the_result_names_it(sandbox: Any, script: Any) -> None:
    outcome = sandbox.run(script())

    assert outcome.code == 0, outcome.log
    assert outcome.value["daemons"] == ["d-0"]
    assert hosts(sandbox) == ["d-0"]
    assert "[podwright] built by d-0 of pool 'team-a'\n" in outcome.log
    assert sandbox.leftovers() == []


def test_a_daemon_without_room_and_one_that_is_gone_are_left(sandbox: Any, script: Any) -> None:
    sandbox.rule(text=BUSY, code=1, times=1)
    sandbox.rule(text=GONE, code=1, times=1)

    outcome = sandbox.run(script(retries=0))

    assert outcome.code == 0, outcome.log
    assert hosts(sandbox) == ORDER
    assert "listing workers" not in outcome.log


def test_a_busy_pool_is_waited_for(sandbox: Any, script: Any) -> None:
    sandbox.rule(text=BUSY, code=1, times=10)

    outcome = sandbox.run(script(retries=0))

    assert outcome.code == 0, outcome.log
    assert hosts(sandbox) == [*ORDER, *ORDER, *ORDER, "d-0", "d-2"]
    assert outcome.log.count("all daemons of pool 'team-a' are busy; waiting for one") == 1


def test_a_pool_that_is_gone_fails_within_its_retries(sandbox: Any, script: Any) -> None:
    sandbox.rule(text=GONE, code=1)

    outcome = sandbox.run(script(retries=2))

    assert outcome.code == 1
    assert hosts(sandbox) == ORDER * 3
    assert (
        "[podwright] ERROR: pool 'team-a': none of its daemons answers (\"transport: Error while "
        'dialing: dial tcp: lookup d-1: no such host"); look at its pods\n'
    ) in outcome.log


def test_a_build_whose_daemon_dies_begins_anew_on_another(sandbox: Any, script: Any) -> None:
    sandbox.rule(text=DIED, code=1, times=2)

    outcome = sandbox.run(script())

    assert outcome.code == 0, outcome.log
    assert hosts(sandbox) == ORDER
    assert outcome.value["daemons"] == ["d-1"]
    assert "d-0 was lost in mid-build; building anew on d-2 (try 1 of 5)\n" in outcome.log
    assert "d-2 was lost in mid-build; building anew on d-1 (try 2 of 5)\n" in outcome.log


def test_daemons_that_die_again_and_again_are_a_failure(sandbox: Any, script: Any) -> None:
    sandbox.rule(text=DIED, code=1)

    outcome = sandbox.run(script(retries=2))

    assert outcome.code == 1
    assert hosts(sandbox) == ORDER
    assert "ERROR: building r.example/team/app: failed with exit code 1: error: failed to " in (
        outcome.log
    )


def test_a_stranger_is_told_so_and_not_sent_around(sandbox: Any, script: Any) -> None:
    sandbox.rule(text=STRANGER, code=1)

    outcome = sandbox.run(script())

    assert outcome.code == 1
    assert hosts(sandbox) == ["d-0"]
    assert (
        "ERROR: pool 'team-a': d-0 and this side do not trust each other's certificates (\"error "
        'reading server preface: remote error: tls: certificate required"); use the secret of '
        "this pool's authority: a pool takes nobody of another zone\n"
    ) in outcome.log


def test_a_step_of_the_dockerfile_fails_once(sandbox: Any, script: Any) -> None:
    sandbox.rule(text=BROKEN, code=1)

    outcome = sandbox.run(script())

    assert outcome.code == 1
    assert hosts(sandbox) == ["d-0"]


def test_without_a_certificate_nothing_is_tried(sandbox: Any, script: Any) -> None:
    outcome = sandbox.run(re.sub("^PODWRIGHT_POOL_KEYS=.*", "PODWRIGHT_POOL_KEYS=/none", script()))

    assert outcome.code == 2
    assert hosts(sandbox) == []
    assert (
        "ERROR: pool 'team-a': there is no certificate in /none; mount the pool's secret there, or "
        "name its directory in PODWRIGHT_POOL_KEYS\n"
    ) in outcome.log


BOTH = {"platforms": ["linux/amd64", "linux/386"], "push": False}


def test_platforms_are_built_beside_each_other(sandbox: Any, script: Any) -> None:
    outcome = sandbox.run(script(**BOTH))

    assert outcome.code == 0, outcome.log
    calls = sandbox.calls("--tlsdir")
    asked = [w for call in calls for w in call["argv"] if w.startswith("platform=")]
    assert sorted(asked) == ["platform=linux/386", "platform=linux/amd64"]
    assert outcome.value["platforms"] == ["linux/amd64", "linux/386"]
    assert sandbox.leftovers() == []


def test_the_failure_of_one_platform_is_the_builds(sandbox: Any, script: Any) -> None:
    sandbox.rule(when="platform=linux/386", text=BROKEN, code=1)

    outcome = sandbox.run(script(**BOTH))

    assert outcome.code == 1
    assert "[linux/386] error: failed to solve: process" in outcome.log
    assert "ERROR: building r.example/team/app for linux/386: failed with exit code 1" in (
        outcome.log
    )
    assert sandbox.leftovers() == []


def test_in_jenkins_the_failure_of_one_platform_is_answered(sandbox: Any, script: Any) -> None:
    sandbox.rule(when="platform=linux/386", text=BROKEN, code=1)
    job = sandbox.home / "job"
    job.mkdir()

    outcome = sandbox.run(script(**BOTH).replace("PW_JOB=''", f"PW_JOB={job}"))

    assert outcome.code == 0
    assert json.loads(outcome.out)["error"].startswith("building r.example/team/app for linux/386:")


def test_an_abort_ends_all_platforms(sandbox: Any, script: Any) -> None:
    sandbox.rule(text="working\n", sleep=300)
    process = sandbox.start(script(**BOTH))
    while len(list((sandbox.home / "calls").iterdir())) < 2:
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)

    outcome = sandbox.finish(process)

    assert outcome.code == 143
    assert sandbox.leftovers() == []
