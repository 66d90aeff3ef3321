"""Build (and push) an image here, with the script that would run in Jenkins.

Uses the engine that is here: BuildKit (buildctl with BUILDKIT_HOST), Buildah,
Podman or Docker. Logins are those of your own docker or podman login. The
result (image, tags, digest, reference...) is printed as JSON; on a terminal
the last line tells what the build is at, and --json prints the result.

Exit codes: 0 done, 1 the build failed, 2 the request is wrong; 124 it took
longer than --timeout, 126 or 127 the builder cannot be run, 129, 130 or 143
it was interrupted, 137 it was killed.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import podwright
from podwright import commands, inputs, local, sequence, workspace
from podwright.config import Config
from podwright.console import Console
from podwright.errors import Findings
from podwright.options import add_request_options, request_from
from podwright.plan import Plan, is_alone, plan, refuse_without_registry
from podwright.records import replace
from podwright.request import Request

SUMMARY = "build an image on this machine"


configure = add_request_options


def run(options: argparse.Namespace, console: Console) -> int:
    """Build it; ends with the script's exit code."""
    root = Path.cwd()
    found = Findings()
    value = request_from(options, console, found)
    request, config, made = _planned(value, root, console, found)
    if is_alone(request, config):
        code, result = _built(made, console)
    else:
        code, result = _in_turn(sequence.turns(value, request, config), root, console)
    if code == 0 and result is not None and (console.json or not console.stdout.isatty()):
        console.result(None, result)
    return code


def _planned(
    value: dict[str, Any], root: Path, console: Console, found: Findings
) -> tuple[Request, Config, Plan]:
    """Plan what can be built here; gives the request and the configs as well."""
    request, config = inputs.load(value, root, console.env, found)
    name = local.strategy(request.common.builder, config, console.env, request.common.pool)
    request = replace(request, common=replace(request.common, builder=name))
    made = plan(request, config, workspace.inspect(root, console.env), found)
    refuse_without_registry(made.builds)
    return request, config, made


def _in_turn(turns: list[sequence.Turn], root: Path, console: Console) -> tuple[int, Any]:
    """Do what is asked for around the build, and the build; ends with the build when that fails."""

    def build(value: dict[str, Any]) -> Any:
        code, result = _built(_planned(value, root, console, Findings())[2], console)
        if code:
            raise SystemExit(code)
        return result

    def work(name: str, value: dict[str, Any]) -> Any:
        command: Any = commands.load(name)
        return command.work(value, console)

    return 0, sequence.run(turns, build, work)


def _built(made: Plan, console: Console) -> tuple[int, Any]:
    """Build by a plan; gives the exit code and the result."""
    console.say(f"podwright build: building with {made.builder}")
    return _run_script(made.script, {**console.env, "PW_PLANNER": own_command()}, console)


def own_command() -> str:
    """Give the shell words by which the script asks this very podwright why a step failed."""
    loader: Any = podwright.__loader__
    bundle = getattr(loader, "archive", None)
    # -I: nothing of the workspace is imported.
    return shlex.join([sys.executable, "-I", *([bundle] if bundle else ["-m", "podwright"])])


def _run_script(script: str, env: dict[str, str], console: Console) -> tuple[int, Any]:
    """Run the script; its result comes through a pipe, its talk goes to stderr."""
    receive, send = os.pipe()
    follow = _follower(console)
    with os.fdopen(receive, encoding="utf-8") as result:
        # `sh -c` has a limit of 128 KiB for its argument; a file descriptor has none.
        process = subprocess.Popen(
            ["sh", "-c", f'exec 3>&{send} {send}>&-; eval "$(cat)"'],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE if follow else None,
            pass_fds=(send,),
            env=env,
        )
        os.close(send)
        if process.stdin:
            process.stdin.write(script.encode())
            process.stdin.close()
        if follow and process.stderr:
            shown = threading.Thread(target=follow, args=(process.stderr.fileno(),), daemon=True)
            shown.start()
        code = _wait_for(process)
        if follow:
            shown.join(5)  # what a builder has left behind may hold the pipe
        text = result.read()
    return code, json.loads(text)["value"] if text and code == 0 else None


def _follower(console: Console) -> Callable[[int], None] | None:
    """Give what shows the talk where somebody watches, None elsewhere and in the bundle."""
    if not (console.is_terminal and console.stdout.isatty()):
        return None
    try:
        from podwright.desk.progress import Progress  # noqa: PLC0415 - not in the bundle
    except ModuleNotFoundError:
        return None
    return Progress(console.stderr).follow


def _wait_for(process: subprocess.Popen[bytes]) -> int:
    """Wait for the script; it gets every signal that should end it, and clears up first."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {
        number: signal.signal(number, lambda received, _: process.send_signal(received))
        for number in numbers
    }
    try:
        return process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
