# ruff: noqa: T201 - a program that talks
"""Ask the API server at which Pod Security level each strategy's pod is admitted.

    python3 tests/e2e/levels.py     # writes pytools/podwright/data/levels.json

Docs, `podwright builders` and `auto` read that file; `test_levels.py` compares it with the cluster.
Every pod is submitted as Jenkins would submit it, `jnlp` container and workspace volume included.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parent)]

import harness  # noqa: E402 - after the path is set

DATA = harness.ROOT / "pytools" / "podwright" / "data" / "levels.json"
LEVELS = ("restricted", "baseline", "privileged")


def builders() -> list[str]:
    """Name the strategies: one file each, beside the private ones."""
    folder = harness.ROOT / "pytools" / "podwright" / "builders"
    names = [file.stem for file in folder.glob("*.py") if not file.stem.startswith("_")]
    return sorted(name.replace("_", "-") for name in names)


def admission(cluster: harness.Cluster, pod: dict[str, Any], level: str) -> str:
    """Submit a pod by server-side dry run; give the refusal in the API server's words, or ''."""
    namespace = f"e2e-{level}"
    whole = harness.jenkins(pod, "admission", namespace)
    done = cluster.apply(whole, "--dry-run=server")
    if not done.returncode:
        return ""
    if "violates PodSecurity" not in done.stderr:
        raise harness.Failed(done.stderr)
    return done.stderr.strip().partition("violates PodSecurity ")[2]


def classify(cluster: harness.Cluster, pod: dict[str, Any]) -> dict[str, Any]:
    """Give the strictest level that admits a pod, and what the stricter ones say."""
    refusals = {level: admission(cluster, pod, level) for level in LEVELS}
    admitted = [level for level in LEVELS if not refusals[level]]
    refused = {level: words for level, words in refusals.items() if words}
    return {"level": admitted[0] if admitted else "", "refused": refused}


def measure(cluster: harness.Cluster) -> dict[str, Any]:
    """Classify the preset of each strategy."""
    presets = {}
    for builder in builders():
        pod = harness.render(builder)
        presets[builder] = classify(cluster, pod)
    return {"kubernetes": _version(cluster), "presets": presets}


def _version(cluster: harness.Cluster) -> str:
    """Give the minor version of the API server, as '1.34'."""
    answer = json.loads(cluster.run("get", "--raw=/version").stdout)
    return f"{answer['major']}.{answer['minor'].rstrip('+')}"


def main() -> None:
    """Write the data file."""
    cluster = harness.Cluster(harness.site())
    for level in LEVELS:
        cluster.namespace(f"e2e-{level}", level)
    DATA.parent.mkdir(exist_ok=True)
    DATA.write_text(json.dumps(measure(cluster), indent=2, sort_keys=True) + "\n")
    print(DATA)


if __name__ == "__main__":
    main()
