"""What planning may load: each module is paid for at every start, and in a pod compiled as well."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

# Beside the interpreter's own: what is imported, by whomever, and what podwright's modules ask for.
PROGRAM = """
import builtins, sys
asked, theirs = set(), builtins.__import__
def hear(name, globals=None, *rest, **named):
    if (globals or {}).get("__name__", "").startswith("podwright"):
        asked.add(name.partition(".")[0])
    return theirs(name, globals, *rest, **named)
builtins.__import__ = hear
from podwright.__main__ import main
sys.argv[0] = "podwright"
code = main()
print(code, *sorted(asked - {"podwright"}), file=sys.stderr)
print(*sorted(n for n in sys.modules if n.startswith("podwright")), file=sys.stderr)
print(*sorted(set(sys.modules) & set(%r.split())), file=sys.stderr)
"""
# Each takes a millisecond or more, and nothing that is always there imports it.
SLOW = """
dataclasses datetime decimal difflib email hashlib http inspect locale pkgutil random shutil socket
ssl subprocess tempfile textwrap traceback typing urllib.request yaml zipfile
"""

STANDARD = """
__future__ argparse fnmatch functools gc importlib json operator os pathlib posixpath re shlex stat
sys time
"""
COMMON = """
podwright podwright.__main__ podwright.builders podwright.builders._base
podwright.builders._containers podwright.builders.buildah podwright.cli podwright.commands
podwright.config podwright.console podwright.declared podwright.dockerfile podwright.doctor
podwright.doctor.context podwright.errors podwright.images podwright.inputs podwright.limits
podwright.logins podwright.paths podwright.plan podwright.records podwright.references
podwright.registries podwright.request podwright.resources podwright.schema podwright.script
podwright.shell podwright.sources podwright.strategies podwright.workspace
"""
COMMANDS = {
    "plan": (
        ["plan", "--image", "registry.example/app", "--tag", "1", "--builder", "buildah"],
        "struct zlib",
        """podwright.commands.plan podwright.git podwright.options podwright.pod podwright.rules
        podwright.summary""",
    ),
    "pod": (["pod", "--builder", "buildah"], "", "podwright.commands.pod podwright.pod"),
    "answer": (
        ["answer", "job"],
        "signal struct zlib",
        "podwright.commands.answer podwright.git",
    ),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_loads_these_modules_and_no_others(name: str, tmp_path: Path) -> None:
    words, standard, own = COMMANDS[name]
    (tmp_path / "Dockerfile").write_text("FROM scratch\n", encoding="utf-8")
    job = tmp_path / "job"
    job.mkdir()
    request = {"image": "registry.example/app", "tags": ["1"], "builder": "buildah"}
    (job / "request.json").write_text(json.dumps(request), encoding="utf-8")
    (job / "env").write_text(f"PWD={tmp_path}\n", encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-c", PROGRAM % SLOW, *words],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    told, modules, slow = done.stderr.split("\n")[:3]

    assert told.split()[0] == "0"
    assert modules.split() == sorted([*COMMON.split(), *own.split()])
    assert told.split()[1:] == sorted([*STANDARD.split(), *standard.split()])
    assert slow == ""


def test_a_command_does_not_look_for_garbage_before_its_end(tmp_path: Path) -> None:
    """It would have to look at all that the modules hold, several times."""
    program = (
        "import gc, sys; from podwright.__main__ import main; "
        "before = [item['collections'] for item in gc.get_stats()]; code = main(); "
        "after = [item['collections'] for item in gc.get_stats()]; "
        "print(code, after == before, len(gc.get_objects()) < 1000, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "pod", "--builder", "buildah"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert done.stderr == "0 True True\n"
