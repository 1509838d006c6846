"""Moments and lengths of time as people write them in `--since`, `--until` and `--slow`."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from fallbackrouter.core.errors import FallbackrouterError
from fallbackrouter.office.moments import read_ms, read_past

MOSCOW = ZoneInfo("Europe/Moscow")
NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-23", datetime(2026, 11, 22, 21, tzinfo=UTC)),
        ("2026-11-23T10:00", datetime(2026, 11, 23, 7, tzinfo=UTC)),
        ("2026-11-23T10:00:30", datetime(2026, 11, 23, 7, 0, 30, tzinfo=UTC)),
        ("2026-11-23T10:00+05:00", datetime(2026, 11, 23, 5, tzinfo=UTC)),
        ("2026-11-23T10:00Z", datetime(2026, 11, 23, 10, tzinfo=UTC)),
        ("90s", datetime(2026, 11, 23, 9, 28, 30, tzinfo=UTC)),
        ("30m", datetime(2026, 11, 23, 9, 0, tzinfo=UTC)),
        ("2h", datetime(2026, 11, 23, 7, 30, tzinfo=UTC)),
        ("7d", datetime(2026, 11, 16, 9, 30, tzinfo=UTC)),
    ],
)
def test_moments_are_read(text: str, moment: datetime) -> None:
    assert read_past("--since", text, MOSCOW, NOW) == moment


def test_none_given_is_none() -> None:
    assert read_past("--since", "", MOSCOW, NOW) is None
    assert read_ms("--slow", "") is None


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "-2h", "2 h", "2w", "999999d", "0001-01-01", "٢h", "h"])
def test_what_is_no_moment_is_one_sentence(text: str) -> None:
    with pytest.raises(FallbackrouterError, match=r"^--until .* is no moment; write 2026-11-23, ") as refused:
        read_past("--until", text, MOSCOW, NOW)
    assert repr(text) in str(refused.value)


@pytest.mark.parametrize(
    ("text", "ms"), [("200ms", 200.0), ("1.5s", 1500.0), ("1s", 1000.0), ("300", 300.0), ("0.25ms", 0.25), ("0", 0.0)]
)
def test_lengths_of_time_are_read(text: str, ms: float) -> None:
    assert read_ms("--slow", text) == ms


@pytest.mark.parametrize("text", ["fast", "-5ms", "1 s", "1m", "1,5s", "nan", "inf", "1e3", "ms", "1.s", "٢ms"])
def test_what_is_no_length_is_one_sentence(text: str) -> None:
    with pytest.raises(FallbackrouterError, match=r"^--slow .* is no length of time; write 200ms or 1\.5s$"):
        read_ms("--slow", text)
