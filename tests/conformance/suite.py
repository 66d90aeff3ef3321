# ruff: noqa: T201 - a program that talks
"""Build cases with strategies in pods and compare the images with what is expected.

    python3 tests/conformance/suite.py --builder kaniko --case plain    # show the differences
    python3 tests/conformance/suite.py --builder buildkit --record      # rewrite the expectations

`--record` is for new cases: read what it wrote before you commit it.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

sys.path[:0] = [
    str(Path(__file__).resolve().parent),
    str(Path(__file__).resolve().parent.parent / "e2e"),
]

import cases  # noqa: E402 - after the path is set
import compare  # noqa: E402
import harness  # noqa: E402

if TYPE_CHECKING:
    import oci

BASE = "base/busybox:1"
# These unpack images over their own root: a container is good for one build.
ONE_BUILD = {"kaniko"}
# They also keep the owner of files in the context. One case is about that; for all others the
# context belongs to root, so that they can show something else.
OWNER = "context-owner"


@dataclass
class Result:
    """What became of a case with a strategy."""

    word: str  # same, differs or refused
    differences: list[str] = field(default_factory=list)
    log: str = ""
    image: oci.Image | None = None


class Base:
    """The base image of the cases, read once."""

    def __init__(self, cluster: harness.Cluster) -> None:
        self._cluster = cluster
        self._lock = threading.Lock()
        self._image: oci.Image | None = None

    def image(self) -> oci.Image:
        """Give it."""
        with self._lock:
            if self._image is None:
                site = self._cluster.site
                self._image = harness.pulled(site, f"{site.registry}/{BASE}")
            return self._image


class Suite:
    """Pods of strategies, kept for all cases that they can build."""

    def __init__(self, cluster: harness.Cluster, namespace: str, base: Base | None = None) -> None:
        self.cluster, self.namespace = cluster, namespace
        self.base = base or Base(cluster)
        self._stack = ExitStack()
        self._pods: dict[str, harness.Pod] = {}

    def close(self) -> None:
        """Remove the pods."""
        self._stack.close()

    def run(self, case: cases.Case, builder: str) -> Result:
        """Build a case and compare."""
        if builder in ONE_BUILD:
            with harness.pod(self.cluster, builder, self.namespace) as pod:
                return self._build(case, pod)
        if builder not in self._pods:
            made = harness.pod(self.cluster, builder, self.namespace)
            self._pods[builder] = self._stack.enter_context(made)
        return self._build(case, self._pods[builder])

    def _build(self, case: cases.Case, pod: harness.Pod) -> Result:
        site = self.cluster.site
        name = f"{site.registry}/conformance/{case.name}"
        request = site.request(
            builder=pod.builder, image=name, tags=[pod.builder], timeout=240, **case.parameters()
        )
        alone = pod.builder in ONE_BUILD
        with tempfile.TemporaryDirectory(prefix="podwright-e2e-") as folder:
            job = Path(folder) / "job"
            case.prepare(job / "context", f"{site.registry}/{BASE}")
            outcome = pod.build(
                request,
                {**site.login, **case.env},
                job,
                fresh=not alone,
                rooted=alone and case.name != OWNER,
            )
        if "value" not in outcome.answer or outcome.code:
            return self._failed(case, outcome, pod)
        if case.fails:
            return Result("differs", ["the build succeeds, expected to fail"], outcome.log)
        image = harness.pulled(site, f"{name}:{pod.builder}")
        base = None if case.name in cases.NO_BASE else self.base.image()
        found = compare.differences(case.config, compare.config(image), "config")
        found += compare.differences(case.tree, compare.tree(image, base), "tree")
        return Result("differs" if found else "same", found, outcome.log, image)

    @staticmethod
    def _failed(case: cases.Case, outcome: harness.Outcome, pod: harness.Pod) -> Result:
        """Judge a build that failed."""
        log = f"exit {outcome.code}, answer {outcome.answer}\n{outcome.log}"
        if not case.fails:
            return Result("refused", [], f"{log}\n{pod.state()}")
        if re.search(case.fails["log"], log):
            return Result("same", [], log)
        return Result("differs", [f"the log has no match of {case.fails['log']}"], log)


def record(case: cases.Case, suite: Suite, result: Result) -> None:
    """Take an image as the expectation."""
    if result.image is None:
        return
    base = None if case.name in cases.NO_BASE else suite.base.image()
    case.config = compare.config(result.image)
    case.tree = compare.tree(result.image, base)
    cases.save(case)


def accept(case: cases.Case, builder: str, result: Result, why: str) -> None:
    """Note a result as known; who refuses shows in the last line of the log that says so."""
    known: dict[str, object] = {"result": result.word, "why": why}
    if result.word == "differs":
        known["differences"] = result.differences
    else:
        lines = [line for line in result.log.splitlines() if re.search("(?i)error|cannot", line)]
        known["log"] = re.escape(lines[0].strip()[-80:]) if lines else ""
    case.known[builder] = known
    cases.save(case)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--builder", required=True)
    parser.add_argument("--case", action="append")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--accept", metavar="WHY", help="note the result as known, with a reason")
    parser.add_argument("--log", action="store_true")
    options = parser.parse_args()
    cluster = harness.Cluster(harness.site())
    cluster.namespace("conformance", "privileged")
    suite = Suite(cluster, "conformance")
    try:
        for name in options.case or cases.names():
            case = cases.load(name)
            begin = time.monotonic()
            result = suite.run(case, options.builder)
            if options.record:
                record(case, suite, result)
            if options.accept and result.word != "same":
                accept(case, options.builder, result, options.accept)
            print(f"{options.builder} {name}: {result.word} ({time.monotonic() - begin:.1f} s)")
            for sentence in [] if options.record else result.differences:
                print(f"    {sentence}")
            if result.word == "refused" or options.log:
                print(result.log[-1500:])
            sys.stdout.flush()
    finally:
        suite.close()


if __name__ == "__main__":
    main()
