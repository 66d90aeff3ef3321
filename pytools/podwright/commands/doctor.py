"""Say which strategies can run in a namespace of a Kubernetes cluster.

Asks by kubectl's context, or inside a pod by its service account: a dry run of
each strategy's pod on the server, what may be seen of namespace and nodes, and
a pod that tries user namespaces. --deep also builds a tiny image with each.
Of the config's pools it says whether they are there and how many are ready.
Exit code 0 when a strategy can run, 1 when none can.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from podwright import config as configs
from podwright import inputs, steps, strategies
from podwright.config import Config
from podwright.console import Console
from podwright.doctor import cluster, examination, jenkins, pools, recording, registry
from podwright.doctor.examination import Wish
from podwright.errors import EXIT_DONE, EXIT_FAILED, UsageError
from podwright.schema import Invalid, parse_fields

SUMMARY = "say which strategies can run in a namespace of a cluster"
AGENT = "docker.io/jenkins/inbound-agent:latest"
OPTIONS = f"""
--context NAME       context of kubectl (default: the current)
--namespace NAME     where builds run (default: the context's or the pod's)
--builder NAME...    only this one
--deep               build a tiny image with each
--base IMAGE={examination.BASE}
                     its FROM
--push REPOSITORY    try the registry, and push there
--credential PREFIX  login for --push, from the variables PREFIX_USR and PREFIX_PSW
--agent IMAGE={AGENT}
                     image of jnlp
--jenkins            also ask the controller: JENKINS_URL, JENKINS_USER, JENKINS_TOKEN
--write FILE         record in an organisation's config what cannot run; `auto` obeys it
--request FILE       the parameters of the step `doctor`
--machine            answer {{"value": ...}} or {{"error": ...}} as JSON, and always exit with 0
"""


def run(options: argparse.Namespace, console: Console) -> int:
    if options.machine:
        return steps.answered(options, console, lambda: _examined(options, console))
    return EXIT_DONE if _examined(options, console)["able"] else EXIT_FAILED


def _take(options: argparse.Namespace, request: dict[str, Any]) -> None:
    """Take the options from a step's request; cloud and account are those of the pod around."""
    try:
        told = parse_fields(examination.DoctorParameters, request)
    except Invalid as error:
        raise UsageError(error.problems) from None
    login = told.get("credentials")
    options.credential = login.get("variable", "") if isinstance(login, dict) else ""
    options.builder = told.get("builders")
    for name in ("namespace", "deep", "base", "push"):
        setattr(options, name, told.get(name, getattr(options, name)))


def _examined(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Examine, tell the result and record it; gives it as JSON."""
    if options.request:
        _take(options, inputs.read_request(options.request, console.stdin).value)
    if options.jenkins and not console.env.get("JENKINS_URL"):
        raise UsageError("--jenkins: JENKINS_URL is not set; set it to the controller's address")
    config = configs.load(console.env.get("PODWRIGHT_CONFIG", ""), None, Path.cwd())
    wish = _wish(options, console, config)
    api = cluster.connect(console.env, options.context, options.namespace)
    report = examination.examine(api, config, wish, lambda text: console.say(f"doctor: {text}"))
    checks = {
        "registry": registry.check(wish.push, wish.login, config) if wish.push else [],
        "jenkins": jenkins.check(console.env) if options.jenkins else [],
        **pools.check(api, config),
    }
    value = recording.as_json(report, checks)
    if options.write:
        text = recording.config(inputs.organisation(console.env), report)
        Path(options.write).write_text(text, encoding="utf-8")
        console.say(f"doctor: wrote {options.write}")
    if options.machine:
        console.say(recording.table(report, checks))
    else:
        console.result(recording.table(report, checks), value)
    return value


def _wish(options: argparse.Namespace, console: Console, config: Config) -> Wish:
    known = [n for n in strategies.everything() if not config.allowed or n in config.allowed]
    wrong = [name for name in options.builder or () if name not in known]
    if wrong:
        raise UsageError(f"--builder: unknown builder '{wrong[0]}'; known are {', '.join(known)}")
    prefix = options.credential
    login = tuple(console.env.get(f"{prefix}_{end}", "") for end in ("USR", "PSW"))
    if prefix and not all(login):
        raise UsageError(f"--credential: {prefix}_USR and {prefix}_PSW are not both set; set them")
    return examination.Wish(
        builders=tuple(n for n in known if n in (options.builder or known)),
        agent=options.agent,
        deep=options.deep,
        base=options.base,
        push=options.push,
        variable=prefix,
        login=(login[0], login[1]),
    )
