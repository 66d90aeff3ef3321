"""Finds symptoms in logs: in one pass, in constant memory, whatever the log holds.

A log is split into words, which is fast, and only lines with a word that some text has are compared
with it. Colours, carriage returns, timestamps, names of
parallel branches and bytes that are no UTF-8 do not matter.
"""

from __future__ import annotations

import re

from podwright.doctor import symptoms
from podwright.records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from podwright.doctor.symptoms import Symptom

CHUNK = 1 << 20  # bytes read at once
LONGEST = 4096  # bytes of a line that are looked at
BEFORE = 4096  # bytes kept of what stands before a line
MOST = 1000  # lines of a chunk, about the last ones, that are compared for one word
TAIL = 1 << 16  # bytes at the end of a log where its most telling lines are looked for
# Colours, and the notes that Jenkins hides in its log files.
_ESCAPES = re.compile(rb"\x1b\[8mha:[^\x1b]*\x1b\[0m|\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07")
_TYPOGRAPHIC = str.maketrans("\u2018\u2019\u201c\u201d", "''\"\"")
# What log writers put before a line: times, a branch of `parallel`, BuildKit's number of the step.
_PREFIX = re.compile(
    r"^(?:\[?(?:\d{4}-\d\d-\d\d[T ])?\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?\]?\s+)?"
    r"(?:\[(?!podwright\]|Pipeline\])[^\]\s/]{1,60}\] (?=\S))?(?:#\d+ )?(?:\d+\.\d+ )?"
)
# Where a line names a registry by the way: an address, or the repository that was asked for.
_HOST = re.compile(
    r"(?:https?|docker)://([A-Za-z0-9.-]+(?::\d+)?)/"
    r"|(?: in | to |: )([A-Za-z0-9-]+(?:\.[A-Za-z0-9.-]+|:\d+)(?::\d+)?)/"
)
# What says no more than that something failed, before what failed.
_WRAPPING = re.compile(
    r"^(?:(?:Error|ERROR|error|Error response from daemon): "
    r"|failed to solve(?: with frontend [\w.]+)?: "
    r"|failed to create LLB definition: |creating build container: )+"
)
# Lines that only frame others: rules, excerpts of a Dockerfile, podwright's own, what a program
# says of itself (logrus): the maintained kaniko empties its root before it says what failed.
_FRAMES = re.compile(
    r"-{3,}|={3,}|\s*\d+ \||> \[|\[podwright\]|\[Pipeline\]|Dockerfile:\d+$|\s*$"
    r"|subprocess exited|Removing intermediate container"
    r"|time=\"[^\"]+\" level=info msg=\"(?!Running: )"
)
# A step itself: what ended in it has said nothing.
_BEGUN = re.compile(
    r"(?:STEP|Step) \d+/\d+ ?: (.*)|time=\"[^\"]+\" level=info msg=\"Running: \[(.*)\]"
)


@record
class Match:
    """A line that shows a symptom.

    Attributes:
        symptom: which.
        line: the line's number, from 1; the last one when the log has several.
        text: the line without what writers put before it, at most 4,096 bytes.
        values: what stands for the names in the symptom's text.
        before: the nearest line above that says something, '' for none.
    """

    symptom: Symptom
    line: int
    text: str
    values: dict[str, str]
    before: str = ""


@record
class Matches:
    """What a log holds.

    Attributes:
        matches: one for each symptom that was found, in the order of their last lines.
        telling: the last lines that speak of failure, for a log without a match.
        last: the last line that says anything, '' for none.
        succeeded: the number of the last line that says that a build succeeded and no failure
            was told after, 0 for none.
    """

    matches: tuple[Match, ...]
    telling: tuple[str, ...]
    last: str
    succeeded: int


class Scanner:
    """Compares lines with the texts of all symptoms."""

    def __init__(self) -> None:
        self.forms: dict[bytes, set[str]] = {}
        self._texts: dict[str, list[tuple[list[str], str, Symptom]]] = {}
        for symptom in symptoms.load():
            for text in symptom.texts:
                word, forms = symptoms.key_of(text)
                for form in forms:
                    self.forms.setdefault(form.encode(), set()).add(word)
                self._texts.setdefault(word, []).append((symptoms.pieces(text), text, symptom))
        self._compiled: dict[str, re.Pattern[str]] = {}

    def words_in(self, data: bytes) -> set[str]:
        """Give the words of texts that a part of a log has."""
        present = self.forms.keys() & set(data.split())
        return {word for form in present for word in self.forms[form]}

    def symptoms_of(self, word: str, line: str) -> Iterator[tuple[Symptom, dict[str, str]]]:
        """Give the symptoms that a line with a trigger shows."""
        for literals, text, symptom in self._texts[word]:
            if not _in_order(literals, line):
                continue
            pattern = self._compiled.get(text)
            if pattern is None:
                pattern = self._compiled[text] = symptoms.expression(text)
            found = pattern.search(line)
            if found:
                named = _HOST.search(line)
                host = {"host": named[1] or named[2]} if named else {}
                yield symptom, {**host, **found.groupdict()}

    def said_before(self, data: bytes, symptom: Symptom) -> str:
        """Give the last line that says something else than the symptom itself."""
        for raw in reversed(re.split(rb"[\r\n]+", data)):
            text = without_prefix(clean(raw[:LONGEST]))
            itself = any(_in_order(symptoms.pieces(shown), text) for shown in symptom.texts)
            if not itself and not _FRAMES.match(text):
                begun = _BEGUN.match(text)
                return f"none, in '{begun[1] or begun[2]}'" if begun else text
        return ""


def _in_order(literals: list[str], line: str) -> bool:
    """Say whether literal parts stand in a line one after the other, in linear time."""
    at = 0
    for literal in literals:
        at = line.find(literal, at)
        if at < 0:
            return False
        at += len(literal)
    return True


class _Log:
    """What is known of a log while it is read.

    Attributes:
        matches: the last line of each symptom.
        lines: how many lines were read.
        ended: the last line that says how a build ended, and whether it succeeded.
    """

    def __init__(self) -> None:
        self.matches: dict[str, Match] = {}
        self.lines = 0
        self.ended = (0, False)


# Words of lines that tell something when no symptom does.
_TELLING = (b"rror", b"ailed", b"FAILED", b"atal", b"annot", b"denied", b"panic:")
# How builds end, and whether that is well: Jenkins' own line, and podwright's.
_ENDS = {
    b"Finished: SUCCESS": True,
    b"Finished: FAILURE": False,
    b"[podwright] done in ": True,
    b"[podwright] ERROR: ": False,
}
_MOST_TELLING = 3


def scan(stream: BinaryIO) -> Matches:
    """Read a log to its end."""
    scanner, log = Scanner(), _Log()
    kept, begun = b"", 0  # what was read before; how much of it was looked at
    tail = b""
    while True:
        chunk = stream.read(CHUNK)
        data = kept + _ESCAPES.sub(b"", chunk) if b"\x1b" in chunk else kept + chunk
        end = data.rfind(b"\n") + 1 if chunk else len(data)
        if end > begun:
            _search(data[:end], begun, scanner, log)
            log.lines += data.count(b"\n", begun, end)
        if not chunk:
            break
        tail = (tail + chunk)[-TAIL:]
        end = max(end, begun)
        begin = max(0, end - BEFORE)
        # Of a line that is longer than a chunk its beginning is enough.
        kept, begun = data[begin : end + LONGEST if len(data) - end > CHUNK else None], end - begin
    matches = sorted(log.matches.values(), key=lambda match: match.line)
    return Matches(tuple(matches), *_telling(tail), log.ended[0] * log.ended[1])


def _search(data: bytes, begun: int, scanner: Scanner, log: _Log) -> None:
    """Look at the lines of a chunk behind what was looked at already."""
    for word in sorted(scanner.words_in(data[begun:])):
        for start, raw in _lines_with(word.encode(), data, begun):
            text = without_prefix(clean(raw))
            for symptom, values in scanner.symptoms_of(word, text):
                number = log.lines + data.count(b"\n", begun, start) + 1
                known = log.matches.get(symptom.id)
                # Of two texts of a symptom in one line, that which tells more counts.
                if not known or (known.line, len(known.values)) < (number, len(values)):
                    before = scanner.said_before(data[max(0, start - BEFORE) : start], symptom)
                    log.matches[symptom.id] = Match(symptom, number, text, values, before)
    for end, succeeded in _ENDS.items():
        found = data.rfind(end, begun)
        if found >= 0:
            number = log.lines + data.count(b"\n", begun, found) + 1
            log.ended = max(log.ended, (number, succeeded))


def _telling(tail: bytes) -> tuple[tuple[str, ...], str]:
    """Give the last lines of a log that speak of failure, and the last that says anything."""
    found: dict[str, bool] = {}
    for raw in re.split(rb"[\r\n]+", _ESCAPES.sub(b"", tail)):
        text = without_prefix(clean(raw[:LONGEST]))
        if not _FRAMES.match(text):
            found.pop(text, None)
            found[text] = any(word in raw for word in _TELLING)
    telling = [text for text, tells in found.items() if tells]
    return tuple(telling[-_MOST_TELLING:]), next(reversed(found), "")


def _lines_with(word: bytes, data: bytes, begun: int) -> list[tuple[int, bytes]]:
    """Give where different lines with a word begin, and the lines, in their order."""
    hits = data.count(word, begun)
    if hits > MOST:  # about the last ones, so that no log takes more than its share
        begun += int((len(data) - begun) * (1 - MOST / hits))
    found: dict[bytes, int] = {}
    at = data.find(word, begun)
    while at >= 0:
        start = max(data.rfind(b"\n", begun, at) + 1, begun)
        start = max(data.rfind(b"\r", start, at) + 1, start)
        end = _end_of_line(data, at)
        raw = data[start : min(end, start + LONGEST)]
        found.pop(raw, None)
        found[raw] = start
        at = data.find(word, end)
    return [(start, raw) for raw, start in found.items()]


def _end_of_line(data: bytes, at: int) -> int:
    """Give where the line ends that holds a place; a carriage return ends one, too."""
    end = data.find(b"\n", at)
    end = len(data) if end < 0 else end
    back = data.find(b"\r", at, end)
    return end if back < 0 else back


def clean(raw: bytes) -> str:
    """Give a line as text, with plain quotes."""
    text = raw.decode("utf-8", "replace").strip()
    return text if raw.isascii() else text.translate(_TYPOGRAPHIC)


def without_prefix(line: str) -> str:
    """Take away times, names of branches and BuildKit's numbers before a line."""
    return _PREFIX.sub("", line, count=1)


def without_wrapping(line: str) -> str:
    """Take away what builders put before the words that say what failed."""
    return _WRAPPING.sub("", line, count=1)
