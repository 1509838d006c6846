"""docs/configuration.md against the settings: no key undocumented, none stale, each with its true default."""

import re
from pathlib import Path

import pytest
from msgspec.inspect import FloatType, IntType, NoneType, UnionType

from fallbackrouter.config.keys import Key, all_keys
from fallbackrouter.config.limits import LIMITS
from fallbackrouter.config.load import load_settings
from fallbackrouter.config.meanings import MEANINGS, SECTIONS
from fallbackrouter.config.toml import toml_value

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def _row(key: Key) -> str:
    limit = f" ({LIMITS[key.path].text})" if key.path in LIMITS else ""
    default = f"`{toml_value(key.default)}`" if key.default is not None else "as in `[budget]`, or the usual order"
    shown = "required" if key.required else default
    env = f"`{key.env}`" if key.env else ""
    return f"| `{key.path}` | {MEANINGS[key.path]}{limit} | {shown} | {env} |"


def test_every_key_stands_in_the_page_as_it_is_and_no_other_does() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    assert sorted(rows) == sorted(map(_row, all_keys().values()))


def test_every_section_has_a_heading() -> None:
    for section, title in SECTIONS.items():
        assert (f"## `[{section}]`: {title}" if section else f"## {title}") in PAGE.splitlines()


def test_every_key_has_a_meaning_and_every_meaning_a_key() -> None:
    assert set(MEANINGS) == set(all_keys())


def _is_number(key: Key) -> bool:
    types = key.type.types if isinstance(key.type, UnionType) else (key.type,)
    return all(isinstance(member, IntType | FloatType | NoneType) for member in types)


def test_every_number_has_bounds() -> None:
    assert set(LIMITS) == {path for path, key in all_keys().items() if _is_number(key)}


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_loads(tmp_path: Path, example: str) -> None:
    (tmp_path / "crm.token").write_text("token\n", encoding="utf-8")
    file = tmp_path / "fallbackrouter.toml"
    file.write_text(example, encoding="utf-8")
    assert load_settings(file, {}).notes == ()


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 4
