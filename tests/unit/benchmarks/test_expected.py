"""What `make bench-check` tells: a ratio that is worse than expected by more than a quarter."""

from pathlib import Path

import pytest

from benchmarks.expected import EXPECTED, check
from benchmarks.figures import Figure, Section


def _check(tmp_path: Path, *figures: Figure, expected: float = 2.0) -> int:
    path = tmp_path / "expected.toml"
    path.write_text(f'[calls]\nshare = {expected}\n[other]\nshare = 1.0\n["never run"]\nx = 1.0\n')
    other = Section.of("other", "", [Figure("share", 1.0)])
    return check([Section.of("calls", "", figures), other], path)


@pytest.mark.parametrize(
    ("figure", "fell"),
    [
        (Figure("share", 2.0 * 0.76), False),
        (Figure("share", 2.0 * 0.74), True),
        (Figure("share", 9.0), False),
        (Figure("share", 2.0 * 0.76, least=0.1), False),
        (Figure("share", 2.0 * 0.74, least=0.1), True),
        (Figure("share", 2.0 * 1.24, most=100), False),
        (Figure("share", 2.0 * 1.26, most=100), True),
        (Figure("share", 0.1, most=100), False),
        (Figure("share", 2.0 * 1.24, better="less"), False),
        (Figure("share", 2.0 * 1.26, better="less"), True),
    ],
)
def test_a_fall_of_more_than_a_quarter_is_told(
    figure: Figure, fell: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _check(tmp_path, figure) == int(fell)
    assert (f"calls: share: {figure.written()}, expected 2" in capsys.readouterr().out) is fell


def test_what_is_expected_and_not_measured_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _check(tmp_path, Figure("a share of another name", 2.0)) == 1
    told = capsys.readouterr().out
    assert "calls: share: expected in expected.toml, and not measured" in told
    assert "never run" not in told


def test_a_figure_with_a_unit_is_no_ratio(tmp_path: Path) -> None:
    assert _check(tmp_path, Figure("share", 0.0001, "ms"), Figure("share", 2.0)) == 0
    assert _check(tmp_path, Figure("share", 2.0, "ms")) == 1


def test_the_file_that_is_kept_can_be_read() -> None:
    assert check([], EXPECTED) == 0
