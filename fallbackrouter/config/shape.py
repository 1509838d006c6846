"""Plain values against the settings' types: the exact key that does not fit, in plain words.

msgspec says so too, but for entries of lists and tables not which one, and in Python's words.
"""

from collections.abc import Iterable

from msgspec.inspect import (
    BoolType,
    DictType,
    FloatType,
    IntType,
    ListType,
    NoneType,
    StrType,
    StructType,
    Type,
    UnionType,
)

from fallbackrouter.config.fault import Fault, Faults
from fallbackrouter.config.keys import all_keys
from fallbackrouter.config.toml import toml_value
from fallbackrouter.core.nearest import nearest, write_instead
from fallbackrouter.core.route import printable

_EXAMPLES = {StrType: '"text"', IntType: "1", FloatType: "1.5", BoolType: "true"}


def misfits(value: object, wanted: Type, path: str = "") -> Faults:
    """Yield every key whose value is not of its type, and every unknown or missing key."""
    if isinstance(wanted, StructType):
        yield from _struct_misfits(value, wanted, path)
    elif isinstance(wanted, DictType) and isinstance(value, dict):
        for name, item in value.items():
            yield from misfits(item, wanted.value_type, f"{path}.{printable(name, 64)}")
    elif isinstance(wanted, ListType) and isinstance(value, list):
        for place, item in enumerate(value, 1):
            yield from misfits(item, wanted.item_type, f"{path}[{place}]")
    elif isinstance(wanted, UnionType):
        yield from _union_misfits(value, wanted, path)
    elif not _fits(value, wanted):
        yield _wrong_kind(value, wanted, path)


def _struct_misfits(value: object, wanted: StructType, path: str) -> Faults:
    if not isinstance(value, dict):
        yield _wrong_kind(value, wanted, path)
        return
    prefix = f"{path}." if path else ""
    known = {field.name: field for field in wanted.fields}
    for name, item in value.items():
        if name in known:
            yield from misfits(item, known[name].type, prefix + name)
        else:
            yield Fault(prefix + printable(name, 64), "is no key that is known here", _where_instead(name, known))
    for name, field in known.items():
        if field.required and name not in value:
            yield Fault(prefix + name, "is missing", "write it")


def _where_instead(name: str, known: Iterable[str]) -> str:
    """Return the remedy for an unknown key: the table where it is known, else the nearest name here."""
    homes = [key.section for key in all_keys().values() if key.name == name]
    if homes and not nearest(name, known):
        return f"write it below [{homes[0]}]" if homes[0] else "write it above the first [table]"
    return write_instead(name, known)


def _union_misfits(value: object, wanted: UnionType, path: str) -> Faults:
    """Yield what is wrong in the one member that has the value's kind; where there is none, the kind is."""
    members = [member for member in wanted.types if _fits(value, member)]
    if members:
        yield from misfits(value, members[0], path)
    else:
        yield _wrong_kind(value, wanted, path)


def _fits(value: object, wanted: Type) -> bool:
    """Tell whether a value is of a kind, whatever it holds."""
    if isinstance(wanted, BoolType):
        return isinstance(value, bool)
    if isinstance(wanted, IntType):
        return isinstance(value, int) and not isinstance(value, bool)
    if isinstance(wanted, FloatType):
        return isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(wanted, StrType):
        return isinstance(value, str)
    if isinstance(wanted, ListType):
        return isinstance(value, list)
    return isinstance(wanted, DictType | StructType) and isinstance(value, dict)


def _wrong_kind(value: object, wanted: Type, path: str) -> Fault:
    name = path.rpartition(".")[2].partition("[")[0]
    if isinstance(wanted, StrType) and isinstance(value, int) and not isinstance(value, bool):
        remedy = f"put it in quotes: {toml_value(str(value))}"
    elif isinstance(wanted, ListType) and _fits(value, wanted.item_type) and isinstance(value, str | int):
        remedy = f"write {name} = {toml_value([value])}"
    elif isinstance(wanted, StructType):
        line = f"[[{name}]]" if "[" in path else f"[{name}]"
        remedy = f"write {line} on a line of its own, and its keys below"
    else:
        remedy = f"write something such as {name} = {example_of(wanted)}"
    return Fault(path, f"must be {kind_of_type(wanted)}, not {_kind_of_value(value)}", remedy)


def example_of(wanted: Type) -> str:
    """Return a value of a type, as TOML spells it."""
    if isinstance(wanted, UnionType):
        return example_of(wanted.types[0])
    if isinstance(wanted, ListType):
        return f"[{example_of(wanted.item_type)}]"
    if isinstance(wanted, DictType):
        return f"{{ name = {example_of(wanted.value_type)} }}"
    return _EXAMPLES.get(type(wanted), "{ }")


def kind_of_type(wanted: Type) -> str:
    """Name a type for people."""
    if isinstance(wanted, UnionType):
        return " or ".join(kind_of_type(member) for member in wanted.types if not isinstance(member, NoneType))
    kinds = {StrType: "text", IntType: "a whole number", FloatType: "a number", BoolType: "true or false"}
    return kinds.get(type(wanted), "a list" if isinstance(wanted, ListType) else "a table")


def _kind_of_value(value: object) -> str:
    kinds = {str: "text", bool: "true or false", int: "a number", float: "a fraction", list: "a list", dict: "a table"}
    return kinds.get(type(value), "a date or a time")
