"""A large context in which nothing has changed, by each strategy in its own pod."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import harness
import levels
import pytest

from podwright import contexts

if TYPE_CHECKING:
    from pathlib import Path

SAME = "[podwright] nothing has changed: the image that is there gets new labels and tags"


@pytest.mark.parametrize("builder", levels.builders())
def test_an_unchanged_context_is_not_sent_to_a_builder(
    builder: str, cluster: harness.Cluster, tmp_path: Path
) -> None:
    site = cluster.site
    (tmp_path / "Dockerfile").write_text(
        f"FROM {site.registry}/base/busybox:1\nCOPY . /context\nRUN date +%s.%N >/when\n"
    )
    built: list[tuple[bool, Any]] = []
    with harness.pod(cluster, builder, "e2e-privileged") as made:
        big = (
            f"mkdir -p {harness.WORKSPACE} && truncate -s {contexts.LARGE} {harness.WORKSPACE}/big"
        )
        made.shell(big, "jnlp")
        for number, word in enumerate(("one", "one", "two")):
            (tmp_path / "small").write_text(word)
            request = site.request(
                builder=builder,
                cache=True,
                image=f"{site.registry}/whole/{builder}",
                tags=[f"{number}"],
                labels={"number": f"build {number}"},
            )
            outcome = made.build(request, site.login, tmp_path)
            assert outcome.value, outcome.log
            reference = f"{site.registry}/whole/{builder}:{number}"
            built.append((SAME in outcome.log, harness.pulled(site, reference)))
            assert outcome.value["platforms"] == ["linux/amd64"]
    assert [same for same, _ in built] == [False, True, False], outcome.log
    first, second, third = (image for _, image in built)
    assert (second.tree, second.media_type) == (first.tree, first.media_type)
    assert second.tree["/context/small"].text == "one"
    held = [path.rpartition("/")[2] for path in first.tree if path.startswith("/context/")]
    assert sorted(held) == ["Dockerfile", "big", "small"]
    labels = [image.config["config"]["Labels"]["number"] for image in (first, second, third)]
    assert labels == ["build 0", "build 1", "build 2"]
    assert "build 0" not in str(second.config)
    assert third.tree["/context/small"].text == "two"
