"""What planning may load: each module is paid for at every start, and in a pod compiled as well."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from podwright import authz, dood, resources, strategies

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
# Each takes a millisecond or more, five to fifty where it has to be compiled first, as in
# docker.io/library/python (its Dockerfile removes all .pyc); and nothing that is always there
# imports it.
SLOW = """
dataclasses datetime decimal difflib email hashlib http inspect locale pkgutil random shutil socket
ssl subprocess tempfile textwrap traceback typing urllib.request yaml zipfile
"""

STANDARD = """
__future__ fnmatch functools gc importlib json operator os pathlib posixpath re shlex stat sys time
types
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
        "argparse struct zlib",
        """podwright.commands.plan podwright.git podwright.options podwright.parsers podwright.pod
        podwright.rules podwright.summary""",
    ),
    "pod": (
        ["pod", "--builder", "buildah"],
        "argparse",
        "podwright.commands.pod podwright.parsers podwright.pod",
    ),
    "answer": (
        ["answer", "job"],
        "select signal struct zlib",
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


# What strategies have besides: programs that only travel in a pod are read, not loaded.
PROGRAMS = {
    "dind-sidecar": "podwright.authz podwright.authz.guard podwright.authz.places",
    "dood": "podwright.dood podwright.dood.places",
}


@pytest.mark.parametrize("name", strategies.names())
def test_a_pod_of_each_strategy_loads_no_slow_module_and_no_program(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM % SLOW, "pod", "--builder", name],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    told, modules, slow = done.stderr.split("\n")[:3]
    programs = [n for n in modules.split() if n.startswith(("podwright.authz", "podwright.dood"))]

    assert (told.split()[0], slow) == ("0", "")
    assert programs == PROGRAMS.get(name, "").split()


# What a pod loads by itself: the text until it would begin.
BY_ITSELF = {
    "the planner, before it is asked": resources.text("listen.py").partition(
        "\n# Process 1 ignores"
    )[0]
    + "\nlook()\nassert all(name in sys.modules for name in USED.split())",
    "the end of a build": "from podwright import described; described.prepare()",
    "the proxy of dood": dood.source().rpartition("sys.exit(")[0].replace(".begin(", ".PAUSE, ("),
    "the policy of dind-sidecar": authz.source().rpartition("sys.exit(")[0],
}
NEVER = """
argparse bz2 dataclasses inspect lzma secrets shutil subprocess tempfile traceback typing
urllib.request
"""


@pytest.mark.parametrize("name", BY_ITSELF)
def test_what_a_pod_loads_by_itself_needs_no_slow_module(name: str, tmp_path: Path) -> None:
    # What this interpreter loads anyway does not count: Python 3.9 needs `typing` for `runpy`.
    before = f"import runpy, sys; slow = {set(NEVER.split())!r} - set(sys.modules)"
    program = f"{before}\n{BY_ITSELF[name]}\nimport sys; print(*(slow & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-"], input=program,  # which may be too long for an argument
        cwd=tmp_path, capture_output=True, text=True, check=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip

    assert done.stdout.split() == []


def test_a_module_that_is_loaded_late_may_be_asked_for_by_several_threads(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(
        "import time\ntime.sleep(0.3)\nanswer = 42\n", encoding="utf-8"
    )
    program = (
        "from concurrent.futures import ThreadPoolExecutor as Pool\n"
        "from podwright.resources import LazyModule\n"
        "slow = LazyModule('slow')\n"
        "with Pool(4) as pool: print(list(pool.map(lambda _: slow.answer, range(4))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert done.stdout == "[42, 42, 42, 42]\n"


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
