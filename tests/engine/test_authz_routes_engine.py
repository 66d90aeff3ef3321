# ruff: noqa: ANN001, ANN201 - fixtures and parameters
"""Every route of the newest engine, sent to real engines: decided as the table says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from podwright.authz.routes import find

LISTED = Path(__file__).parents[1] / "unit" / "authz" / "engine-routes.json"
ROUTES = json.loads(LISTED.read_text(encoding="utf-8"))["routes"]
#: Answers without end, unless told to end.
QUERIES = {"/events": "?since=1&until=2", "/containers/{name}/stats": "?stream=0"}
#: Would change what the other tests stand on; the legitimate requests are tested elsewhere.
ACTING = re.compile(r".*(prune|/session|/grpc|/build|/auth)\Z")
#: What engines answer themselves to paths that they do not have, or not like this.
OWN = (301, 307, 400, 404, 405)


@pytest.mark.parametrize("route", ROUTES)
def test_a_route_is_decided_as_the_table_says(pod, route):
    method, path = route.split(" ", 1)
    target = re.sub(r"{[^}]*}", "thing", path)
    row = find(method, tuple(target[1:].split("/")))
    if row.group and ACTING.match(path) and method == "POST":
        pytest.skip("acts on everything; tested where it is meant")
    rule = "request.uri" if target.endswith("/") else row.rule
    for prefix in ("", f"/v{pod.engine.api}"):
        for direct in (False, True):
            answer = pod.call(method, prefix + target + QUERIES.get(path, ""), direct=direct)
            if row.group:
                # A body or type may be missing, a thing may not exist: never a route's refusal.
                assert not re.search(r"\[(route|profile|engine)\.", answer.message), answer
            else:
                assert f"[{rule}]" in answer.message or answer.status in OWN, answer
                assert answer.status >= 300
