"""The exceptions that end in a sentence for the user; anything else is a bug, with its trace."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_PENDING = 3


class PodwrightError(Exception):
    """A sentence for the user: where, what is wrong, what to do.

    Attributes:
        problems: one sentence each; all that were found, not only the first.
        exit_code: what the process ends with.
    """

    exit_code = EXIT_FAILED

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems: tuple[str, ...] = (
            (problems,) if isinstance(problems, str) else tuple(problems)
        )
        super().__init__("; ".join(self.problems))


class UsageError(PodwrightError):
    """The request, a config file or a command line is wrong; nothing was started."""

    exit_code = EXIT_USAGE


class Findings:
    """Problems of several checks, told together: a ``with`` block keeps those that end it.

    What the block was to find out stays as it was before; later checks do without it.
    """

    def __init__(self, problems: Iterable[str] = (), spoilt: Iterable[str] = ()) -> None:
        """Begin with what reading has found.

        Args:
            problems: the sentences.
            spoilt: places that could not be read; nobody wrote what stands there now, so what is
                said of it is dropped.
        """
        self.problems = list(problems)
        self.spoilt = tuple(spoilt)

    def add(self, problems: Iterable[str]) -> None:
        """Keep sentences, but for those about spoilt places, what is in them or holds them."""
        self.problems += [
            problem
            for problem in problems
            if not any(_related(problem.partition(": ")[0], place) for place in self.spoilt)
        ]

    def __enter__(self) -> None:
        """Begin one check."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        """Keep the user's mistakes; anything else goes on."""
        if not isinstance(error, UsageError):
            return False
        self.add(error.problems)
        return True

    def raise_if_any(self) -> None:
        """End the checks.

        Raises:
            UsageError: all that was found, when anything was.
        """
        if self.problems:
            raise UsageError(self.problems)


def _related(one: str, other: str) -> bool:
    """Say whether one of two places, such as `tags` and `tags[0]`, holds the other."""
    short, long = sorted((one, other), key=len)
    return long.startswith(short) and long[len(short) : len(short) + 1] in ("", ".", "[")


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
