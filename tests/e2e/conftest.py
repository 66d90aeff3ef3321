"""What all tests on a cluster share: the cluster and its namespaces."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parent)]

import harness  # noqa: E402 - after the path is set

if TYPE_CHECKING:
    from collections.abc import Iterator

LEVELS = ("privileged", "baseline", "restricted")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything below this directory: it needs a cluster."""
    here = Path(__file__).resolve().parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.cluster)


@pytest.fixture(scope="session")
def site() -> harness.Site:
    found = harness.site()
    if not Path(found.kubeconfig).exists():
        message = "no cluster: run `make e2e`, or `python3 tests/e2e/cluster.py up` first"
        if os.environ.get("PODWRIGHT_E2E"):
            pytest.fail(message)
        pytest.skip(message)
    return found


@pytest.fixture(scope="session")
def cluster(site: harness.Site) -> Iterator[harness.Cluster]:
    """Give the cluster with one namespace per Pod Security level: e2e-privileged and so on."""
    made = harness.Cluster(site)
    for level in LEVELS:
        made.namespace(f"e2e-{level}", level)
    yield made
    if not os.environ.get("PODWRIGHT_E2E"):  # else others may use them still
        harness.clean(made)


@pytest.fixture(scope="session")
def namespace(cluster: harness.Cluster) -> str:
    """Give the namespace that admits everything."""
    assert cluster
    return "e2e-privileged"


@pytest.fixture
def cluster_alone(site: harness.Site) -> harness.Cluster:
    """Give the cluster as it is: without namespaces for tests."""
    return harness.Cluster(site)
