"""The levels that docs and `podwright builders` state are those of real admission."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import levels
import pytest

if TYPE_CHECKING:
    import harness

RECORDED = json.loads(levels.DATA.read_text())


@pytest.mark.parametrize("builder", levels.builders())
def test_the_recorded_level_of_each_preset_is_what_the_api_server_says(
    builder: str, cluster: harness.Cluster
) -> None:
    assert levels.classify(cluster, levels.preset(builder)) == RECORDED["presets"][builder]


def test_the_record_is_of_this_version_of_kubernetes(cluster: harness.Cluster) -> None:
    assert levels.version(cluster) == RECORDED["kubernetes"]


@pytest.mark.parametrize("name", sorted(levels.VARIANTS))
def test_each_variant_is_admitted_and_builds_as_recorded(
    name: str, cluster: harness.Cluster
) -> None:
    assert levels.try_variant(cluster, name) == RECORDED["variants"][name]
