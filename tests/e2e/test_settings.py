"""Each setting of registries with each strategy, in pods, is taken from where the table says."""

from __future__ import annotations

import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import layout
import levels
import pytest
import settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    import harness

RECORDED: dict[str, dict[str, str]] = json.loads(settings.DATA.read_text())
AT_ONCE = 3  # half of their time is waiting


@pytest.fixture(scope="module")
def servers(
    cluster: harness.Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[settings.Servers]:
    if cluster.site.kubeconfig != str(layout.KUBECONFIG):
        pytest.skip("the registries are beside the node: needs the tests' own cluster")
    made = settings.Servers(tmp_path_factory.mktemp("servers"))
    settings.secret(cluster, made)
    yield made
    made.close()


@pytest.fixture(scope="module")
def asked(
    request: pytest.FixtureRequest, cluster: harness.Cluster, servers: settings.Servers
) -> Iterator[dict[str, Future[settings.Asked]]]:
    """Ask the selected strategies, some at a time."""
    specs = [getattr(item, "callspec", None) for item in request.session.items]
    builders = [
        spec.params["builder"] for spec in specs if spec and set(spec.params) == {"builder"}
    ]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {one: pool.submit(settings.Asked, cluster, servers, one) for one in builders}


@pytest.mark.parametrize("builder", levels.builders())
def test_each_setting_is_taken_from_where_the_table_says(
    builder: str, asked: dict[str, Future[settings.Asked]]
) -> None:
    found = asked[builder].result()
    recorded = {title: answers[builder] for title, answers in RECORDED.items()}
    assert found.answers == recorded, "\n".join(str(found.said.get(t)) for t in recorded)


def test_the_proxy_is_asked_for_what_it_is_for_and_is_in_no_image(
    asked: dict[str, Future[settings.Asked]], servers: settings.Servers
) -> None:
    for one in asked.values():
        one.result()
    assert settings.HIDDEN in servers.proxy.asked
    assert not [host for host in servers.proxy.asked if layout.HOST_IP in host]  # NO_PROXY
    for item in servers.registries.values():
        for blob in item.blobs():
            data = blob.read_bytes()
            data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
            assert servers.proxy.address.encode() not in data
