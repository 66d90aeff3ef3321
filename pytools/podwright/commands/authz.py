"""Ask the policy of the policed Docker Engine: one request, its config, its page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podwright import authz
from podwright.authz.limits import limits
from podwright.authz.policy import Request, decide
from podwright.authz.reference import page
from podwright.config import POLICY
from podwright.errors import EXIT_DONE, EXIT_FAILED, UsageError
from podwright.schema import Invalid

if TYPE_CHECKING:
    import argparse

    from podwright.console import Console

SUMMARY = "check a Docker API request against the engine policy"


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verb = verbs.add_parser("decide", help="would this request be allowed? exit code 0 or 1")
    verb.add_argument("method", help="of HTTP, such as POST")
    verb.add_argument("target", help="path and query, such as /containers/create?name=x")
    verb.add_argument("--body", metavar="FILE", help="a JSON body; - reads it from the input")
    verb.add_argument("--config", metavar="JSON", default="{}", help="the policy config")
    verbs.add_parser("page", help="print the reference of routes and profiles")
    verbs.add_parser("source", help="print the program that travels in the pod")
    verbs.add_parser("daemon-json", help="print the hardened daemon.json")


def run(options: argparse.Namespace, console: Console) -> int:
    if options.verb == "decide":
        return _print_decision(options, console)
    if options.verb == "page":
        console.result(page())
    elif options.verb == "source":
        console.result(authz.source())
    else:
        console.result(json.dumps(authz.daemon_config(), indent=2, sort_keys=True))
    return EXIT_DONE


def _print_decision(options: argparse.Namespace, console: Console) -> int:
    """One JSON object: the decision, its rule and the message that the user would read."""
    body = _read_body(options.body, console)
    headers = {"Content-Type": "application/json"} if body else {}
    config = _parse_config(options.config)
    decision = decide(Request(options.method, options.target, headers, body), limits(config))
    shown = {"allow": decision.allow, "rule": decision.rule, "message": decision.message}
    console.result(json.dumps(shown, indent=2))
    return EXIT_DONE if decision.allow else EXIT_FAILED


def _read_body(file: str | None, console: Console) -> bytes:
    if file is None:
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
