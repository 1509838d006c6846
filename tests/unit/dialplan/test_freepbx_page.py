"""docs/freepbx.md gives the destinations that the generated dialplan knows, in a configuration that loads."""

import re
import tomllib
from pathlib import Path

from fallbackrouter.config.load import load_settings
from fallbackrouter.dialplan.freepbx import DESTINATIONS

PAGE = (Path(__file__).parents[3] / "docs/freepbx.md").read_text(encoding="utf-8")


def test_its_configuration_loads_and_has_every_destination(tmp_path: Path) -> None:
    [example] = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert tomllib.loads(example)["destinations"] == DESTINATIONS
    file = tmp_path / "fallbackrouter.toml"
    file.write_text(example, encoding="utf-8")
    assert load_settings(file, {}).notes == ()


def test_it_names_the_contexts_that_are_there() -> None:
    assert set(re.findall(r"fallbackrouter-[a-z]+", PAGE)) == {"fallbackrouter-in"}
