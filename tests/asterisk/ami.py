"""A small client of Asterisk's manager interface: actions, their answers, and user events.

The product has none yet and must not be tested with its own; this one speaks the plain protocol over a socket,
with a thread that reads. Values go and come as UTF-8; a line break in one is refused.
"""

import contextlib
import itertools
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Self

PATIENCE_S = 60.0
"""How long to wait for anything at all before a test is called off: a safety net, no measurement."""
MOST_AT_ONCE = 200
"""How many actions are written before their answers are read."""

Message = dict[str, str]
"""One message, header by header; of headers that repeat the values are joined with line breaks."""


class AmiError(Exception):
    """Asterisk refused an action, or the connection has ended."""


def _encode(action: str, action_id: str, fields: Iterable[tuple[str, str]]) -> bytes:
    lines = [f"Action: {action}", f"ActionID: {action_id}", *(f"{name}: {value}" for name, value in fields)]
    if any("\n" in line or "\r" in line for line in lines):
        raise AmiError("a manager header cannot hold a line break")
    return "\r\n".join([*lines, "", ""]).encode()


def _decode(block: bytes) -> Message:
    message: Message = {}
    for line in block.decode("utf-8", "replace").split("\r\n"):
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        message[name] = f"{message[name]}\n{value}" if name in message else value
    return message


class Ami:
    """A logged-in connection.

    Args:
        port: on 127.0.0.1.

    Raises:
        OSError: nobody listens there (yet).
        AmiError: the login was refused.
    """

    def __init__(self, port: int, user: str, secret: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        self._socket.settimeout(None)
        self._ids = (f"a{number}" for number in itertools.count(1))
        self._news = threading.Condition()
        self._answers: dict[str, Message] = {}
        self._events: deque[Message] = deque(maxlen=200_000)
        self._over = False
        self._reader = threading.Thread(target=self._read, name="ami-reader", daemon=True)
        self._reader.start()
        try:
            self.action("Login", Username=user, Secret=secret)
        except AmiError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connection."""
        with contextlib.suppress(OSError):  # Asterisk may have been faster
            self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join(PATIENCE_S)
        self._socket.close()

    def _read(self) -> None:
        buffer = b""
        greeted = False
        while data := self._receive():
            buffer += data
            if not greeted:
                _, found, rest = buffer.partition(b"\r\n")
                if not found:
                    continue
                buffer, greeted = rest, True
            *blocks, buffer = buffer.split(b"\r\n\r\n")
            with self._news:
                for block in blocks:
                    self._take(_decode(block))
                self._news.notify_all()
        with self._news:
            self._over = True
            self._news.notify_all()

    def _receive(self) -> bytes:
        try:
            return self._socket.recv(65536)
        except OSError:
            return b""

    def _take(self, message: Message) -> None:
        if "Response" in message:
            self._answers[message.get("ActionID", "")] = message
        else:
            self._events.append(message)

    def action(self, name: str, **fields: str) -> Message:
        """Send an action and return its answer.

        Raises:
            AmiError: Asterisk refused it.
        """
        answer = self.actions(name, [fields])[0]
        if answer.get("Response") == "Error":
            raise AmiError(f"{name}: {answer.get('Message', '')}")
        return answer

    def actions(self, name: str, each: Sequence[dict[str, str]]) -> list[Message]:
        """Send the same action many times and return the answers in order, refusals among them."""
        answers: list[Message] = []
        for start in range(0, len(each), MOST_AT_ONCE):
            sent = [(next(self._ids), fields) for fields in each[start : start + MOST_AT_ONCE]]
            self._socket.sendall(b"".join(_encode(name, action_id, fields.items()) for action_id, fields in sent))
            answers.extend(self._answer(action_id) for action_id, _ in sent)
        return answers

    def _answer(self, action_id: str) -> Message:
        with self._news:
            self._news.wait_for(lambda: self._over or action_id in self._answers, PATIENCE_S)
            if action_id not in self._answers:
                raise AmiError("Asterisk gave no answer")
            return self._answers.pop(action_id)

    def read_many(self, expressions: Sequence[str]) -> list[str]:
        """Evaluate variables or functions, `DIALPLAN_EXISTS(context,exten)` say, without a channel."""
        answers = self.actions("Getvar", [{"Variable": expression} for expression in expressions])
        return [answer.get("Value", "") for answer in answers]

    def set_global(self, name: str, value: str) -> None:
        """Set a global variable to a value that no dialplan has parsed; the protocol drops blanks at its beginning."""
        self.action("Setvar", Variable=name, Value=value)

    def command(self, text: str) -> str:
        """Run a console command and return what it printed."""
        return self.action("Command", Command=text).get("Output", "")

    def expect(self, is_wanted: Callable[[Message], bool], within_s: float = PATIENCE_S) -> Message:
        """Wait for an event and take it; others stay for whoever waits for them.

        Raises:
            TimeoutError: it did not come.
        """
        found: list[Message] = []

        def look() -> bool:
            found.extend(itertools.islice((event for event in self._events if is_wanted(event)), 1))
            return bool(found) or self._over

        with self._news:
            self._news.wait_for(look, within_s)
            if not found:
                raise TimeoutError(f"no such event within {within_s} s")
            self._events.remove(found[0])
            return found[0]

    def take_all(self, is_wanted: Callable[[Message], bool], count: int, within_s: float = PATIENCE_S) -> list[Message]:
        """Wait until so many events of a kind have come, and take all of them, in their order.

        Raises:
            TimeoutError: fewer came.
        """
        found: list[Message] = []

        def look() -> bool:
            while self._events:
                event = self._events.popleft()
                (found if is_wanted(event) else others).append(event)
            return len(found) >= count or self._over

        others: list[Message] = []
        with self._news:
            self._news.wait_for(look, within_s)
            self._events.extend(others)
        if len(found) < count:
            raise TimeoutError(f"{len(found)} of {count} events within {within_s} s")
        return found

    def forget_events(self) -> None:
        """Drop the events that nobody waited for."""
        with self._news:
            self._events.clear()
