"""How a dialplan asks the router, read from its text: by an address, and under the guard. Pure.

Its rules: it reads what Asterisk's pbx_config reads (sections, `exten`, `same`, comments), follows no include, and
judges only what is certain: a host that is a variable may be anything.
"""

import ipaddress
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

DEFAULT_PORT = 4573
"""Asterisk's, where an agi:// URL names none."""

_BLOCK_COMMENT = re.compile(r";--(?!-).*?(?:--;|\Z)", re.DOTALL)
_COMMENT = re.compile(r"(?<!\\);.*")
_SECTION = re.compile(r"\s*\[([^\]]+)\]")
_EXTEN = re.compile(r"\s*(exten|same)\s*=>?\s*(.*)", re.IGNORECASE)
_AGI = re.compile(r"AGI\s*\(\s*\"?(h?agi)://(\[[^\]]*\]|\$\{[^}]*\}|[^:/,)\"\s]*)(?::([^/,)\"\s]*))?", re.IGNORECASE)
_GUARD = re.compile(r"Set\(.*TIMEOUT\(absolute\)\s*=\s*\"?([^)\s\"]*)", re.IGNORECASE)

_WRITE_ADDRESS = (
    "write the address instead, as 127.0.0.1: looking a name up has no limit in Asterisk, and calls hang with it"
)
_WRITE_GUARD = (
    "ask by the guarded context of docs/dialplan.md: without Set(TIMEOUT(absolute)=…) before it, "
    "Asterisk waits for ever for an AGI that does not answer"
)
_WRITE_T = "add its `exten => T,1,…`: without one the guard ends the call instead of going on"
_NOT_IN_H = "ask by CURL or Originate there: in h the guard never fires, and the channel cannot even be hung up"


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that is wrong with a dialplan.

    Attributes:
        line: counted from 1.
        what: one clause.
        remedy: one clause.
    """

    line: int
    what: str
    remedy: str


@dataclass(slots=True)
class _Ask:
    """An AGI application that asks us."""

    line: int
    exten: str
    guarded: bool
    scheme: str
    host: str


@dataclass(slots=True)
class _Context:
    name: str = ""
    extens: set[str] = field(default_factory=set)
    guarded: bool = False
    asks: list[_Ask] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a dialplan's text holds.

    Attributes:
        asks: how many of its applications ask us.
    """

    asks: int
    remarks: tuple[Remark, ...]


def read_dialplan(text: str, ports: Collection[int]) -> Reading:
    """Read a dialplan.

    Args:
        ports: of `agi.listen`; AGI to other ports is other programs' business.
    """
    contexts = list(_contexts(text, ports))
    remarks = [remark for context in contexts for remark in _judge(context)]
    return Reading(sum(len(context.asks) for context in contexts), tuple(remarks))


def _contexts(text: str, ports: Collection[int]) -> Iterator[_Context]:
    context, exten = _Context(), ""
    for number, line in enumerate(_without_comments(text), 1):
        section = _SECTION.match(line)
        if section:
            yield context
            context, exten = _Context(section[1].strip()), ""
            continue
        step = _EXTEN.match(line)
        if step is None:
            continue
        if step[1].lower() == "exten":
            exten = step[2].partition(",")[0].strip()
            context.extens.add(exten)
        _take(context, _Ask(number, exten, guarded=False, scheme="", host=""), step[2], ports)
    yield context


def _without_comments(text: str) -> Iterator[str]:
    """Yield each line without what is commented out; line numbers stay."""
    kept = _BLOCK_COMMENT.sub(lambda found: "\n" * found[0].count("\n"), text)
    return (_COMMENT.sub("", line) for line in kept.split("\n"))


def _take(context: _Context, ask: _Ask, step: str, ports: Collection[int]) -> None:
    """Note what one step of an extension does."""
    guard = _GUARD.search(step)
    if guard and guard[1] not in ("", "0"):
        context.guarded = True
    call = _AGI.search(step)
    if call and _port(call[3]) in ports:
        ask.guarded, ask.scheme, ask.host = context.guarded, call[1].lower(), call[2]
        context.asks.append(ask)


def _port(text: str | None) -> int:
    """Return the port that a URL names; -1 where it is a variable."""
    if text is None:
        return DEFAULT_PORT
    return int(text) if text.isascii() and text.isdigit() else -1


def _judge(context: _Context) -> Iterator[Remark]:
    for ask in context.asks:
        place = f"[{context.name}] asks the router"
        if ask.scheme == "hagi" or _is_name(ask.host):
            yield Remark(ask.line, f"{place} by the name {ask.host or '(none)'}", _WRITE_ADDRESS)
        if ask.exten.lower() == "h":
            yield Remark(ask.line, f"{place} in its h extension", _NOT_IN_H)
        elif not ask.guarded:
            yield Remark(ask.line, f"{place} without a guard", _WRITE_GUARD)
        elif "T" not in context.extens:
            yield Remark(ask.line, f"{place} under a guard, but has no T extension", _WRITE_T)


def _is_name(host: str) -> bool:
    if "${" in host:
        return False
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return True
    return False
