"""How late Jenkins sees the end of a silent build, by the model of its plugin's back-off."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from podwright.resources import text

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "bench"))

import backoff

TWO_MINUTES = [seconds / 100 for seconds in range(11_000, 13_000)]


def test_the_plugin_looks_ever_more_seldom() -> None:
    looks = backoff.looks(10, pulse=0)
    assert looks[:6] == pytest.approx([0.25, 0.55, 0.91, 1.342, 1.8604, 2.48248])
    assert max(backoff.late(end, pulse=0) for end in TWO_MINUTES) > 14


def test_the_end_of_a_silent_build_of_two_minutes_is_seen_within_half_a_second() -> None:
    found = re.search(r"\n    sleep (\d+) >/dev/null 2>&1 &\n", text("prelude.sh"))
    assert found
    assert max(backoff.late(end, pulse=int(found[1])) for end in TWO_MINUTES) <= 0.5


def test_lines_at_known_moments_count_as_the_pulse_does() -> None:
    for end in (0.1, 3.3, 11.7, 40.2):
        assert backoff.late_after([], end) == pytest.approx(backoff.late(end, pulse=0))
        beats = [float(second) for second in range(1, 60)]
        assert backoff.late_after(beats, end) == pytest.approx(backoff.late(end, pulse=1))
