# ruff: noqa: ANN001, ANN201 - fixtures and parameters
"""Each guard alone stops what its column in the explanation says (guards.py has the table)."""

from __future__ import annotations

import engines
import pytest
from engines import KINDS, engine_of
from guards import CASES, GATE
from test_authz_attacks_engine import BEFORE_PLUGIN, OLD_RULES, OWN_REFUSALS, fill, snapshot


@pytest.fixture(scope="module", params=KINDS)
def alone(request, places):
    """The plugin at the engine's socket without any gate; the gate with a plugin that nods."""
    made = {}
    for guard in ("plugin", "gate"):
        place = places / f"alone-{guard}-{request.param}"
        is_gate = guard == GATE
        pod = engines.Pod(place, engine_of(request.param), gated=is_gate, judged=not is_gate)
        pod.container, pod.exec, pod.image = "thing", "thing", "thing"
        made[guard] = pod
    with made["plugin"], made["gate"]:
        yield made


@pytest.mark.parametrize(
    ("guard", "attack"),
    CASES,
    ids=[f"{guard}-{attack.number}: {attack.title}" for guard, attack in CASES],
)
def test_a_guard_alone_stops_what_its_column_says(alone, guard, attack):
    pod, direct = alone[guard], guard != GATE
    before = snapshot(pod, direct=direct)
    headers = dict(attack.headers)
    if attack.kind:
        headers["Content-Type"] = attack.kind
    for version in ("", f"/v{pod.engine.api}"):
        target = fill(pod, attack.target)
        if target.startswith("http:"):
            target = target.replace("http://docker", "http://docker" + version)
        else:
            target = version + target
        answer = pod.call(attack.method, target, attack.body, headers, direct=direct)
        assert answer.status >= 300, (target, answer)
        rule = (
            OLD_RULES.get(attack.number, attack.rule) if pod.engine.old and direct else attack.rule
        )
        by_rule = f"[{rule}]" in answer.message or "[gate." in answer.message
        by_engine = direct and answer.status in OWN_REFUSALS and attack.number in BEFORE_PLUGIN
        assert by_rule or by_engine, answer
        assert ("authorization denied" in answer.message) is (by_rule and direct), answer
    assert snapshot(pod, direct=direct) == before


def test_a_plugin_that_nods_lets_through_what_the_gate_does_not_stop(alone):
    """Else the rows of the gate would say nothing."""
    answer = alone[GATE].json("POST", "/networks/create", {"Name": "n", "Driver": "no-such-driver"})
    assert "podwright" not in answer["message"]
    assert "no-such-driver" in answer["message"]


def test_the_gate_alone_knows_the_hosts_network_by_its_id(alone):
    pod = alone[GATE]
    host = next(one["Id"] for one in pod.json("GET", "/networks") if one["Name"] == "host")
    for name in (host, host[:12], host[:1]):
        body = {"Image": "thing", "HostConfig": {"NetworkMode": name}}
        for target, value in (
            ("/containers/create", body),
            (f"/networks/{name}/connect", {"Container": "thing"}),
        ):
            assert "[network.host]" in pod.json("POST", target, value)["message"]
