r"""Which argument is which, also when what a caller or a trunk sent holds Asterisk's own separators.

Asterisk puts the values into `AGI(agi://.../cur,${EXTEN},${CALLERID(num)},...)` first and then splits at commas: a
comma in a caller ID moves every argument behind it, an open bracket or quote swallows them. The header is whole:

- only a text with one of `, ( ) [ ] " \` can move anything, and the remote party's texts are known from the header;
- joined with commas again, the arguments are what the dialplan wrote without its quotes and backslashes; so such a text
  is looked for where it has to stand, and what follows it is in its place again;
- where that fails, the arguments behind it are believed only if the call id among them is the header's own, which no
  caller knows; else they are left out, the stage with them.

Source: app.c, __ast_app_separate_args.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

SEPARATORS = re.compile(r'[,()\[\]"\\]')
"""What moves or swallows arguments."""

_REMOVED = re.compile(r'\\(.?)|"', re.DOTALL)
_NOT_DIALLED = re.compile(r"[^0-9+*#]")
_LITERAL = re.compile(r"\$?\{[A-Za-z0-9_()]{1,40}\}")


class Told(Struct, frozen=True):
    """What the header tells of the call, whole and out of the caller's reach.

    Attributes:
        caller: `agi_callerid`, None where the line is absent.
        dids: what the dialled number may be: `agi_extension` and `agi_dnid`, where they are numbers.
        call_id: `agi_uniqueid`, "" where the line is absent.
    """

    caller: str | None
    dids: tuple[str, ...]
    call_id: str

    def hostile(self, separators: re.Pattern[str] = SEPARATORS) -> dict[str, list[str]]:
        """Return field -> the texts for it that hold separators, the longest first; mostly nothing."""
        if not separators.search("".join((self.caller or "", *self.dids))):
            return {}
        texts = {"caller": [self.caller or ""], "did": sorted(set(self.dids), key=len, reverse=True)}
        return {name: found for name, given in texts.items() if (found := [t for t in given if separators.search(t)])}


class Placed(Struct, frozen=True):
    """Arguments by their names.

    Attributes:
        values: field -> text; where something from outside has moved them, only what it cannot have moved.
        notes: what was changed or left out, in plain words.
    """

    values: dict[str, str]
    notes: tuple[str, ...] = ()


def absent(text: str) -> bool:
    """Tell whether an argument says nothing: empty, or a variable's name that lost its `$` (`{UNIQUEID}`)."""
    return not text or (text[-1] == "}" and _LITERAL.fullmatch(text) is not None)


def unquoted(text: str) -> str:
    """Return what Asterisk's split leaves of a text: no quotes, and a backslash gives way to what follows it."""
    return _REMOVED.sub(lambda match: match[1] or "", text)


def place(fields: Sequence[str], args: Sequence[str], told: Told, same: Callable[[str, str], bool]) -> Placed:
    """Give each argument the name of its field.

    Args:
        fields: the names, in the order of the arguments.
        same: tells whether two spellings are one number.
    """
    hostile = told.hostile()
    if hostile:
        found = walk(fields, ",".join(args), hostile)
        if found is not None:
            return Placed(found, notes=("a number in the arguments held separators: they were put in order again",))
    plain = dict(zip(fields, args, strict=False))
    surplus = len(args) > len(fields) and any(args[len(fields) :])
    notes = (f"more than {len(fields)} arguments: the rest is left out",) if surplus else ()
    moved = any(touches(plain[name], text) for name in hostile if name in plain for text in hostile[name])
    if not (surplus or moved) and agrees(plain.get("caller", ""), told, same):
        return Placed(plain)
    if told.call_id and plain.get("call_id") == told.call_id:
        return Placed(plain, notes)
    doubt = "the arguments do not agree with the header: those behind the caller's are left out"
    return Placed(_before_doubt(fields, plain, hostile), (*notes, doubt))


def agrees(caller: str, told: Told, same: Callable[[str, str], bool]) -> bool:
    """Tell whether the caller among the arguments is the header's, or absent, or what FILTER left of the header's."""
    if absent(caller) or told.caller is None or caller == told.caller:
        return True
    return caller == _NOT_DIALLED.sub("", told.caller) or same(caller, told.caller)


def touches(value: str, text: str) -> bool:
    """Tell whether an argument may be a piece that Asterisk cut off a text with separators."""
    whole = unquoted(text)
    first = whole.partition(",")[0]
    return value == first or value.startswith(f"{first},") or (value != "" and whole.startswith(value))


def walk(fields: Sequence[str], joined: str, hostile: Mapping[str, Sequence[str]]) -> dict[str, str] | None:
    """Read joined arguments field by field, the hostile texts whole where they have to stand.

    Returns:
        Field -> text; None where no hostile text stands in its place, or what is there does not come out even.
    """
    values: dict[str, str] = {}
    rest: str | None = joined
    met = False
    for name in fields:
        if rest is None:
            break
        whole = next((text for text in hostile.get(name, ()) if _begins(rest, unquoted(text))), None)
        if whole is not None:
            met = True
            values[name], rest = whole, rest[len(unquoted(whole)) + 1 :] or None
            continue
        values[name], comma, behind = rest.partition(",")
        rest = behind if comma else None
        if any(touches(values[name], text) for text in hostile.get(name, ())):
            return None
    return values if met and not (rest or "").strip(",") else None


def _begins(rest: str, whole: str) -> bool:
    """Tell whether the joined arguments begin with this text as one argument."""
    return rest.startswith(whole) and rest[len(whole) : len(whole) + 1] in {"", ","}


def _before_doubt(
    fields: Sequence[str], plain: Mapping[str, str], hostile: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    """Return the dialled number alone: the hostile text that its argument is a piece of, else the argument."""
    did = plain.get("did", "")
    for text in hostile.get("did", ()):
        if touches(did, text):
            return {"did": text}
    behind_caller = "caller" in fields and "did" in fields and fields.index("caller") < fields.index("did")
    return {} if behind_caller or "did" not in plain else {"did": did}
