"""What all tests share."""

import pytest

pytest_plugins = ["tests.proof.examples", "tests.proof.figures", "tests.proof.share", "tests.proof.skips"]


@pytest.fixture
def anyio_backend() -> str:
    """The one event loop that the product runs on."""
    return "asyncio"
