"""Jobs as code: validate, render, plan and apply a description of Jenkins jobs.

The controller is named by --url or JENKINS_URL; user and token come from
JENKINS_USER and JENKINS_TOKEN (or JENKINS_PASSWORD), or the token from a file
(--token-file), never from arguments.

Exit codes: 0 done or nothing to do, 1 failed, 2 the description is wrong,
3 changes are pending.
"""

from __future__ import annotations

import argparse
import importlib

from podwright import declared
from podwright.console import Console
from podwright.errors import UsageError

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
_CONTROLLER = """
controller:
--url URL          address of the controller (default: JENKINS_URL)
--user NAME        user name (default: JENKINS_USER)
--token-file FILE  file that holds the API token
--ca FILE          CA certificates (PEM) of the controller
--workers N=8      how many requests run at the same time at most
--timeout S=60     seconds for one answer
--patience S=120   seconds to wait for a controller that is down or starting
"""
_PLANNING = """
--deep          compare every XML, to see edits made in Jenkins
--adopt         take over jobs that exist and nobody owns
--prune         disable or delete jobs no longer described, as the description's `removal` says
--from OWNER    take over described jobs that bear the marker of this other owner
--only NAME...  look at this job or folder alone, with what it holds
"""
_DESCRIPTION = "description  folder (or one file) with the description\n"
DECLARED = {
    "validate": _DESCRIPTION,
    "render": f"{_DESCRIPTION}--out FOLDER  write one file per job there",
    "plan": f"""{_DESCRIPTION}
--out FILE   write the plan, to be applied later
--html FILE  write a page for browsers
--no-diff    do not show differences
{_PLANNING}{_CONTROLLER}""",
    "apply": f"""[description]  folder (or one file) with the description
--plan FILE         apply this plan instead of a description
--allow-removals N  allow up to N removals in this run
--yes               do not ask before something is removed
--force             remove jobs even while their builds run
{_PLANNING}{_CONTROLLER}""",
    "import": f"""[names...]  jobs or folders (default: everything)
--out FOLDER!  where to write
--owner NAME!  owner for the description
{_CONTROLLER}""",
    "schema": "--page  print the reference page instead",
    "seed": "request  file with the step's request",
}


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb, text in VERBS.items():
        declared.add(verbs.add_parser(verb, help=text, description=text), DECLARED[verb])


def run(options: argparse.Namespace, console: Console) -> int:
    module, function = OTHERS.get(options.verb, ("actions", options.verb))
    try:
        verb = getattr(importlib.import_module(f"podwright.jobs.{module}"), function)
        code: int = verb(options, console)
    except ModuleNotFoundError as error:
        raise UsageError(
            f"the Python module '{error.name}' is missing; run pip install '.[jobs]' in a "
            "clone, or use podwright-jobs.pyz, which carries it"
        ) from None
    return code
