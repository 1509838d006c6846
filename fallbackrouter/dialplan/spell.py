r"""How extensions.conf spells things, so that Asterisk reads back exactly what was meant.

- A value with anything that means something there (`; , $ { } ( ) [ ] " \`, blanks at its ends) is written URI-encoded
  inside URIDECODE(): nothing of it is left for a parser, and what a function returns is not expanded again.
- A comment holds no line feed, and no `;` but the one that begins it: `;--` would begin a comment of many lines.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fallbackrouter.core.route import printable

_PLAIN = re.compile(r"[\w+*#.:/@-]+(?: [\w+*#.:/@-]+)*", re.ASCII)
_CODED = re.compile(r"[^A-Za-z0-9_.-]")
_MAX_COMMENT_CHARS = 160


def value(text: str) -> str:
    """Spell a value for `Set(name=...)`, whatever it holds."""
    if not text or _PLAIN.fullmatch(text):
        return text
    coded = _CODED.sub(lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode()), text)
    return f"${{URIDECODE({coded})}}"


def comment(text: str) -> str:
    """Return a text as it may stand behind `; `."""
    return printable(text, _MAX_COMMENT_CHARS).replace(";", ",").replace("\\", "/")


@dataclass(frozen=True, slots=True)
class Step:
    """One priority of an extension.

    Attributes:
        why: stands behind it as a comment.
        label: what Goto calls it, "" where nobody does.
    """

    app: str
    why: str = ""
    label: str = ""


def extension(name: str, steps: Sequence[Step]) -> list[str]:
    """Spell an extension with its priorities."""
    lines = []
    for place, step in enumerate(steps):
        label = f"({step.label})" if step.label else ""
        head = f" same => n{label}," if place else f"exten => {name},1{label},"
        lines.append(f"{head}{step.app}" + (f"  ; {comment(step.why)}" if step.why else ""))
    return lines


def context(name: str, *bodies: Iterable[str], why: str = "") -> str:
    """Spell a context."""
    lines = [*(f"; {comment(line)}" for line in why.splitlines()), f"[{name}]"]
    for body in bodies:
        lines += body
    return "\n".join(lines) + "\n"
