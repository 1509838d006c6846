"""The page on doctor tells of each check, in its order, and of no other."""

import re
from pathlib import Path

from fallbackrouter.doctor.examine import DEADLINES

PAGE = (Path(__file__).parents[3] / "docs" / "doctor.md").read_text(encoding="utf-8")


def test_each_check_is_documented() -> None:
    assert re.findall(r"^\| `([a-z]+)` \|", PAGE, re.MULTILINE) == list(DEADLINES)
