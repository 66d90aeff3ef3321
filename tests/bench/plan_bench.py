"""How long `podwright plan` takes from start to end, next to a bare start of the interpreter.

Prints medians in milliseconds of wall and of processor time, and their ratios. The runs of all rows
alternate, so that what else the machine does weighs on each of them alike.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYZ = ROOT / "resources/podwright/podwright.pyz"
# As installed by pip: with compiled modules. The bundle has none, in either case.
ENV = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
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


def measure(command: list[str], cwd: Path) -> tuple[float, float]:
    """Run once; gives milliseconds of wall time and of processor time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    subprocess.run(command, cwd=cwd, env=ENV, stdout=subprocess.DEVNULL, check=True)
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall * 1000, cpu * 1000


def say(line: str) -> None:
    """Print one line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=21, help="runs of each row (default: 21)")
    runs = parser.parse_args().runs
    commands = rows()
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "Dockerfile").write_text("FROM scratch\n", encoding="utf-8")
        for run in range(runs + 1):
            for name, command in commands.items():
                taken = measure(command, Path(folder))
                if run:  # the first one fills the caches
                    times[name].append(taken)
    say(f"{'median of ' + str(runs) + ' runs':<32}  wall ms  x bare   cpu ms  x bare   best wall")
    bare = bare_cpu = 1.0
    for name, taken in times.items():
        walls, cpus = zip(*taken)
        wall, cpu = statistics.median(walls), statistics.median(cpus)
        if name.startswith("bare"):
            bare, bare_cpu = wall, cpu
        say(
            f"{name:<32} {wall:8.1f} {wall / bare:7.1f} {cpu:8.1f} {cpu / bare_cpu:7.1f}"
            f" {min(walls):11.1f}"
        )


if __name__ == "__main__":
    main()
