"""The levels that strategies state are those that the API server's admission gave."""

from __future__ import annotations

import json
from pathlib import Path

from podwright import builders

LEVELS = Path(builders.__file__).parents[1] / "data" / "levels.json"


def test_every_strategy_states_the_level_that_admission_measured() -> None:
    measured = json.loads(LEVELS.read_text(encoding="utf-8"))["presets"]
    stated = {name: strategy.level for name, strategy in builders.everything().items()}
    assert stated == {name: measured[name]["level"] for name in builders.names()}
