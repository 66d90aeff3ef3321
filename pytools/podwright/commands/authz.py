"""Ask the policy of the policed Docker Engine: one request, its config, its page."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from podwright import authz, declared
from podwright.authz.limits import limits
from podwright.authz.policy import EngineRequest, decide
from podwright.authz.reference import page
from podwright.config import POLICY
from podwright.console import Console
from podwright.errors import EXIT_DONE, EXIT_FAILED, UsageError
from podwright.schema import Invalid

SUMMARY = "check a Docker API request against the engine policy"
VERBS = {
    "decide": "would this request be allowed? exit code 0 or 1",
    "page": "print the reference of routes and profiles",
    "source": "print the program that travels in the pod",
    "daemon-json": "print the hardened daemon.json",
}
_DECIDE = """
method         of HTTP, such as POST
target         path and query, such as /containers/create?name=x
--body FILE    a JSON body; - reads it from the input
--config JSON  the policy config
"""


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for verb, text in VERBS.items():
        declared.add(verbs.add_parser(verb, help=text), _DECIDE if verb == "decide" else "")


def run(options: argparse.Namespace, console: Console) -> int:
    if options.verb == "decide":
        return _print_decision(options, console)
    if options.verb == "page":
        console.result(page())
    elif options.verb == "source":
        console.result(authz.source())
    else:
        console.result(None, dict(sorted(authz.daemon_config().items())))
    return EXIT_DONE


def _print_decision(options: argparse.Namespace, console: Console) -> int:
    """One JSON object: the decision, its rule and the message that the user would read."""
    body = _read_body(options.body, console)
    headers = {"Content-Type": "application/json"} if body else {}
    config = _parse_config(options.config or "{}")
    decision = decide(EngineRequest(options.method, options.target, headers, body), limits(config))
    shown = {"allow": decision.allow, "rule": decision.rule, "message": decision.message}
    console.result(None, shown)
    return EXIT_DONE if decision.allow else EXIT_FAILED


def _read_body(file: str, console: Console) -> bytes:
    if not file:
        return b""
    if file == "-":
        return console.stdin.read().encode("utf-8", "surrogateescape")
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise UsageError(f"authz: {file} cannot be read ({error.strerror}); name a file") from None


def _parse_config(text: str) -> dict[str, Any]:
    try:
        config = json.loads(text)
    except ValueError:
        raise UsageError('authz: --config is no JSON; write it as \'{"profile": "run"}\'') from None
    if not isinstance(config, dict):
        raise UsageError("authz: --config must be a JSON object")
    try:
        policy: dict[str, Any] = POLICY.parse(config)
    except Invalid as error:
        raise UsageError(problem.below("--config") for problem in error.problems) from None
    return policy
