"""What `podwright doctor` says of the pools of an organisation's config."""

from __future__ import annotations

from typing import Any

import pytest

from podwright import config as configs
from podwright.doctor import pools
from podwright.doctor.cluster import Reply
from podwright.doctor.examination import Requirement
from podwright.pools import Daemons, Pool

SECRET = "/api/v1/namespaces/builds/secrets/client"
SERVICE = "/api/v1/namespaces/daemons/services/buildkit"
SET = "/apis/apps/v1/namespaces/daemons/statefulsets/buildkit"
KEYS = ("ca.crt", "tls.crt", "tls.key")
MAKE = "make it: podwright pool certificates team-a --namespace builds"
APPLY = "apply deploy/pool in daemons, or correct 'service' and 'namespace'"
LOOK = "look at kubectl -n daemons get statefulsets,pods"


def stateful(replicas: int = 3, ready: int = 3) -> dict[str, Any]:
    return {
        "spec": {"replicas": replicas},
        "status": {"readyReplicas": ready} if ready else {},
    }


THERE: dict[str, Any] = {
    SECRET: {"data": dict.fromkeys(KEYS, "c2VjcmV0")},
    SERVICE: {"spec": {"clusterIP": "None"}},
    SET: stateful(),
}


class Server:
    """Answers as an API server does; a text is its refusal."""

    namespace = "builds"

    def __init__(self, **changed: Any) -> None:
        self._there = {**THERE, **changed}

    def call(self, method: str, path: str) -> Reply:
        assert method == "GET"
        found = self._there[path]
        return Reply(refusal=found) if isinstance(found, str) else Reply(found)


def asked(**changed: Any) -> dict[str, list[Requirement]]:
    daemons = Daemons(service="buildkit", replicas=3)
    made = Pool(namespace="daemons", certificates="client", daemons=(daemons,), name="team-a")
    return pools.check(Server(**changed), configs.Config(pools={"team-a": made}))


def test_a_pool_that_is_there_is_told_by_three_words() -> None:
    names = ("certificates", "service buildkit", "daemons buildkit")
    assert asked() == {"pool team-a": [Requirement(name, "yes") for name in names]}
    assert pools.check(Server(), configs.Config()) == {}


@pytest.mark.parametrize(
    ("path", "found", "why", "remedy"),
    [
        (SECRET, 'secrets "client" not found', 'secrets "client" not found', MAKE),
        (
            SECRET,
            {"data": {"ca.crt": "c2VjcmV0", "tls.crt": ""}},
            "the secret has no tls.crt, tls.key",
            MAKE,
        ),
        (
            SERVICE,
            'services "buildkit" not found',
            'services "buildkit" not found',
            APPLY,
        ),
        (
            SERVICE,
            {"spec": {"clusterIP": "10.0.0.1"}},
            "it has an address of its own (clusterIP), so its daemons have no names",
            APPLY,
        ),
        (
            SET,
            'statefulsets.apps "buildkit" not found',
            'statefulsets.apps "buildkit" not found',
            LOOK,
        ),
        (SET, stateful(ready=0), "0 of 3 are ready", LOOK),
        (SET, stateful(ready=2), "2 of 3 are ready", LOOK),
        (SET, stateful(replicas=0, ready=0), "0 of 0 are ready", LOOK),
        (SET, stateful(5, 5), "there are 5, and 'replicas' of the config says 3 at most", LOOK),
    ],
)
def test_what_a_pool_lacks_is_one_sentence_with_its_remedy(
    path: str, found: Any, why: str, remedy: str
) -> None:
    others = [item for item in asked(**{path: found})["pool team-a"] if item.state != "yes"]
    assert [(item.state, item.why, item.remedy) for item in others] == [("no", why, remedy)]


def test_a_pool_that_is_scaled_below_its_most_is_whole() -> None:
    assert {item.state for item in asked(**{SET: stateful(1, 1)})["pool team-a"]} == {"yes"}


def test_what_the_account_may_not_see_is_unknown() -> None:
    refusal = 'secrets "client" is forbidden: User "x" cannot get resource "secrets"'
    assert asked(**{SECRET: refusal})["pool team-a"][0] == Requirement(
        "certificates", "unknown", refusal, "ask the cluster's administrator"
    )
