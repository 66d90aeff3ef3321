"""Mistakes as values that know their place, and the exceptions that carry them to the user.

Anything else that is raised is a bug, with its trace.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Protocol, Union

    Place = tuple[Union[str, int], ...]

    class Document(Protocol):
        """What can tell where a place of it stands (:class:`podwright.sources.Document`)."""

        def locate(self, problem: Problem) -> Problem:
            """Give the problem with file, line and column, when its place is in the document."""


EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_PENDING = 3


class Problem:
    """One mistake; its sentence is made when it is told.

    Attributes:
        text: what is wrong and what to do.
        place: what it is about: keys and numbers from the outside in, ``("images", 0, "tags")``.
        named: whether the text itself names the last key of the place, as for an unknown key.
        meant: the key that was probably meant by an unknown one, '' for none.
        mark: file, line and column, '' while they are not known.
    """

    __slots__ = ("mark", "meant", "named", "place", "text")

    def __init__(
        self, text: str, *place: str | int, named: bool = False, meant: str = "", mark: str = ""
    ) -> None:
        self.text = text
        self.place: Place = place
        self.named = named
        self.meant = meant
        self.mark = mark

    def below(self, *steps: str | int) -> Problem:
        """Give the same problem as it is seen from further outside."""
        place = (*steps, *self.place)
        return Problem(self.text, *place, named=self.named, meant=self.meant, mark=self.mark)

    def at(self, mark: object) -> Problem:
        """Give the same problem with its file, line and column."""
        return Problem(self.text, *self.place, named=self.named, meant=self.meant, mark=str(mark))

    def spoils(self) -> list[Place]:
        """Give the places whose values nobody wrote, because this could not be read."""
        return [self.place, *([(*self.place[:-1], self.meant)] if self.meant else [])]

    def __str__(self) -> str:
        about = path_of(self.place[:-1] if self.named else self.place)
        return ": ".join(part for part in (self.mark, about, self.text) if part)


def path_of(place: Place) -> str:
    """Write a place as authors do: `images[0].tags`."""
    text = ""
    for step in place:
        text += f"[{step}]" if isinstance(step, int) else f".{shown(step)[1:-1]}"
    return text.removeprefix(".")


class PodwrightError(Exception):
    """Sentences for the user: where, what is wrong, what to do.

    Attributes:
        found: all problems that were found, not only the first.
        exit_code: what the process ends with.
    """

    exit_code = EXIT_FAILED

    def __init__(self, problems: str | Iterable[str | Problem]) -> None:
        given = (problems,) if isinstance(problems, str) else problems
        self.found = tuple(Problem(item) if isinstance(item, str) else item for item in given)
        super().__init__("; ".join(self.problems))

    @property
    def problems(self) -> tuple[str, ...]:
        """Give one sentence for each problem."""
        return tuple(map(str, self.found))


class UsageError(PodwrightError):
    """The request, a config file or a command line is wrong; nothing was started."""

    exit_code = EXIT_USAGE


class Findings:
    """Problems of several checks, told together: a ``with`` block keeps those that end it.

    What the block was to find out stays as it was before; later checks do without it.

    Attributes:
        document: what the request was read from, to tell lines and columns; None for no file.
        locate: gives problems that are not in it the places that they have elsewhere.
    """

    def __init__(self, document: Document | None = None) -> None:
        self.document = document
        self.locate: Callable[[Problem], Problem] = lambda problem: problem
        self._problems: list[Problem] = []
        self._unreadable: list[Place] = []

    def add_unreadable(self, problems: Iterable[Problem]) -> None:
        """Keep problems of reading; nobody wrote what stands at their places now."""
        for problem in problems:
            self._problems.append(problem)
            self._unreadable += problem.spoils()

    def add(self, problems: Iterable[Problem]) -> None:
        """Keep problems, but for those about unreadable places, what is in them or holds them."""
        self._problems += [
            problem
            for problem in problems
            if not any(_holds(problem.place, place) for place in self._unreadable)
        ]

    def is_unreadable(self, *place: str | int) -> bool:
        """Say whether a place could not be read."""
        return place in self._unreadable

    def __enter__(self) -> None:
        """Begin one check."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        """Keep the user's mistakes; anything else goes on."""
        if not isinstance(error, UsageError):
            return False
        self.add(error.found)
        return True

    def raise_if_any(self) -> None:
        """End the checks.

        Raises:
            UsageError: all that was found, when anything was.
        """
        if self._problems:
            document = self.document
            told = [document.locate(p) if document else p for p in self._problems]
            raise UsageError(map(self.locate, told))


def _holds(one: Place, other: Place) -> bool:
    """Say whether one of two places is the other, or holds it."""
    return bool(one and other) and all(a == b for a, b in zip(one, other))


def shown(value: object, most: int = 60) -> str:
    """Quote a value for an error sentence: one line, printable, shortened."""
    text = str(value) if isinstance(value, str) else repr(value)
    flat = "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text[:200])
    return f"'{flat[: most - 1]}…'" if len(flat) > most else f"'{flat}'"


def repeated(values: Iterable[str]) -> list[str]:
    """Give the values that stand more than once, sorted."""
    seen = list(values)
    once = set(seen)
    return sorted(v for v in once if seen.count(v) > 1) if len(once) < len(seen) else []


def guess(word: str, known: Iterable[str]) -> str:
    """Say what a misspelt word may have meant.

    Returns:
        ``; did you mean 'x'?`` when a known word is near, else the list of what is known.
    """
    near = nearest(word, known)
    return f"; did you mean '{near}'?" if near else f"; known are {', '.join(sorted(known))}"


def nearest(word: str, known: Iterable[str]) -> str:
    """Give the known word that a misspelt one may have meant; '' when none is near."""
    import difflib  # noqa: PLC0415 - only for the mistaken

    options = sorted(known)
    near = difflib.get_close_matches(word, options, n=1, cutoff=0.6)
    folded = {option.lower(): option for option in options}
    return near[0] if near else folded.get(word.lower(), "")
