# ruff: noqa: ANN001, ANN002, ANN201, ANN202 - fixtures and parameters
from __future__ import annotations

import json

import pytest
from authz_attacks import ATTACKS, CONTAINER_ROUTES, JSON

from podwright.authz.limits import limits
from podwright.authz.policy import Decision, EngineRequest, decide

RUN = limits({})
VERSIONS = ("", "/v1.41", "/v1.44", "/v1.56")


def ask(method, uri, body=b"", kind=None, headers=(), policy=RUN):
    shown = dict(headers)
    if kind is not None:
        shown["Content-Type"] = kind
    # The engine shows a body only when its media type is JSON.
    seen = body if kind and kind.lower().startswith("application/json") else b""
    return decide(EngineRequest(method, uri, shown, seen or b""), policy)


def target(attack, version):
    if attack.target.startswith("http:"):
        return attack.target.replace("http://docker", "http://docker" + version)
    return version + attack.target.replace("{C}", "c0ffee").replace("{E}", "e0e0")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: f"{attack.number}: {attack.title}")
@pytest.mark.parametrize("profile", ["run", "compose", "build-only"])
def test_an_attack_is_refused_by_its_rule(attack, version, profile):
    policy = limits({"profile": profile})
    kind = attack.kind
    answer = ask(
        attack.method, target(attack, version), attack.body, kind, attack.headers, policy=policy
    )
    assert not answer.allow or attack.rule == "network.container"
    if profile == "run" and attack.number != "5":
        assert answer.rule == attack.rule
        assert answer.message.startswith(f"[{attack.rule}] ")


def test_the_matrix_has_every_number_that_is_a_request():
    numbers = {"".join(filter(str.isdigit, attack.number)) for attack in ATTACKS}
    # 4 is every row without a version; 38 to 41 are decided by the profile; 44 is the route table.
    assert {str(n) for n in range(1, 46)} - numbers == {"4", "38", "39", "40", "41", "44"}


@pytest.mark.parametrize(("number", "method", "uri", "kind"), CONTAINER_ROUTES)
def test_what_a_profile_decides_is_open_in_run_and_closed_in_build_only(number, method, uri, kind):
    uri = uri.replace("{C}", "c").replace("{E}", "e")
    body = b"{}" if kind == JSON else b""
    assert ask(method, uri, body, kind) == Decision(
        allow=True, rule="container", path=uri.partition("?")[0]
    ), number
    refused = ask(method, uri, body, kind, policy=limits({"profile": "build-only"}))
    assert refused.rule == "profile.container"
    assert refused.message == (
        "[profile.container] profile 'build-only' does not allow this; "
        "use the profile 'run' or 'compose'"
    )


@pytest.mark.parametrize("path", ["/grpc", "/session"])
def test_buildkits_connections_are_open_only_while_buildkit_is_on(path):
    headers = (("Upgrade", "h2c"), ("Connection", "Upgrade"))
    assert ask("POST", path, headers=headers).allow
    off = ask("POST", path, headers=headers, policy=limits({"buildkit": False}))
    assert off.message == "[build.buildkit] BuildKit is switched off; set DOCKER_BUILDKIT=0"
    assert ask("POST", path).rule == "request.upgrade"


def test_a_body_of_more_than_4_mib_is_refused_even_if_an_engine_shows_it():
    body = json.dumps({"Image": "a", "Env": ["a" * (4 << 20)]}).encode()
    assert ask("POST", "/containers/create", body, JSON).rule == "body.size"


def test_api_versions_that_took_a_host_config_at_start_are_refused():
    answer = ask("POST", "/v1.23/containers/x/start")
    assert answer.message == (
        "[request.version] API versions before 1.24 are refused; update the client"
    )


@pytest.mark.parametrize(
    "uri",
    ["/v01.44/info", "/v1.044/info", "/v1/info", "/v1.44.1/info", "/v.1/info", "/v1.44/v1.44/info"],
)
def test_an_oddly_written_version_is_refused_since_the_engine_would_read_it(uri):
    decision = ask("GET", uri)
    assert decision.message == (
        "[request.version] the API version is oddly written; write it as v1.44"
    )
    assert ask("GET", "/v1.44x/info").rule == "route.unknown"


def test_a_refusal_says_rule_field_and_remedy_and_never_the_value():
    body = json.dumps({"Image": "a", "HostConfig": {"Binds": ["/s3cret:/x"]}}).encode()
    assert ask("POST", "/v1.44/containers/create", body, JSON) == Decision(
        allow=False,
        rule="container.bind",
        message="[container.bind] HostConfig.Binds: directories of the engine are not to be "
        "mounted; mount something below /home/jenkins/agent, or a named volume",
        path="/containers/create",
    )


def test_a_bug_in_the_policy_is_a_refusal(monkeypatch):
    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr("podwright.authz.policy.find", broken)
    assert ask("GET", "/info") == Decision(
        allow=False,
        rule="policy.bug",
        message="[policy.bug] the policy failed (ZeroDivisionError); report it",
        path="/info",
    )
