"""The figures that proofs come by: kept as JSON lines where `make proof` collects them.

A test asks for `record_figure` and hands it what it counted; without PROOF_FIGURES nothing is written.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

FILE = "PROOF_FIGURES"
"""Environment variable: the file to add to."""

Record = Callable[[str, float | str], None]
"""What was counted, in words that stand for themselves in docs/proof.md; how much."""


@pytest.fixture
def record_figure(request: pytest.FixtureRequest) -> Record:
    """Keep a figure of this test."""
    path = os.environ.get(FILE)

    def record(name: str, value: float | str) -> None:
        if path:
            line = json.dumps({"test": request.node.nodeid, "name": name, "value": value}, ensure_ascii=False)
            with Path(path).open("a", encoding="utf-8") as out:
                out.write(line + "\n")

    return record
