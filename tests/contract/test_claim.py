"""An engine alone on its claim: the shell text that begins its command."""

from __future__ import annotations

import getpass
import subprocess
import time
from typing import TYPE_CHECKING

from podwright import pod
from podwright.resources import text

if TYPE_CHECKING:
    from pathlib import Path


def start(folder: Path, command: str, script: str = "") -> subprocess.Popen[str]:
    """Start an engine that runs a command; the word behind the directory is its argument."""
    words = pod.alone_on_claim(str(folder), command)
    words[2] = script + command if script else words[2]
    return subprocess.Popen([*words, "argument"], stderr=subprocess.PIPE, encoding="utf-8")


def test_the_directory_is_made_without_the_setgid_bit_and_the_engine_gets_its_arguments(
    tmp_path: Path,
) -> None:
    tmp_path.chmod(0o2775)

    engine = start(tmp_path / "state", 'exec touch "$0/$1"')

    assert engine.communicate()[1] == ""
    assert (tmp_path / "state" / "argument").exists()
    assert not (tmp_path / "state").stat().st_mode & 0o2000


def test_a_second_engine_says_so_and_waits_until_the_first_has_ended(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    first = start(folder, "exec sleep 300")
    while not (tmp_path / "state.lock").exists():
        time.sleep(0.02)
    time.sleep(0.2)
    second = start(folder, 'exec touch "$0/in"')
    assert second.stderr
    said = second.stderr.readline()
    assert said == "podwright: another pod uses this claim; waiting up to 600 s for it to end\n"
    assert not (folder / "in").exists()

    first.kill()
    first.communicate()

    assert (second.communicate(timeout=20)[1], second.returncode) == ("", 0)
    assert (folder / "in").exists()


def test_after_ten_minutes_it_ends_with_a_sentence(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    first = start(folder, "exec sleep 300")
    while not (tmp_path / "state.lock").exists():
        time.sleep(0.02)
    time.sleep(0.2)
    script = text("claim.sh")
    assert script.count("left=600") == 1

    second = start(folder, "exec true", script.replace("left=600", "left=1"))

    assert second.communicate()[1] == (
        "podwright: ERROR: the claim is still used by another pod; give each job its own, or build "
        "one at a time\n"
    )
    assert second.returncode == 1
    first.kill()
    first.communicate()


def test_a_claim_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    engine = start(tmp_path / "file/state", "exec true")

    assert engine.communicate()[1].splitlines()[-1] == (
        f"podwright: ERROR: {getpass.getuser()} cannot write into {tmp_path}/file/state; "
        "give the claim to user 1000"
    )
    assert engine.returncode == 1
