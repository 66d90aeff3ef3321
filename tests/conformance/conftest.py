"""Collect the results of the conformance suite, for the table."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

import harness  # noqa: E402 - after the path is set
import suite as suites  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

RESULTS = harness.ROOT / "build" / "conformance.json"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything below this directory: it needs a cluster."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.cluster)


@pytest.fixture(scope="session")
def results() -> Iterator[dict[str, dict[str, dict[str, object]]]]:
    """Give the table to be filled: by case, by strategy; it is written at the end."""
    table: dict[str, dict[str, dict[str, object]]] = {}
    yield table
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n")


@pytest.fixture(scope="session")
def suite() -> Iterator[suites.Suite]:
    """Give the suite with its pods in a namespace of their own."""
    site = harness.site()
    if not Path(site.kubeconfig).exists():
        message = "no cluster: run `make e2e`, or `python3 tests/e2e/cluster.py up` first"
        if os.environ.get("PODWRIGHT_E2E"):
            pytest.fail(message)
        pytest.skip(message)
    cluster = harness.Cluster(site)
    cluster.namespace("conformance", "privileged")
    made = suites.Suite(cluster, "conformance")
    yield made
    made.close()
    cluster.run("delete", "namespace", "conformance", check=False)
