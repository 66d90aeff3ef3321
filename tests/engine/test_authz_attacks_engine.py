# ruff: noqa: ANN001, ANN201, ANN202 - fixtures and parameters
"""The attack matrix against real engines: refused, and harmless seen from the engine's side."""

from __future__ import annotations

import pytest
from authz_attacks import ATTACKS

#: What the engine itself answers before it asks its plugin: redirect, bad request, unknown path.
OWN_REFUSALS = {301, 307, 400, 404, 405}
BEFORE_PLUGIN = {"5", "5b", "5c", "5d", "6", "6b", "6c", "43", "43b", "43c"}
#: Engines before 29.3.1 hide bodies over 1 MiB: the plugin refuses what it cannot see, and the gate
#: sees it.
OLD_RULES = {"15": "body.absent"}


def snapshot(pod, *, direct=False):
    """Everything that an attack could have left behind in the engine."""

    def get(target):
        return pod.json("GET", target, direct=direct)

    return {
        "containers": sorted(c["Id"] for c in get("/containers/json?all=1")),
        "volumes": sorted(v["Name"] for v in get("/volumes")["Volumes"] or []),
        "networks": sorted(n["Id"] for n in get("/networks")),
        "images": sorted(i["Id"] for i in get("/images/json?all=1")),
        "swarm": get("/info")["Swarm"]["LocalNodeState"],
        "plugins": get("/info")["Plugins"]["Authorization"],
        "privileged": [
            get(f"/containers/{c['Id']}/json")["HostConfig"]["Privileged"]
            for c in get("/containers/json?all=1")
        ],
    }


def fill(pod, text):
    return text.replace("{C}", pod.container).replace("{E}", pod.exec).replace("{IMAGE}", pod.image)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: f"{attack.number}: {attack.title}")
def test_an_attack_is_refused_and_leaves_nothing(pod, attack):
    before = snapshot(pod)
    hidden = OLD_RULES.get(attack.number) if pod.engine.old else None
    headers = dict(attack.headers)
    if attack.kind:
        headers["Content-Type"] = attack.kind
    body = attack.body
    if body is not None and body[:1] in b"{[":
        body = fill(pod, body.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
    for version in ("", f"/v{pod.engine.api}"):
        target = fill(pod, attack.target)
        if target.startswith("http:"):
            target = target.replace("http://docker", "http://docker" + version)
        else:
            target = version + target
        # The gate turns row 18 into a sub-path, which the engine opens safely: its own tests.
        for direct in (False, True) if attack.number != "18" else (True,):
            answer = pod.call(attack.method, target, body, headers, direct=direct)
            assert answer.status >= 300, (target, direct, answer)
            rule = hidden if hidden and direct else attack.rule
            by_rule = f"[{rule}]" in answer.message or "[gate." in answer.message
            assert by_rule or (answer.status in OWN_REFUSALS and attack.number in BEFORE_PLUGIN), (
                answer
            )
    assert snapshot(pod) == before


@pytest.mark.parametrize(
    "attack",
    [attack for attack in ATTACKS if attack.cli],
    ids=lambda attack: f"{attack.number}: {attack.title}",
)
def test_the_docker_command_shows_the_rule_of_a_refusal(pod, attack):
    before = snapshot(pod)
    done = pod.docker(*(fill(pod, word) for word in attack.cli))
    assert done.returncode != 0
    assert f"podwright: [{attack.rule}]" in done.stderr.decode()
    assert snapshot(pod) == before
