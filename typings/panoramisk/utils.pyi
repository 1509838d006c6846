from collections.abc import ItemsView
from typing import Any

def parse_agi_result(line: str) -> dict[str, Any]: ...

class CaseInsensitiveDict:
    def items(self) -> ItemsView[str, str | list[str]]: ...
