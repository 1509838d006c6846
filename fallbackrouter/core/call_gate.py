"""The gate for calls that the CRM wants made: what may be asked of Asterisk, and nothing else.

Its rules:

- an application is never run, and no dialplan function written or read: there is no field for the one, and names and
  values that spell the other are refused;
- a channel, a context, a variable and a caller's number pass only where the configuration names them;
- line breaks, pipes and other characters that steer something are refused wherever they stand;
- a name that is not known is refused, never left out: a call must not be made otherwise than it was meant.

Source: docs/calls.md, "The gate".
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo

from fallbackrouter.core.call import ReadNumber
from fallbackrouter.core.call_fields import (
    RefusalError,
    as_text,
    caller_of,
    crm_id,
    evaluated,
    not_after_of,
    refuse_unknown,
    text_of,
    timeout_of,
)
from fallbackrouter.core.endpoint import ChannelPattern, read_channel
from fallbackrouter.core.names import is_variable
from fallbackrouter.core.outcall import Wanted
from fallbackrouter.core.route import Refused, printable
from fallbackrouter.core.rule import Condition
from fallbackrouter.core.schedule import Window

MAX_VALUE_BYTES = 512
MAX_VARIABLES = 32

_CONTEXT = re.compile(r"[A-Za-z0-9_.-]{1,80}")
_PRIORITY = re.compile(r"[0-9]{1,5}")
_DIALLED = re.compile(r"[A-Za-z0-9_+*#.-]{1,80}")

Place = tuple[str, str, str]
"""context, exten, priority."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A call that may be made.

    Attributes:
        crm_id: the CRM's own id, "" where it gave none.
        not_after: UTC.
    """

    crm_id: str
    wanted: Wanted
    not_after: datetime


@dataclass(frozen=True, slots=True)
class CallGate:
    """What may be asked for; made from the `calls` section of the configuration.

    Attributes:
        contexts: where calls may come into the dialplan.
        channels: whom they may ring.
        variables: what they may set.
        callers: the numbers that they may show.
        exten: what an extension has to match whole.
        windows: calls are made in any of these; (): always.
        zone: where the windows' clock hangs.
        do_not_call: numbers that are never called.
        place: a Route's fields -> where it lies in the dialplan, or why there is no such place.
        timeout_s, not_after_s: where the call names none.
        keep_quotes: leave `"` in values; else they are stripped.
    """

    contexts: frozenset[str]
    channels: tuple[ChannelPattern, ...]
    variables: frozenset[str]
    callers: Condition
    exten: re.Pattern[str]
    windows: tuple[Window, ...]
    zone: tzinfo
    do_not_call: Condition
    read_number: ReadNumber
    place: Callable[[Mapping[str, object]], Place | Refused]
    timeout_s: int
    not_after_s: float
    keep_quotes: bool = False

    def check(self, fields: Mapping[str, object], now_at: datetime) -> Asked | Refused:
        """Turn fields from outside into a call that may be made.

        Args:
            fields: by the names of FIELDS, as JSON gave them.
            now_at: UTC.
        """
        try:
            return self._admit(fields, now_at)
        except RefusalError as refusal:
            return refusal.refused

    def bars(self, wanted: Wanted, now_at: datetime) -> str:
        """Return why a call is not made at this moment, though it may be as such; "" where it may be made."""
        for number in wanted.numbers:
            if self.do_not_call.matches(self.read_number(number)):
                return "the number is on the do-not-call list"
        if self.windows:
            local = now_at.astimezone(self.zone)
            if not any(window.contains(local) for window in self.windows):
                hours = " or ".join(window.text for window in self.windows)
                return f"no calls are made at this hour; calls.hours says {hours}"
        return ""

    def _admit(self, fields: Mapping[str, object], now_at: datetime) -> Asked:
        refuse_unknown(fields)
        channel, number = self._channel(fields)
        context, exten, priority = self._place(fields)
        name, caller = self._caller(text_of(fields, "callerid"))
        wanted = Wanted(
            channel=channel,
            context=context,
            exten=exten,
            priority=priority,
            caller=caller,
            caller_name=name,
            variables=self._variables(fields.get("variables")),
            timeout_s=timeout_of(fields.get("timeout_s"), self.timeout_s),
            numbers=tuple(dict.fromkeys((number, exten))),
        )
        barred = self.bars(wanted, now_at)
        if barred:
            raise RefusalError(barred, "")
        return Asked(crm_id(fields), wanted, not_after_of(fields.get("not_after"), now_at, self.not_after_s))

    def _channel(self, fields: Mapping[str, object]) -> tuple[str, str]:
        text, to, via = (text_of(fields, name) for name in ("channel", "to", "via"))
        if bool(text) == bool(to):
            raise RefusalError("say whom to call: either channel, or to with via", "channel")
        if to and not (_DIALLED.fullmatch(to) and _CONTEXT.fullmatch(via)):
            raise RefusalError("to is a number and via the context that dials it", "to")
        text = text or f"Local/{to}@{via}"
        channel = read_channel(text)
        if channel is None:
            raise RefusalError("channel is no TECHNOLOGY/NUMBER@CONTEXT, such as Local/632@inbound", "channel")
        if not any(pattern.matches(channel) for pattern in self.channels):
            raise RefusalError(f"no pattern of calls.channels lets {text} be called", "channel")
        return text, channel.number

    def _place(self, fields: Mapping[str, object]) -> Place:
        route = fields.get("route")
        if route is None:
            place = (text_of(fields, "context"), text_of(fields, "exten"), text_of(fields, "priority") or "1")
        else:
            place = self._routed(fields, route)
        context, exten, priority = place
        if context not in self.contexts:
            raise RefusalError(f'calls.contexts lacks the context "{printable(context)}"', "context")
        if not self.exten.fullmatch(exten) or not _DIALLED.fullmatch(exten):
            raise RefusalError(f'exten "{printable(exten)}" does not match calls.exten', "exten")
        if not _PRIORITY.fullmatch(priority) or int(priority) < 1:
            raise RefusalError("priority is no number from 1", "priority")
        return context, exten, priority

    def _routed(self, fields: Mapping[str, object], route: object) -> Place:
        if any(fields.get(name) for name in ("context", "exten", "priority")):
            raise RefusalError("say where to by a route, or by context, exten and priority, not by both", "route")
        if not isinstance(route, Mapping):
            raise RefusalError("route is no object with app and num", "route")
        found = self.place(route)
        if isinstance(found, Refused):
            raise RefusalError(f"route: {found.reason}", "route")
        return found

    def _caller(self, text: str) -> tuple[str, str]:
        """Return the caller's name and number."""
        name, number = caller_of(text)
        if number and not self.callers.matches(self.read_number(number)):
            raise RefusalError(f"calls.caller_ids lacks the number {number}", "callerid")
        return name, number

    def _variables(self, given: object) -> tuple[tuple[str, str], ...]:
        if given is None:
            return ()
        if not isinstance(given, Mapping):
            raise RefusalError("variables is no object of names and values", "variables")
        if len(given) > MAX_VARIABLES:
            raise RefusalError(f"there are more than {MAX_VARIABLES} variables", "variables")
        return tuple((str(name), self._value(str(name), value)) for name, value in given.items())

    def _value(self, name: str, given: object) -> str:
        shown = printable(name, 40)
        if any(letter in name for letter in "()"):
            raise RefusalError(f"{shown} is a dialplan function, which no call may write", "variables")
        if name not in self.variables or not is_variable(name):
            raise RefusalError(f"calls.variables lacks {shown}", "variables")
        text = as_text(given, f"variable {shown}", "variables")
        if evaluated(text):
            raise RefusalError(f"variable {shown} holds ${{ or $[, which a dialplan evaluates", "variables")
        if len(text.encode()) > MAX_VALUE_BYTES:
            raise RefusalError(f"variable {shown} is longer than {MAX_VALUE_BYTES} bytes", "variables")
        return text if self.keep_quotes else text.replace('"', "")
