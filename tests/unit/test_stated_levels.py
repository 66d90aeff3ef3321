"""The levels that strategies state are those that the API server's admission gave."""

from __future__ import annotations

import json
from pathlib import Path

from podwright import strategies

LEVELS = Path(strategies.__file__).parent / "data" / "levels.json"


def test_every_strategy_states_the_level_that_admission_measured() -> None:
    measured = json.loads(LEVELS.read_text(encoding="utf-8"))["presets"]
    stated = {name: strategy.level for name, strategy in strategies.everything().items()}
    assert stated == {name: measured[name]["level"] for name in strategies.names()}
