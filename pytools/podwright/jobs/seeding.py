"""What the step ``provisionJobs`` runs: plan or apply, decided by the build that it runs in."""

from __future__ import annotations

import io
import json
import re
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from podwright import parsers
from podwright.console import Console
from podwright.errors import EXIT_DONE, EXIT_FAILED, EXIT_PENDING, PodwrightError, UsageError
from podwright.jobs import actions
from podwright.records import record, replace
from podwright.schema import Choice, Flag, Invalid, Number, Text, option, parse_fields

PLAN_PAGE = "podwright-plan.html"
MODES = ("auto", "plan", "apply")


@record
class Parameters:
    """The parameters of the step."""

    description: str = option(Text(), "folder of the description, in the workspace", "jobs")
    credentials: str = option(
        Text(), "id of a user name with API token (as username and password)", "", required=True
    )
    url: str = option(Text(), "address of the controller; without it the one that builds", "")
    mode: str = option(
        Choice(words=lambda: MODES, what="mode"),
        "plan changes nothing, apply does; auto plans on pull requests and on other branches than "
        "the main one, and applies everywhere else",
        "auto",
    )
    branch: str = option(Text(), "the branch that applies, with mode auto", "main")
    deep: bool = option(Flag(), "see edits made in Jenkins; asks for every job", default=False)
    adopt: bool = option(Flag(), "take over jobs that nobody owns", default=False)
    prune: bool = option(Flag(), "remove jobs as the description's `removal` says", default=False)
    allowRemovals: int | None = option(Number(), "allow up to so many removals in one build", None)
    workers: int = option(Number(1, 64), "how many requests run at the same time at most", 8)
    patience: int = option(Number(0, 3600), "seconds to wait for a busy controller", 120)


def parse(request: Any) -> Parameters:
    """Check what the pipeline gave.

    Raises:
        UsageError: with all problems.
    """
    if not isinstance(request, dict):
        raise UsageError("provisionJobs: expected named parameters")
    try:
        return Parameters(**parse_fields(Parameters, request))
    except Invalid as error:
        raise UsageError([f"provisionJobs: {sentence}" for sentence in error.problems]) from None


def mode_of(parameters: Parameters, env: Mapping[str, str]) -> str:
    """Decide between plan and apply.

    Args:
        parameters: of the step.
        env: CHANGE_ID and BRANCH_NAME, as multibranch projects set them.
    """
    if parameters.mode != "auto":
        return parameters.mode
    branch = env.get("BRANCH_NAME", "")
    if env.get("CHANGE_ID") or (branch and branch != parameters.branch):
        return "plan"
    return "apply"


def seed(options: Namespace, console: Console) -> int:
    """Run the step: the request is a file, and so is the answer; exit code 0 if there is one."""
    file = Path(options.request)
    if not file.is_file():
        raise UsageError(f"there is no file '{file}'; this verb is for the step provisionJobs")
    request = json.loads(file.read_text(encoding="utf-8"))
    try:
        answer = _run_verb(parse(request), console)
    except PodwrightError as error:
        url = str(request.get("url") or console.env.get("JENKINS_URL", ""))
        problems = [worded(str(problem), url) for problem in error.problems]
        for problem in problems:
            console.say(problem)
        answer = {"error": "; ".join(problems)}
    file.with_name("answer.json").write_text(json.dumps(answer), encoding="utf-8")
    return EXIT_DONE


def worded(sentence: str, url: str) -> str:
    """Word a sentence of the command for the step: its parameters, and whole addresses."""
    for word, own in (
        ("JENKINS_USER and JENKINS_TOKEN", "the credential in 'credentials'"),
        ("set JENKINS_URL or give --url", "give 'url'"),
    ):
        sentence = sentence.replace(word, own)
    if sentence.startswith("/"):
        parts = urlsplit(url)
        sentence = f"{parts.scheme}://{parts.netloc}{sentence}"
    return sentence if sentence.startswith("provisionJobs: ") else f"provisionJobs: {sentence}"


def _run_verb(parameters: Parameters, console: Console) -> dict[str, Any]:
    """Plan or apply; what is printed is also the artifact."""
    mode = mode_of(parameters, console.env)
    out = io.StringIO()
    inner = replace(console, stdout=out)
    verb = actions.plan if mode == "plan" else actions.apply
    try:
        code = verb(_options_of(mode, parameters), inner)
    finally:
        text = out.getvalue()
        artifact = write_plan(text, parameters, console)
    page = page_name(parameters)
    if artifact and Path(page).is_file():
        artifact = f"{artifact},{page}"
    summary = (text.strip().splitlines() or ["nothing to change."])[-1]
    answer: dict[str, Any] = {
        "mode": mode,
        "pending": code == EXIT_PENDING,
        "summary": f"{mode}: {summary}",
        "artifact": artifact,
    }
    if code == EXIT_FAILED:
        answer["error"] = f"provisionJobs: {summary}"
    return answer


def page_name(parameters: Parameters) -> str:
    """Name the page of a plan; each description has its own."""
    if parameters.description == "jobs":
        return PLAN_PAGE
    words = re.sub("[^A-Za-z0-9]+", "-", parameters.description)
    return PLAN_PAGE.replace(".", f"-{words}.")


def write_plan(text: str, parameters: Parameters, console: Console) -> str | None:
    """Print what was planned or done, and write it to a file of its own for each description.

    Returns:
        The file's name; None when there was nothing to say.
    """
    if not text.strip():
        return None
    console.result(text)
    name = page_name(parameters).replace(".html", ".txt")
    Path(name).write_text(text, encoding="utf-8")
    return name


def _options_of(mode: str, parameters: Parameters) -> Namespace:
    """Give the options of the command that does it."""
    words = ["--html", page_name(parameters)] if mode == "plan" else ["--yes"]
    made: Namespace = parsers.parser("jobs").parse_args(
        ["jobs", mode, *words, "--", parameters.description]
    )
    for name in ("url", "workers", "deep", "adopt", "prune"):
        setattr(made, name, getattr(parameters, name))
    made.patience, made.allow_removals = float(parameters.patience), parameters.allowRemovals
    return made
