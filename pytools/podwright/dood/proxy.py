"""One connection of a client: its request is understood, changed and passed on, and so the answer.

Streams that are taken over (attach, exec, BuildKit's sessions) go through untouched, both ways, and
the end of one direction is passed on as such.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from podwright.docker_api.http import (
    BrokenError,
    Head,
    Stream,
    last_words,
    parse_head,
    read_body,
    render_head,
    shut,
)
from podwright.docker_api.strict import Refused, parse_target
from podwright.dood import wire
from podwright.dood.calls import ROUTES
from podwright.dood.desk import JSON, LINES, RAW, Call, Desk, Outcome, decide, render_target
from podwright.dood.refusal import Refusal
from podwright.records import replace

_DEFECT = "the proxy failed, which is a defect; the log of the container engine has its trace"
_SWITCHED, _FIRST_FINAL, _ERROR = 101, 200, 400


class NodeProxy:
    """Serves clients until it is told that the pod ends."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.ending = False
        self._busy = 0
        self._idle = threading.Condition()

    def serve(self, client: socket.socket) -> None:
        """Serve one connection."""
        with client, self._counted():
            try:
                self._serve(Stream(client))
            except Refusal as refusal:
                own = "" if refusal.is_engines else "podwright: "
                self._refuse(client, refusal.status, own + refusal.message)
            except Refused as refused:
                status = 413 if refused.rule == "body.size" else 400
                self._refuse(client, status, f"podwright: {refused.message}")
            except BrokenError as broken:
                self._refuse(client, 502, f"podwright: {broken}")
            except OSError:
                return  # one of the two hung up
            except Exception:  # noqa: BLE001 - a defect must not leave the client without an answer
                import traceback  # noqa: PLC0415 - it loads what nothing else here needs

                traceback.print_exc()
                self._refuse(client, 500, f"podwright: {_DEFECT}")

    def wait(self, patience: float) -> None:
        """Wait until nobody is served any more, or until patience is at its end.

        Args:
            patience: seconds.
        """
        with self._idle:
            self._idle.wait_for(lambda: not self._busy, patience)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        """Count a connection for as long as it lasts."""
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)

    def _count(self, change: int) -> None:
        with self._idle:
            self._busy += change
            self._idle.notify_all()

    @staticmethod
    def _refuse(client: socket.socket, status: int, message: str) -> None:
        last_words(client, wire.reply(status, {"message": message}))

    def _serve(self, client: Stream) -> None:
        text = client.head()
        if text is None:
            return
        head = parse_head(text)
        if self.ending:
            raise Refusal(503, "the pod ends; nothing is started any more")
        call = Call(
            head.method.decode(),
            parse_target(head.target.decode()),
            lambda: read_body(client, head),
        )
        outcome = self._decide(call)
        try:
            if outcome.reply is not None:
                last_words(client.end, wire.reply(200, outcome.reply))
            else:
                self._exchange(client, head, outcome)
        finally:
            if outcome.done:
                outcome.done()

    def _decide(self, call: Call) -> Outcome:
        try:
            return decide(self.desk, call, ROUTES)
        except OSError as error:
            raise Refusal(
                502, f"the node's Docker Engine does not answer ({error.strerror or error})"
            ) from None

    def _exchange(self, client: Stream, head: Head, outcome: Outcome) -> None:
        """Pass the request on, and the answer back."""
        target = head.target if outcome.target is None else render_target(outcome.target)
        engine = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with engine:
            try:
                engine.connect(self.desk.node.path)
            except OSError as error:
                raise Refusal(
                    502, f"the node's Docker Engine cannot be reached ({error.strerror})"
                ) from None
            engine.sendall(_request(replace(head, target=target), outcome))
            thread = wire.upward(client, engine)
            try:
                self._answer(client.end, Stream(engine), head, outcome)
            finally:
                # Wakes the other direction when the client stays silent.
                shut(engine, socket.SHUT_RDWR)
                shut(client.end, socket.SHUT_RDWR)
                thread.join()

    def _answer(self, client: socket.socket, engine: Stream, head: Head, outcome: Outcome) -> None:
        answer = wire.read_answer(engine)
        while answer.status < _FIRST_FINAL and answer.status != _SWITCHED:
            client.sendall(answer.text + b"\r\n\r\n")
            answer = wire.read_answer(engine)
        kind = outcome.kind
        if answer.status >= _ERROR or head.method == b"HEAD":
            kind = JSON if answer.is_json and head.method != b"HEAD" else RAW
            outcome = replace(outcome, edit=None)
        if answer.status == _SWITCHED or kind == RAW or (not answer.is_json and kind == JSON):
            client.sendall(answer.text + b"\r\n\r\n")
            for data in engine.rest():
                client.sendall(data)
        elif kind == LINES:
            self._lines(client, answer, wire.body_of(engine, answer.headers), outcome)
        else:
            data = b"".join(wire.body_of(engine, answer.headers))
            client.sendall(self._edited(answer, data, outcome))

    def _edited(self, answer: wire.AnswerHead, data: bytes, outcome: Outcome) -> bytes:
        try:
            value = json.loads(data)
        except ValueError:
            raise BrokenError("the node's Docker Engine answered not valid JSON") from None
        change = outcome.edit or self.desk.naming.strip
        return wire.reply(answer.status, change(value), wire.other_headers(answer))

    def _lines(
        self,
        client: socket.socket,
        answer: wire.AnswerHead,
        pieces: Iterator[bytes],
        outcome: Outcome,
    ) -> None:
        kept = [b"HTTP/1.1 200 OK", *wire.other_headers(answer)]
        kept += [b"Content-Type: " + answer.headers.get(b"content-type", b"application/json")]
        client.sendall(b"\r\n".join([*kept, b"Connection: close"]) + b"\r\n\r\n")
        for line in wire.lines_of(pieces):
            client.sendall(wire.edited(line, outcome.edit))


def _request(head: Head, outcome: Outcome) -> bytes:
    """Write the head for the engine, with the changed body if there is one."""
    if outcome.body is None:
        return render_head(head)
    body = json.dumps(outcome.body).encode()
    kept = tuple(
        (name, value)
        for name, value in head.headers
        if name not in (b"transfer-encoding", b"content-type")
    )
    head = replace(head, headers=(*kept, (b"content-type", b"application/json")))
    return render_head(head, len(body)) + body
