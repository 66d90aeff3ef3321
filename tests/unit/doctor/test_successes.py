"""Builds that succeeded have no diagnosis: 362 real logs, of all strategies.

`make e2e` looks at each log of the conformance suite in the same way and leaves them in
`build/successes`; `python3 tests/unit/doctor/test_successes.py` packs those of the last run.
"""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from podwright import strategies
from podwright.doctor import context, diagnosis, matching

PACKED = Path(__file__).with_suffix("").with_name("successes.tar.xz")
LOGS = Path(__file__).resolve().parent.parent.parent.parent / "build" / "successes"


def logs() -> dict[str, bytes]:
    """Give all logs by name: strategy and case."""
    with tarfile.open(PACKED, "r:xz") as archive:
        read = {item.name: archive.extractfile(item) for item in archive.getmembers()}
        return {name: stream.read() for name, stream in read.items() if stream}


def causes(log: bytes) -> list[str]:
    known = context.Context()
    return [cause.id for cause in diagnosis.decide(matching.scan(io.BytesIO(log)), known)]


def test_no_build_that_succeeded_has_a_diagnosis() -> None:
    found = {name: causes(log) for name, log in logs().items()}
    assert {name: ids for name, ids in found.items() if ids} == {}


def test_the_logs_are_many_and_of_all_strategies() -> None:
    names = list(logs())
    assert len(names) >= 200
    for builder in strategies.names():
        assert len([name for name in names if name.startswith(f"{builder}-")]) >= 20, builder


def test_the_same_logs_have_a_diagnosis_when_a_cause_is_put_at_their_end() -> None:
    cause = b"\nError: writing blob: StatusCode: 413, <html>413 Request Entity Too Large</html>\n"
    missed = [
        name for name, log in logs().items() if "registry-too-large" not in causes(log + cause)
    ]
    assert missed == []


def pack() -> None:
    """Pack the logs of the last run, reproducibly."""
    with tarfile.open(PACKED, "w:xz", preset=9) as archive:
        for path in sorted(LOGS.glob("*.log")):
            info = tarfile.TarInfo(path.name)
            data = path.read_bytes()
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


if __name__ == "__main__":
    pack()
