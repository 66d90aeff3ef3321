# ruff: noqa: ANN001, ANN201 - fixtures and parameters
"""Every field of every body and every parameter, alone: the decision is exactly the table's."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import quote

import pytest

from podwright.authz.checks import (
    Around,
    Between,
    EachItem,
    EachValue,
    Fields,
    JsonText,
    Judged,
    Matching,
    Null,
    OneString,
    Unset,
    boolean,
    number,
    text,
    walk,
)
from podwright.authz.limits import limits
from podwright.authz.policy import EngineRequest, decide
from podwright.authz.routes import JSON, MAYBE, ROUTES

RUN = limits({})
ROOT = Path(__file__).parents[3]
#: What functions judge: values that are right, and wrong ones with their rule.
JUDGED = {
    "bind": (
        ["data:/d", "data:/d:ro", "/home/jenkins/agent:/w", "workspace:/w:nocopy"],
        [
            ("data", "container.bind"),
            ("data:d", "container.bind"),
            ("data:/d:z", "container.bind"),
            ("/etc:/x", "container.bind"),
            ("./a:/x", "container.bind"),
            ("x:/d", "container.bind"),
            ("/home/jenkins/agent/a:/w", "container.workspace"),
            ("workspace:/w", "container.copy"),
        ],
    ),
    "network_name": (["front", "bridge"], [("host", "network.host"), ("a b", "network.name")]),
    "network_mode": (
        ["front", "bridge", "none", ""],
        [
            ("host", "network.host"),
            ("HOST", "network.host"),
            ("a/b", "network.name"),
            ("container:a", "network.container"),
        ],
    ),
    "subnet": (
        ["198.18.0.0/24", "198.19.0.1", ""],
        [("10.0.0.0/8", "network.subnet"), ("x", "network.subnet")],
    ),
    "_capability": (["CHOWN", "cap_chown"], [("SYS_ADMIN", "container.capability")]),
    "_tmpfs": ([{"/a": "size=1m,mode=1777"}, {"/a": ""}], [({"/a": "suid"}, "container.tmpfs")]),
    "_sysctls": (
        [{"net.ipv4.ip_unprivileged_port_start": "0"}],
        [({"kernel.core_pattern": "x"}, "container.sysctl")],
    ),
    "_subpath": (
        ["a/b", ""],
        [("/a", "container.subpath"), ("../a", "container.subpath"), ("a//b", "container.subpath")],
    ),
    "_import_source": (["-", ""], [("http://a/b", "image.import")]),
    "_mount": (
        [{"Type": "tmpfs", "Target": "/t"}, {"Type": "volume", "Source": "data", "Target": "/d"}],
        [
            ({"Type": "npipe", "Target": "/t"}, "container.mount"),
            ({"Target": "/t"}, "container.mount"),
            ({"Type": "volume", "Source": "/etc", "Target": "/d"}, "container.mount"),
            ({"Type": "bind", "Source": "/etc", "Target": "/d"}, "container.bind"),
            ({"Type": "volume", "Source": "workspace", "Target": "/d"}, "container.copy"),
            (
                {"Type": "bind", "Source": "/home/jenkins/agent/a", "Target": "/d"},
                "container.workspace",
            ),
        ],
    ),
    "_endpoints": (
        [{"front": {}}, {}],
        [({"host": {}}, "network.host"), ({"a b": {}}, "network.name")],
    ),
}
#: Right values where a row further out looks at them as well.
RIGHT = {
    ("/containers/create", "HostConfig.Mounts[].Type"): ["volume", "tmpfs"],
    ("/containers/create", "HostConfig.Mounts[].Source"): ["data", ""],
    ("/networks/create", "Name"): ["front"],
    ("/volumes/prune", "?filters"): ["", "{}", '{"label": ["a"]}'],
}
#: What else a value must have around it to be judged.
BESIDE = {"HostConfig.Mounts[]": {"Type": "volume", "Target": "/x"}}


def of_type(check):
    """Right and wrong values of a check of the type only."""
    return {
        text: (["", "x"], [1, ["x"], True]),
        boolean: ([True, False], ["true", 1]),
        number: ([0, -5, (1 << 63) - 1, -(1 << 63)], ["1", True, 1.5, 1 << 63, -(1 << 63) - 1]),
    }[check]


def of_kind(check):
    """Right and wrong values of a kind of check."""
    if isinstance(check, Unset):
        return [None, "", 0, False, [], {}], ["x", 1, -1, True, ["x"], {"a": "b"}]
    if isinstance(check, Null):
        return [None], ["", 0, [], ["x"], {}, False]
    if isinstance(check, OneString):
        return list(check.words), ["wrong"]
    if isinstance(check, Between):
        return [check.low, check.high], [check.low - 1, check.high + 1]
    if isinstance(check, Matching):
        return [], ["\t"]
    return [{name: "x"} for name in check.words], [{"wrong": "x"}]


def samples(check):
    """Right values of a check, and wrong ones with their rules."""
    if isinstance(check, Judged):
        return JUDGED[check.judge.__name__]
    right, wrong = (of_type if check.rule == "body.type" else of_kind)(check)
    return right, [(value, check.rule) for value in wrong]


def places():
    """Each check, with its route and place."""
    for route in ROUTES:
        named = {f"?{name}": check for name, check in (route.query or {}).items()}
        if route.schema:
            named[""] = route.schema
        for name, check in named.items():
            for place, inner in walk(check, name):
                if route.group:
                    yield route, place.lstrip("."), inner


def built(place, value):
    """A body that has nothing but a value at its place."""
    steps = re.findall(r"\[\]|\.\*|[^.\[]+", place)
    for number_, step in reversed(list(enumerate(steps))):
        here = "".join(
            part if part in ("[]", ".*") or not at else f".{part}"
            for at, part in enumerate(steps[:number_])
        )
        value = [value] if step == "[]" else {"any" if step == ".*" else step: value}
        value = {**BESIDE[here], **value} if here in BESIDE else value
    return value


def asked(route, place, value):
    """The decision about a value alone."""
    target = "/v1.44" + route.path.replace("{id}", "one").replace("{name}", "one")
    body = b"{}" if route.body in (JSON, MAYBE) else b""
    if place.startswith("?"):
        name, inside = re.match(r"\?([\w-]+)\.?(.*)", place).groups()
        if isinstance(route.query[name], JsonText):
            value = json.dumps(built(inside, value))
        target += f"?{name}={quote(str(value))}"
    else:
        body = json.dumps(built(place, value)).encode()
    headers = {"Content-Type": "application/json"} if body else {}
    return decide(EngineRequest(route.method, target, headers, body), RUN)


def as_sent(route, place, values):
    """Those of the values that can be sent: a plain parameter is a text."""
    name = re.match(r"\?([\w-]+)", place)
    plain = name and not isinstance(route.query[name[1]], JsonText)
    return [value for value in values if not plain or isinstance(value, str)]


CASES = [case for case in places() if not isinstance(case[2], (Fields, Around))]
AROUND = [
    case for case in places() if isinstance(case[2], (Fields, EachItem, EachValue)) and case[1]
]
IDS = [f"{route.method} {route.path} {place}" for route, place, _ in CASES]


@pytest.mark.parametrize(("route", "place", "check"), CASES, ids=IDS)
def test_a_value_alone_is_decided_by_its_row(route, place, check):
    right, wrong = samples(check)
    for value in as_sent(route, place, RIGHT.get((route.path, place), right)):
        decision = asked(route, place, value)
        assert decision.allow, (value, decision)
    rules = dict(zip(map(repr, (value for value, _ in wrong)), (rule for _, rule in wrong)))
    for value in as_sent(route, place, [value for value, _ in wrong]):
        decision = asked(route, place, value)
        assert not decision.allow
        assert decision.rule in (rules[repr(value)], "request.query"), (value, decision)


@pytest.mark.parametrize(("route", "place", "check"), [*CASES, *AROUND])
def test_null_is_what_go_takes_for_not_given(route, place, check):
    """But for an item of a list, and where a row further out wants more."""
    if place.startswith("?") or (route.path, place) in RIGHT:
        return
    decision = asked(route, place, None)
    assert decision.rule == ("body.type" if place.endswith("[]") else route.group), decision


@pytest.mark.parametrize(("route", "place", "check"), AROUND)
def test_what_is_around_values_has_its_type_and_its_names(route, place, check):
    wrong = ["x", 1, True, {"a": "b"} if isinstance(check, EachItem) else ["x"]]
    for value in wrong:
        assert asked(route, place, value).rule == "body.type"
    if isinstance(check, Fields):
        known = next(iter(check.table), "a")
        assert asked(route, place, {"Unheard": 1}).rule == "body.unknown"
        if known != "a":
            assert asked(route, place, {known.lower(): None}).rule == "body.case"


def test_there_are_many_of_them():
    assert len(CASES) > 250
    assert {type(check).__name__ for _, _, check in CASES} >= {"Unset", "OneString", "Judged"}


def rules():
    """Every rule that stands in the sources of the policy and of the gate."""
    here = ROOT / "pytools" / "podwright"
    pages = [*here.glob("authz/*.py"), *here.glob("docker_api/*.py")]
    areas = "body build container engine exec gate image network plugin policy profile query"
    areas = "|".join(f"{areas} request route volume".split())
    quoted = rf'"((?:{areas})\.[a-z-]+)"'
    return {rule for page in pages for rule in re.findall(quoted, page.read_text("utf-8"))}


def test_every_rule_is_in_a_test_or_a_row():
    """A row of the tables is tested by its own value; all others by name."""
    rows = {rule for _, _, check in CASES for rule in [check.rule, *getattr(check, "rules", ())]}
    rows |= {route.rule for route in ROUTES}
    tests = "".join(
        page.read_text("utf-8")
        for folder in ("unit/authz", "engine")
        for page in (ROOT / "tests" / folder).glob("*.py")
    )
    assert sorted(rule for rule in rules() - rows if rule not in tests) == []
