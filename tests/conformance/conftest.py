"""Collect the results of the conformance suite, for the table."""

from __future__ import annotations

import json
import os
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

import cases  # noqa: E402
import harness  # noqa: E402 - after the path is set
import suite as suites  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

RESULTS = harness.ROOT / "build" / "conformance.json"
# More than fit on two processors: each waits for pods, registry and kubectl half of its time.
AT_ONCE = 5


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


class Runs:
    """Builds all selected cases, several strategies at a time; tests wait for their own."""

    def __init__(self, cluster: harness.Cluster, pairs: list[tuple[str, str]]) -> None:
        self._cluster = cluster
        self._base = suites.Base(cluster)
        self._futures: dict[tuple[str, str], Future[suites.Result]] = {p: Future() for p in pairs}
        self._pool = ThreadPoolExecutor(AT_ONCE)
        strategies = dict.fromkeys(builder for builder, _ in pairs)
        for builder in sorted(strategies, key=lambda name: name not in suites.ONE_BUILD):
            names = [name for b, name in pairs if b == builder]
            # Those that need a pod for each case take longest: they begin first, and in two rows.
            rows = 2 if builder in suites.ONE_BUILD else 1
            for row in range(rows):
                self._pool.submit(self._run, builder, names[row::rows])

    def _run(self, builder: str, names: list[str]) -> None:
        """Build cases with one strategy, one after the other."""
        suite = suites.Suite(self._cluster, "conformance", self._base)
        try:
            for name in names:
                future = self._futures[builder, name]
                try:
                    future.set_result(suite.run(cases.load(name), builder))
                except BaseException as error:  # noqa: BLE001 - the test that waits for it fails
                    future.set_exception(error)
        finally:
            suite.close()

    def result(self, builder: str, name: str) -> suites.Result:
        """Wait for a case."""
        return self._futures[builder, name].result()

    def close(self) -> None:
        """Wait for the end of the pods."""
        self._pool.shutdown()


@pytest.fixture(scope="session")
def runs(request: pytest.FixtureRequest) -> Iterator[Runs]:
    """Give the results of all selected cases, as they come in."""
    site = harness.site()
    if not Path(site.kubeconfig).exists():
        message = "no cluster: run `make e2e`, or `python3 tests/e2e/cluster.py up` first"
        if os.environ.get("PODWRIGHT_E2E"):
            pytest.fail(message)
        pytest.skip(message)
    cluster = harness.Cluster(site)
    cluster.namespace("conformance", "privileged")
    specs = [getattr(item, "callspec", None) for item in request.session.items]
    wanted = [spec.params for spec in specs if spec and set(spec.params) == {"builder", "name"}]
    pairs = [(p["builder"], p["name"]) for p in wanted if p["name"] in cases.names()]
    made = Runs(cluster, pairs)
    yield made
    made.close()
    if not os.environ.get("PODWRIGHT_E2E"):
        harness.clean(cluster)
