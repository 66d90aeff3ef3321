"""What starts a build."""

from __future__ import annotations

import re
from typing import Any, ClassVar
from xml.etree.ElementTree import Element, SubElement

from podwright.errors import shown
from podwright.jobs.codec import Codec, Joined, defaults
from podwright.jobs.oneof import FLAG, TEXT, OneOf, SomeOf
from podwright.jobs.parts.raw import RawXml
from podwright.jobs.parts.rows import made
from podwright.records import record
from podwright.schema import Choice, Invalid, RecordOf, Text

CRON_WORDS = {
    "@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly",
}  # fmt: skip
# hudson.scheduler.BaseParser: minute, hour, day of month, month, day of week
CRON_BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
# where H ends: a day that each month has, and Sunday once
HASH_ENDS = (59, 23, 28, 12, 6)
CRON_PART = re.compile(
    r"(?P<hash>H)(?:\((?P<low>[0-9]+)-(?P<high>[0-9]+)\))?(?:/(?P<step>[0-9]+))?"
    r"|(?:\*|(?P<from>[0-9]+)(?:-(?P<to>[0-9]+))?)(?:/(?P<every>[0-9]+))?"
)


@record
class Cron(Text):
    """A schedule in the form of Jenkins: five columns, ``H`` for a spread, several lines."""

    name: ClassVar[str] = "schedule"

    def parse(self, value: Any) -> str:
        text = TEXT.parse(value)
        for line in text.splitlines():
            bare = line.strip()
            if not bare or bare.startswith(("#", "TZ=")) or bare in CRON_WORDS:
                continue
            columns = bare.split()
            if len(columns) != len(CRON_BOUNDS):
                raise Invalid(
                    f"{shown(bare)} is not a valid schedule; write five columns such as "
                    "'H 2 * * 1-5', or a word such as @daily"
                )
            for number, column in enumerate(columns):
                for part in column.split(","):
                    problem = _cron_problem(part, number)
                    if problem:
                        raise Invalid(f"{shown(bare)} is not a valid schedule: {problem}")
        return text


def _cron_problem(part: str, column: int) -> str:
    """Say what Jenkins would not take of a part of a column; it drops such triggers silently."""
    found = CRON_PART.fullmatch(part)
    if found is None:
        return f"{shown(part)} is not a number, a range, '*' or 'H'"
    low, high = CRON_BOUNDS[column]
    numbers = [int(found[name]) for name in ("low", "high", "from", "to") if found[name]]
    for number in numbers:
        if not low <= number <= high:
            return f"{number} is not between {low} and {high}"
    if numbers[1:] and numbers[0] > numbers[1]:
        return f"the range {shown(part)} ends before it begins"
    step = found["step"] or found["every"]
    if step is not None and int(step) < 1:
        return f"the step of {shown(part)} is not positive"
    if found["hash"] and step:
        first, last = numbers or (low, HASH_ENDS[column])
        if int(step) > last - first + 1:
            return f"the step of {shown(part)} is larger than {last - first + 1}"
    return ""


# hudson.model.Result: name, ordinal, colour, complete
RESULTS = {
    "SUCCESS": ("0", "BLUE", "true"),
    "UNSTABLE": ("1", "YELLOW", "true"),
    "FAILURE": ("2", "RED", "true"),
    "NOT_BUILT": ("3", "NOTBUILT", "false"),
    "ABORTED": ("4", "ABORTED", "false"),
}


class Threshold(Codec):
    """The worst result that still triggers, as the class Result is written."""

    tag = "threshold"

    def write(self, part: Any, parent: Element) -> None:
        threshold = SubElement(parent, "threshold")
        SubElement(threshold, "name").text = part.threshold
        names = ("ordinal", "color", "completeBuild")
        for name, text in zip(names, RESULTS[part.threshold]):
            SubElement(threshold, name).text = text

    def read(self, cls: type, parent: Element) -> dict[str, Any]:
        value = parent.findtext("threshold/name", "SUCCESS")
        return {} if value == defaults(cls)["threshold"] else {"threshold": value}


JOBS = SomeOf(TEXT)
RESULT = Choice(words=lambda: RESULTS, what="result")
CRON = made(
    "By the clock.", "hudson.triggers.TimerTrigger", "",
    ("spec", "spec", Cron(), ..., "schedule, for example 'H 2 * * *'"),
)  # fmt: skip
POLL = made(
    "By asking the SCM for changes.", "hudson.triggers.SCMTrigger", "",
    ("spec", "spec", Cron(), "", "schedule; empty to be asked by hooks only"),
    ("ignorePostCommitHooks", "ignorePostCommitHooks", FLAG, False, "poll only by the schedule"),
)  # fmt: skip
UPSTREAM = made(
    "After builds of other jobs.", "jenkins.triggers.ReverseBuildTrigger", "",
    ("jobs", Joined("jobs", "upstreamProjects"), JOBS, ..., "full names of the jobs"),
    ("threshold", Threshold(), RESULT, "SUCCESS", "worst result that still starts a build"),
)  # fmt: skip
GITHUB_PUSH = made(
    "By the webhook of the github plugin.", "com.cloudbees.jenkins.GitHubPushTrigger", "github",
    ("spec", "spec", TEXT, "", "left empty"),
)  # fmt: skip
TRIGGERS = OneOf(
    {
        "cron": RecordOf(CRON, "spec"),
        "poll": RecordOf(POLL, "spec"),
        "upstream": RecordOf(UPSTREAM),
        "githubPush": RecordOf(GITHUB_PUSH),
        "xml": RawXml(),
    },
    "kind of trigger",
)

# com.cloudbees.hudson.plugins.folder.computed.PeriodicFolderTrigger.toCrontab: how often it looks
# whether the interval has passed (upper bounds in minutes).
CHECKS = (
    (5, "* * * * *"),
    (30, "H/5 * * * *"),
    (60, "H/15 * * * *"),
    (8 * 60, "H/30 * * * *"),
    (24 * 60, "H H/4 * * *"),
    (48 * 60, "H H/12 * * *"),
)
# The choices of the form; another interval would be changed by the next visitor who saves it.
INTERVALS = {
    "1m": 1, "2m": 2, "5m": 5, "10m": 10, "15m": 15, "20m": 20, "25m": 25, "30m": 30,
    "1h": 60, "2h": 120, "4h": 240, "8h": 480, "12h": 720, "1d": 1440, "2d": 2880,
    "1w": 10080, "2w": 20160, "4w": 40320,
}  # fmt: skip
MINUTE = 60_000
NEVER = "never"


class Interval(Codec):
    """How often a computed folder scans its sources, in its list of triggers."""

    tag = "com.cloudbees.hudson.plugins.folder.computed.PeriodicFolderTrigger"

    def write(self, part: Any, parent: Element) -> None:
        if part.scan not in INTERVALS:
            return
        minutes = INTERVALS[part.scan]
        trigger = SubElement(parent, self.tag)
        spec = next((cron for bound, cron in CHECKS if minutes <= bound), "H H * * *")
        SubElement(trigger, "spec").text = spec
        SubElement(trigger, "interval").text = str(minutes * MINUTE)

    def read(self, cls: type, parent: Element) -> dict[str, Any]:
        text = parent.findtext(f"{self.tag}/interval", "")
        if not text.isdigit():
            return {} if defaults(cls)["scan"] == NEVER else {"scan": NEVER}
        words = {minutes: word for word, minutes in INTERVALS.items()}
        word = words.get(int(text) // MINUTE, NEVER)
        return {} if word == defaults(cls)["scan"] else {"scan": word}


SCAN = Choice(words=lambda: [NEVER, *INTERVALS], what="interval")
