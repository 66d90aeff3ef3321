"""The plugin's way to look at a running `sh`, as a model.

workflow-durable-task-step (DurableTaskStep.java) looks after 250 ms, then each time 1.2 times as
late, at most 15 s; new output of the script begins that anew.
"""

from __future__ import annotations

MIN_RECURRENCE_PERIOD = 0.25
MAX_RECURRENCE_PERIOD = 15.0
RECURRENCE_PERIOD_BACKOFF = 1.2


def looks(until: float, pulse: float) -> list[float]:
    """Give the moments of the looks, to the first one at or after the end.

    Args:
        until: when the script ends, seconds after its start.
        pulse: seconds between what the script prints; 0 for nothing.
    """
    found, now, period, seen = [], 0.0, MIN_RECURRENCE_PERIOD, 0
    while now < until:
        now += period
        found.append(now)
        printed = int(min(now, until) / pulse) if pulse else 0
        longer = min(period * RECURRENCE_PERIOD_BACKOFF, MAX_RECURRENCE_PERIOD)
        period = MIN_RECURRENCE_PERIOD if printed > seen else longer
        seen = printed
    return found


def late(until: float, pulse: float) -> float:
    """Give how late the end of the script is seen."""
    return looks(until, pulse)[-1] - until


def late_after(said: list[float], until: float) -> float:
    """Give how late the end of a script is seen that has printed at some moments."""
    now, period, left = 0.0, MIN_RECURRENCE_PERIOD, sorted(said)
    while now < until:
        now += period
        longer = min(period * RECURRENCE_PERIOD_BACKOFF, MAX_RECURRENCE_PERIOD)
        period = MIN_RECURRENCE_PERIOD if left and left[0] <= now else longer
        left = [moment for moment in left if moment > now]
    return now - until
