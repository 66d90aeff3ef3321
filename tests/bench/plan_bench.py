"""How long `podwright plan` takes from start to end, next to a bare start of the interpreter.

Prints medians in milliseconds of wall time, and their ratio. The runs of all rows alternate, so
that what else the machine does weighs on each of them alike.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYZ = ROOT / "resources/podwright/podwright.pyz"
PLAN = ["plan", "--image", "registry.example/app", "--tag", "1"]


def rows() -> dict[str, list[str]]:
    """Give the command lines to measure."""
    python = sys.executable
    system = "/usr/bin/python3" if Path("/usr/bin/python3").exists() else python
    script = Path(python).parent / "podwright"
    return {
        "bare interpreter": [system, "-I", "-c", "pass"],
        "bundle: plan, builder named": [system, "-I", str(PYZ), *PLAN, "--builder", "buildah"],
        "bundle: plan, builder chosen": [system, "-I", str(PYZ), *PLAN],
        "bare interpreter of the venv": [python, "-c", "pass"],
        "podwright plan, builder named": [str(script), *PLAN, "--builder", "buildah"],
        "podwright plan, builder chosen": [str(script), *PLAN],
    }


def measure(command: list[str], cwd: Path) -> float:
    """Run once; gives milliseconds."""
    started = time.perf_counter()
    subprocess.run(command, cwd=cwd, stdout=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - started) * 1000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=21, help="runs of each row (default: 21)")
    runs = parser.parse_args().runs
    commands = rows()
    times: dict[str, list[float]] = {name: [] for name in commands}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "Dockerfile").write_text("FROM scratch\n", encoding="utf-8")
        for run in range(runs + 1):
            for name, command in commands.items():
                taken = measure(command, Path(folder))
                if run:  # the first one fills the caches
                    times[name].append(taken)
    bare = 0.0
    for name, taken in times.items():
        median = statistics.median(taken)
        bare = median if name.startswith("bare") else bare
        print(f"{name:<32} {median:7.1f} ms   {median / bare:4.1f} x bare   best {min(taken):.1f}")  # noqa: T201


if __name__ == "__main__":
    main()
