"""How much of other people's jobs import says in words, with a reason for each rest.

    python tests/peers/jjb_import.py                     # the fixtures of Jenkins Job Builder
    python tests/peers/jjb_import.py --folder PATH       # config.xml files of anybody

Takes the source distribution of Jenkins Job Builder from the package registry, reads every XML
document of its tests as a job of a controller, and prints a table of kinds and one of reasons.
"""

from __future__ import annotations

import argparse
import collections
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from podwright.jobs import importing, kinds, secrets, xmltree

if TYPE_CHECKING:
    from collections.abc import Iterator

JJB = "jenkins-job-builder==6.5.0"
PROLOG = re.compile(r"<\?xml[^>]*\?>")


def say(text: str) -> None:
    """Print a line."""
    print(text)  # noqa: T201 - a script


def download(folder: Path) -> None:
    """Fetch and unpack the source distribution."""
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:"]
    subprocess.run([*command, "-d", str(folder), JJB], check=True)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")


def documents(folder: Path) -> Iterator[tuple[str, str]]:
    """Give the XML documents of all files; some hold several."""
    for path in sorted(folder.rglob("*.xml")):
        text = path.read_bytes().decode("utf-8", "replace")
        heads = [found.start() for found in PROLOG.finditer(text)] or [0]
        for start, end in zip(heads, [*heads[1:], len(text)]):
            yield str(path.relative_to(folder)), text[start:end]


class Table:
    """What was counted."""

    def __init__(self) -> None:
        self.counts: dict[str, collections.Counter[str]] = collections.defaultdict(
            collections.Counter
        )
        self.reasons: collections.Counter[str] = collections.Counter()
        self.examples: dict[str, str] = {}

    def add(self, file: str, text: str) -> None:
        """Import one document."""
        try:
            root = importing.own_part(xmltree.parse(text))
        except xmltree.NotXmlError:
            self.counts["no XML"]["left out"] += 1
            return
        kind = importing.kind_for(str(root.tag))
        if kind is None:
            self.counts["other roots"]["xml"] += 1
            return
        name = importing.kind_word(kind)
        words, why = importing.in_words(kind, "job", root)
        self.counts[name]["xml" if why else "typed"] += 1
        if why:
            self.reasons[why] += 1
            self.examples.setdefault(why, file)
        elif "<" not in str(words):
            self.counts[name]["typed without any XML"] += 1
        if secrets.held(root):
            self.counts[name]["holds a secret"] += 1

    def show(self, most: int) -> None:
        """Print all of it."""
        claimed: collections.Counter[str] = collections.Counter()
        for name, count in sorted(self.counts.items()):
            say(f"{name:<16} " + "  ".join(f"{word} {count[word]}" for word in sorted(count)))
            if name in kinds.names():
                claimed.update(count)
        total = claimed["typed"] + claimed["xml"]
        share = claimed["typed"] / max(total, 1)
        say(f"typed {claimed['typed']} of {total} of claimed kinds ({share:.1%}), of them")
        say(f"without any XML {claimed['typed without any XML']}, and left out for a secret "
            f"{claimed['holds a secret']}")  # fmt: skip
        for why, number in self.reasons.most_common(most):
            say(f"{number:5} {why}   (such as {self.examples[why]})")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--folder", type=Path, help="read these files instead")
    parser.add_argument("--reasons", type=int, default=40, help="how many reasons to print")
    options = parser.parse_args()
    table = Table()
    with tempfile.TemporaryDirectory() as home:
        if options.folder is None:
            download(Path(home))
        for file, text in documents(options.folder or Path(home)):
            table.add(file, text)
    table.show(options.reasons)


if __name__ == "__main__":
    main()
