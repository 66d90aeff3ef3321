"""What a pod's containers may use."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podwright.dood.budget import MEBI, MINIMUM, Budget, number, set_memory, shown
from podwright.dood.refusal import Refusal

BUDGET = Budget(memory=1024 * MEBI, cpu=2 * 10**9)


@pytest.mark.parametrize(
    ("used", "share"),
    [(0, 512), (512, 256), (1023, 0), (1024, 0), (4096, 0)],
)
def test_the_share_is_half_of_what_is_free_in_whole_mebibytes(used: int, share: int) -> None:
    assert BUDGET.share(used * MEBI) == share * MEBI


@given(st.lists(st.booleans(), max_size=40))
def test_shares_never_exceed_the_pod_whatever_starts_and_ends(steps: list[bool]) -> None:
    running: list[int] = []
    for starts in steps:
        if starts:
            share = BUDGET.share(sum(running))
            if share >= MINIMUM:
                running.append(BUDGET.fits(share, sum(running), "it"))
        elif running:
            running.pop(0)
        assert sum(running) <= BUDGET.memory


def test_more_than_the_pod_has_is_refused() -> None:
    assert BUDGET.wanted({"Memory": 1024 * MEBI}, "it") == 1024 * MEBI
    assert BUDGET.wanted({}, "it") == 0
    with pytest.raises(Refusal) as refused:
        BUDGET.wanted({"Memory": 1024 * MEBI + 1}, "the container 'db'")
    assert refused.value.status == 409
    assert refused.value.message == (
        "the container 'db' asks for 1 GiB of memory, but the pod's limit is 1 GiB; ask for less, "
        "or raise pod.resources.builder.limits.memory"
    )


@pytest.mark.parametrize(("memory", "used"), [(512, 513), (15, 0), (0, 1024)])
def test_what_does_not_fit_beside_what_runs_does_not_start(memory: int, used: int) -> None:
    with pytest.raises(Refusal, match=r"^it cannot start: what runs already has "):
        BUDGET.fits(memory * MEBI, used * MEBI, "it")


@pytest.mark.parametrize(
    ("given_limits", "expected", "cut"),
    [
        ({}, {"NanoCpus": 2 * 10**9}, False),
        ({"NanoCpus": 10**9}, {"NanoCpus": 10**9}, False),
        ({"NanoCpus": 3 * 10**9}, {"NanoCpus": 2 * 10**9}, True),
        ({"CpuPeriod": 50_000}, {"CpuPeriod": 50_000, "CpuQuota": 100_000}, False),
        ({"CpuQuota": 150_000}, {"CpuQuota": 150_000}, False),
        ({"CpuQuota": 900_000}, {"CpuQuota": 200_000}, True),
        ({"CpuQuota": -1}, {"CpuQuota": 200_000}, False),
    ],
)
def test_cpu_is_at_most_the_pods(
    given_limits: dict[str, Any], expected: dict[str, Any], *, cut: bool
) -> None:
    host = dict(given_limits)
    warnings = BUDGET.cut_cpu(host)
    assert host == expected
    assert warnings == (["podwright: the CPU limit was cut down to the pod's, 2"] if cut else [])


def test_swap_and_reservation_do_not_outgrow_memory() -> None:
    host = {"MemorySwap": -1, "MemoryReservation": 100 * MEBI}
    set_memory(host, 64 * MEBI)
    assert host == {
        "Memory": 64 * MEBI,
        "MemorySwap": 64 * MEBI,
        "MemoryReservation": 64 * MEBI,
    }


@pytest.mark.parametrize("value", ["1g", 1.5, True, [1], {}])
def test_what_is_no_integer_is_refused(value: object) -> None:
    if not value:
        assert number({"Memory": value}, "Memory") == 0
        return
    with pytest.raises(Refusal, match=r"^Memory must be an integer$"):
        number({"Memory": value}, "Memory")


def test_amounts_are_written_for_people() -> None:
    assert shown(1536 * MEBI) == "1.5 GiB"
    assert shown(10 * MEBI) == "10 MiB"
