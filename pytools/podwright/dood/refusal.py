"""The answer that the proxy gives instead of the engine's."""

from __future__ import annotations


class Refusal(Exception):  # noqa: N818 - it is an answer, not a defect
    """A request that does not reach the engine.

    Attributes:
        status: of HTTP.
        message: a sentence: what is wrong, what to do.
        is_engines: whether the engine itself would say so; podwright names itself otherwise.
    """

    def __init__(self, status: int, message: str, *, is_engines: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.is_engines = is_engines


def missing(kind: str, name: str) -> Refusal:
    """What the engine says of something that is not there; others' things are not there either."""
    sentences = {
        "container": f"No such container: {name}",
        "network": f"network {name} not found",
        "volume": f"get {name}: no such volume",
        "exec": f"No such exec instance: {name}",
    }
    return Refusal(404, sentences[kind], is_engines=True)
