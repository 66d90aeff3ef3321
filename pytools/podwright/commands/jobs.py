"""Jobs as code: validate, render, plan and apply a description of Jenkins jobs.

The controller is named by --url or JENKINS_URL; user and token come from
JENKINS_USER and JENKINS_TOKEN (or JENKINS_PASSWORD), or the token from a file
(--token-file), never from arguments.

Exit codes: 0 done or nothing to do, 1 failed, 2 the description is wrong,
3 changes are pending.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from podwright.errors import UsageError

if TYPE_CHECKING:
    import argparse

    from podwright.console import Console

SUMMARY = "keep Jenkins jobs as code: validate, render, plan, apply, import"
# Each is a function of podwright.jobs.actions, imported only when it is asked for.
VERBS = {
    "validate": "check a description; needs no controller",
    "render": "write the XML of all jobs; needs no controller",
    "plan": "show what would change on the controller",
    "apply": "make the controller as it is described",
    "import": "write a description of jobs that exist",
    "schema": "print the JSON Schema of descriptions, for editors",
    "seed": "plan or apply as the step provisionJobs asks",
}
OTHERS = {"import": ("importing", "import_jobs"), "seed": ("seeding", "seed")}
ON_CONTROLLER = ("plan", "apply", "import")


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    made = {
        verb: verbs.add_parser(verb, help=text, description=text) for verb, text in VERBS.items()
    }
    for verb in ("validate", "render", "plan", "apply"):
        made[verb].add_argument(
            "description",
            nargs="?" if verb == "apply" else None,
            help="folder (or one file) with the description",
        )
    made["schema"].add_argument(
        "--page", action="store_true", help="print the reference page instead"
    )
    made["render"].add_argument("--out", metavar="FOLDER", help="write one file per job there")
    made["seed"].add_argument("request", help="file with the step's request")
    for verb in ON_CONTROLLER:
        _add_controller_options(made[verb])
    for verb in ("plan", "apply"):
        _add_planning_options(made[verb])
    _add_plan_options(made["plan"])
    _add_apply_options(made["apply"])
    _add_import_options(made["import"])


def _add_controller_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("controller")
    group.add_argument("--url", help="address of the controller (default: JENKINS_URL)")
    group.add_argument("--user", help="user name (default: JENKINS_USER)")
    group.add_argument("--token-file", metavar="FILE", help="file that holds the API token")
    group.add_argument(
        "--ca", metavar="FILE", default="", help="CA certificates (PEM) of the controller"
    )
    group.add_argument(
        "--workers",
        type=int,
        default=8,
        help="how many requests run at the same time at most (default: 8)",
    )
    group.add_argument(
        "--timeout",
        type=float,
        default=60,
        metavar="S",
        help="seconds for one answer (default: 60)",
    )
    group.add_argument(
        "--patience",
        type=float,
        default=120,
        metavar="S",
        help="seconds to wait for a controller that is down or starting (default: 120)",
    )


def _add_planning_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--deep", action="store_true", help="compare every XML, to see edits made in Jenkins"
    )
    parser.add_argument(
        "--adopt", action="store_true", help="take over jobs that exist and nobody owns"
    )
    parser.add_argument(
        "--prune",
        action="store_true",
        help="disable or delete jobs no longer described, as the description's `removal` says",
    )
    parser.add_argument(
        "--from",
        dest="heir",
        default="",
        metavar="OWNER",
        help="take over described jobs that bear the marker of this other owner",
    )
    parser.add_argument(
        "--only",
        action="append",
        metavar="NAME",
        help="look at this job or folder alone, with what it holds; may be repeated",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def _add_plan_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", metavar="FILE", help="write the plan, to be applied later")
    parser.add_argument("--html", metavar="FILE", default="", help="write a page for browsers")
    parser.add_argument("--no-diff", action="store_true", help="do not show differences")


def _add_apply_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--plan", metavar="FILE", help="apply this plan instead of a description")
    parser.add_argument(
        "--allow-removals", type=int, metavar="N", help="allow up to N removals in this run"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask before something is removed")
    parser.add_argument(
        "--force", action="store_true", help="remove jobs even while their builds run"
    )


def _add_import_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", help="jobs or folders (default: everything)")
    parser.add_argument("--out", metavar="FOLDER", required=True, help="where to write")
    parser.add_argument("--owner", required=True, help="owner for the description")


def run(options: argparse.Namespace, console: Console) -> int:
    module, function = OTHERS.get(options.verb, ("actions", options.verb))
    try:
        verb = getattr(importlib.import_module(f"podwright.jobs.{module}"), function)
        code: int = verb(options, console)
    except ModuleNotFoundError as error:
        raise UsageError(
            f"the Python module '{error.name}' is missing; install podwright[jobs], or use "
            "podwright-jobs.pyz, which carries it"
        ) from None
    return code
