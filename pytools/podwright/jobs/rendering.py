"""From the record of a job to the XML that Jenkins stores."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from podwright.errors import UsageError
from podwright.jobs import marker, merging, xmltree
from podwright.jobs.description import Job
from podwright.jobs.expand import without_collector
from podwright.located import one_line
from podwright.schema import Invalid

SLOT = marker.SLOT.encode("ascii")


@dataclass(frozen=True)
class Rendered:
    """A job as it is sent.

    Attributes:
        job: what it was made of.
        content: the XML with an empty slot for the marker.
        digest: the hash of the content.
        own: short hashes of the properties that no word of its kind says.
    """

    job: Job
    content: bytes
    digest: str
    own: tuple[str, ...] = ()

    def xml(self, owner: str) -> bytes:
        """Give the XML with the marker of an owner."""
        made = marker.Marker(owner, self.digest, self.own)
        return self.content.replace(SLOT, str(made).encode("ascii"), 1)

    def bare(self) -> bytes:
        """Give the XML without any marker."""
        return self.content.replace(b"\n\n" + SLOT, b"", 1).replace(SLOT, b"", 1)


def root_of(job: Job) -> Element:
    """Build the tree of a job, with the slot at the end of its description."""
    root = job.spec.element(job.name, job.values)
    described = root.find("description")
    if described is not None:
        text = (described.text or "").rstrip()
        described.text = f"{text}\n\n{marker.SLOT}" if text else marker.SLOT
    return root


def render(job: Job) -> Rendered:
    """Render one job.

    Raises:
        UsageError: when the file of an `xml` job does not fit.
    """
    try:
        root = root_of(job)
        content = xmltree.serialise(root)
    except Invalid as error:
        raise UsageError(
            [one_line(f"{job.mark}: {problem}") for problem in error.problems]
        ) from None
    return Rendered(job, content, marker.digest(content), _own_properties(root, job.kind))


def _own_properties(root: Element, kind: str) -> tuple[str, ...]:
    properties = root.find("properties")
    if properties is None or not len(properties):
        return ()
    tags = {str(element.tag) for element in properties} - merging.worded(kind)
    return tuple(sorted(map(marker.short, tags)))


def render_all(jobs: Iterable[Job]) -> list[Rendered]:
    """Render all jobs; the problems of all of them are told at once.

    Raises:
        UsageError: with one sentence for each problem.
    """
    made: list[Rendered] = []
    problems: list[str] = []
    with without_collector():
        for job in jobs:
            try:
                made.append(render(job))
            except UsageError as error:
                problems += error.problems
    if problems:
        raise UsageError(list(dict.fromkeys(problems)))
    return made
