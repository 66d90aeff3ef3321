"""Every strategy gives the same image, or the difference is known, explained and just this."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

import cases
import harness
import levels
import pytest

from podwright.doctor import context, diagnosis, matching

if TYPE_CHECKING:
    from suite import Result

    from conftest import Runs

LOGS = harness.ROOT / "build" / "successes"
PAIRS = [(builder, name) for builder in levels.builders() for name in cases.names()]


def diagnosed(log: bytes) -> list[diagnosis.Cause]:
    """Give what is said to have gone wrong."""
    return diagnosis.decide(matching.scan(io.BytesIO(log)), context.Context())


@pytest.mark.parametrize(("builder", "name"), PAIRS, ids=[f"{b}-{n}" for b, n in PAIRS])
def test_the_image_is_what_the_case_expects_of_it(
    builder: str,
    name: str,
    runs: Runs,
    results: dict[str, dict[str, dict[str, Any]]],
) -> None:
    case = cases.load(name)
    known = case.known.get(builder)
    result = runs.result(builder, name)
    if result.image is not None:
        _keep(result.log, f"{builder}-{name}")
        assert diagnosed(result.log.encode()) == [], f"{builder}, {name}"
    results.setdefault(name, {})[builder] = {
        "result": result.word,
        "differences": result.differences,
        "why": known["why"] if known else "",
    }
    if known:
        assert result.word == known["result"], _report(builder, name, result)
        if result.word == "differs":
            assert result.differences == known["differences"]
        else:
            assert re.search(known["log"], result.log), _report(builder, name, result)
    else:
        assert result.word == "same", _report(builder, name, result)


def _keep(log: str, name: str) -> None:
    """Keep the log of a build that succeeded; see tests/unit/doctor/test_successes.py."""
    LOGS.mkdir(parents=True, exist_ok=True)
    (LOGS / f"{name}.log").write_text(log)


def _report(builder: str, name: str, result: Result) -> str:
    differences = "\n".join(result.differences)
    return f"{builder}, tests/conformance/cases/{name}: {result.word}\n{differences}\n{result.log}"


def test_each_known_difference_names_a_strategy_and_says_why() -> None:
    for name in cases.names():
        for builder, known in cases.load(name).known.items():
            assert builder in levels.builders(), f"{name}: no strategy '{builder}'"
            assert known["result"] in {"differs", "refused"}
            assert len(known["why"]) > 20, f"{name}: {builder} without a reason"


def test_each_case_says_what_it_expects() -> None:
    for name in cases.names():
        case = cases.load(name)
        assert case.fails or case.config.get("Platform") == "linux/amd64", name
