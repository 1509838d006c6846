"""The control socket's client, for commands that people type: one command, one answer, in bounded time."""

import socket
from pathlib import Path

from fallbackrouter.clock import Clock, SystemClock
from fallbackrouter.control.lines import LineReader, Message, encode
from fallbackrouter.control.place import SOCKET_NAME, socket_address
from fallbackrouter.core.errors import ControlError, RefusedError

_READ_BYTES = 65_536


def command(data_dir: Path, message: Message, within_s: float = 5.0, clock: Clock | None = None) -> Message:
    """Send one command to the running service and return its answer.

    Args:
        message: `{"do": "status"}` and the like.
        within_s: the most that connecting, asking and answering may take together.

    Returns:
        The answer's fields, without `ok`.

    Raises:
        ControlError: nothing listens, it did not answer in time, or (RefusedError) it refused; one sentence.

    Source: docs/operations.md, "the control socket".
    """
    clock = clock or SystemClock()
    until_s = clock.now_s() + within_s
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
        try:
            peer.settimeout(within_s)
            _connect(peer, data_dir)
            peer.sendall(encode(message))
            answer = _read_answer(peer, until_s, clock)
        except TimeoutError:
            asked = message.get("do")
            raise ControlError(
                f"fallbackrouter did not answer {asked!r} within {within_s:g} s; is it stopped or overloaded?"
            ) from None
        except (BrokenPipeError, ConnectionResetError):
            raise ControlError("fallbackrouter closed the control socket; its log says why") from None
    if not answer.pop("ok", False):
        raise RefusedError(str(answer.get("error") or "fallbackrouter refused the command without a reason"))
    return answer


def _connect(peer: socket.socket, data_dir: Path) -> None:
    path = data_dir / SOCKET_NAME
    try:
        with socket_address(data_dir) as address:
            peer.connect(address)
    except PermissionError:
        raise ControlError(f"{path} may not be used by this user; run the command as the user that serves") from None
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
        raise ControlError(
            f"fallbackrouter is not running here (no control socket in {data_dir}); "
            "start it with `fallbackrouter serve`"
        ) from None
    except TimeoutError:
        raise
    except OSError as error:
        raise ControlError(f"{path} cannot be used: {error.strerror}; check data_dir") from None


def _read_answer(peer: socket.socket, until_s: float, clock: Clock) -> Message:
    reader = LineReader()
    while True:
        left_s = until_s - clock.now_s()
        if left_s <= 0:
            raise TimeoutError
        peer.settimeout(left_s)
        data = peer.recv(_READ_BYTES)
        if not data:
            raise ControlError("fallbackrouter closed the control socket without an answer; its log says why")
        for message in reader.feed(data):
            return message
