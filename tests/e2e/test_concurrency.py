"""Eight builds at once on one node, by all strategies; fifty pods admitted."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import harness
import levels

if TYPE_CHECKING:
    from pathlib import Path


def test_eight_builds_at_once_are_all_right(cluster: harness.Cluster, tmp_path: Path) -> None:
    builders = [*levels.builders(), "buildkit"][:8]
    numbered = list(enumerate(builders))

    def one(item: tuple[int, str]) -> harness.oci.Entry:
        number, builder = item
        site = cluster.site
        context = tmp_path / f"context-{number}"
        context.mkdir()
        (context / "Dockerfile").write_text(
            f"FROM {site.registry}/base/busybox:1\n"
            f"RUN i=0; while [ $i -lt 200 ]; do i=$((i + 1)); done; echo build {number} > /number\n"
        )
        with harness.pod(cluster, builder, "e2e-privileged") as made:
            request = site.request(
                builder=builder, image=f"{site.registry}/concurrency/b{number}", tags=["1"]
            )
            reference = made.build(request, site.login, context).value["reference"]
        return harness.pulled(site, reference).tree["/number"]

    with ThreadPoolExecutor(8) as pool:
        entries = list(pool.map(one, numbered))
    assert [entry.text for entry in entries] == [f"build {n}\n" for n, _ in numbered]


def test_fifty_pods_are_rendered_and_admitted(cluster: harness.Cluster) -> None:
    names = levels.builders()

    def one(number: int) -> str:
        builder = names[number % len(names)]
        pod = harness.jenkins(
            harness.render(builder), f"{builder}-{uuid.uuid4().hex[:8]}", "e2e-privileged"
        )
        return cluster.apply(pod, "--dry-run=server").stderr

    with ThreadPoolExecutor(4) as pool:
        refusals = list(pool.map(one, range(50)))
    assert refusals == [""] * 50
