"""Whatever a client writes, the answer is a rewritten body or a sentence, never a crash."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_dood_bodies import MAKER, NAMING

from podwright.dood import listing
from podwright.dood.refusal import Refusal

LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
WORDS = st.sampled_from(["db", "net", "other", "data", "/x", "container:db", "a:b", "a:/b:ro", ":"])
VALUES = st.recursive(
    LEAVES | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
MOUNT = st.fixed_dictionaries(
    {},
    optional={
        "Type": st.sampled_from(["volume", "bind", "tmpfs", "image", ""]) | VALUES,
        "Source": VALUES,
        "VolumeOptions": VALUES
        | st.fixed_dictionaries({}, optional={"Labels": VALUES, "DriverConfig": VALUES}),
    },
)
HOST_FIELDS = (
    "Binds",
    "CpuPeriod",
    "CpuQuota",
    "IpcMode",
    "Links",
    "Memory",
    "MemoryReservation",
    "NanoCpus",
    "NetworkMode",
    "PidMode",
    "VolumeDriver",
    "VolumesFrom",
)
HOST = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(HOST_FIELDS, VALUES),
        "Mounts": st.lists(MOUNT, max_size=2) | VALUES,
        "PortBindings": st.dictionaries(WORDS, st.lists(st.dictionaries(WORDS, LEAVES))) | VALUES,
    },
)
BODY = st.fixed_dictionaries(
    {},
    optional={
        "HostConfig": HOST | VALUES,
        "Labels": VALUES,
        "NetworkingConfig": VALUES
        | st.fixed_dictionaries({"EndpointsConfig": st.dictionaries(WORDS, VALUES) | VALUES}),
    },
)


@settings(max_examples=500, deadline=None)
@example({"HostConfig": {"CpuPeriod": 1, "NanoCpus": "0"}})
@given(BODY)
def test_a_containers_body_is_rewritten_or_refused(body: dict[str, Any]) -> None:
    with contextlib.suppress(Refusal):
        MAKER.container(body, "web")
        assert body["Labels"]["podwright.dev/build"] == "uid-a"
        assert 0 < body["HostConfig"]["Memory"] <= MAKER.budget.memory
        assert body["HostConfig"]["MemorySwap"] == body["HostConfig"]["Memory"]
        host = body["HostConfig"]
        assert max(host.get("NanoCpus") or 0, host.get("CpuQuota") or 0) > 0


@given(st.dictionaries(st.sampled_from(["Name", "Labels", "DriverOpts", "ConfigFrom"]), VALUES))
def test_networks_and_volumes_are_rewritten_or_refused(body: dict[str, Any]) -> None:
    for make in (MAKER.network, MAKER.volume):
        with contextlib.suppress(Refusal):
            made = make(body)
            assert made["Labels"]["podwright.dev/build"] == "uid-a"
            assert made["Name"].startswith(NAMING.prefix)


@given(VALUES)
def test_filters_are_read_or_refused(value: Any) -> None:
    with contextlib.suppress(Refusal):
        filters = listing.parse_filters(json.dumps(value))
        assert listing.parse_filters(listing.render_filters(filters)).keys() <= filters.keys()
