"""The end-to-end tests run the bridge's own script; a change of its source shows here first."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests" / "e2e"))

import harness  # noqa: E402 - after the path is set


def test_the_script_of_the_bridge_is_found_and_whole() -> None:
    script = harness.bridge_script("the-job", "{}")
    known = (ROOT / "src" / "podwright" / "Bundle.groovy").read_text()
    total, call, _ = script.split("\n", 2)
    assert f" SUM = '{total.removeprefix('pw_sum=')}'" in known
    assert call == "pw_call=the-job"
    assert 'job="$home/podwright/$pw_call"' in script
    assert "<<'END OF THE REQUEST' || no_room\n{}\nEND OF THE REQUEST\nexec 3>&1" in script
    assert 'exec sh "$job/build.sh"' in script
    assert "\\\\" not in script
    assert "'''" not in script
    checked = subprocess.run(["sh", "-n"], input=script, text=True, check=False)
    assert checked.returncode == 0
