"""`fallbackrouter rules check`, as people, programs and GitHub's runners read it."""

import json
import os
from pathlib import Path

import pytest

from fallbackrouter.cli.main import main
from fallbackrouter.cli.rules_check import annotation
from fallbackrouter.rulesfile.problem import Problem

CONFIG = '[last_resort]\napp = "group"\nnum = "100"\n'
GOOD = "- name: day\n  did: '74951111111'\n  route: {app: auto}\n"
SHADOWED = GOOD + "- name: late\n  did: '74951111111'\n  when: '09:00-18:00'\n  route: {app: auto}\n"
BROKEN = "- name: x\n- name: y\n  did: _7[\n  route: {app: auto}\n"


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith(("FALLBACKROUTER_", "GITHUB_"))]:
        monkeypatch.delenv(name)
    (tmp_path / "fallbackrouter.toml").write_text(CONFIG)
    (tmp_path / "rules").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _check(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[str], list[str]]:
    with pytest.raises(SystemExit) as ended:
        main(["rules", "check", "--config", "fallbackrouter.toml", *words])
    told = capsys.readouterr()
    return int(ended.value.code or 0), told.out.splitlines(), told.err.splitlines()


def _write(house: Path, text: str) -> None:
    (house / "rules" / "a.yaml").write_text(text, encoding="utf-8")


def test_rules_without_a_problem_are_all_good(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _write(house, GOOD)
    code, out, err = _check(capsys)
    assert (code, err) == (0, [])
    assert out[0].endswith("rules: 1 rules, all good")
    assert _check(capsys, "--format", "github")[:2] == (0, out)
    assert _check(capsys, "--json")[:2] == (0, [])


def test_rules_with_a_warning_are_not_called_all_good(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _write(house, SHADOWED)
    code, out, err = _check(capsys)
    assert code == 0
    assert out[0].endswith("rules: 2 rules, no errors, 1 warning")
    assert len(err) == 1
    _write(house, SHADOWED + "- name: later\n  did: '74951111111'\n  when: '10:00-11:00'\n  route: {app: auto}\n")
    assert _check(capsys)[1][0].endswith("3 rules, no errors, 2 warnings")


@pytest.mark.parametrize("words", [("--json",), ("--format", "json")])
def test_programs_get_an_object_for_each_problem(
    words: tuple[str, ...], house: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _write(house, BROKEN)
    code, out, err = _check(capsys, *words)
    assert (code, err) == (1, [])
    told = [json.loads(line) for line in out]
    assert [(one["line"], one["column"], one["severity"]) for one in told] == [(1, 3, "error"), (3, 8, "error")]
    assert all(set(one) == {"v", "file", "line", "column", "severity", "what", "remedy"} for one in told)
    assert all(one["v"] == 1 and one["what"] and one["remedy"] for one in told)
    assert {one["file"] for one in told} == {str(house / "rules" / "a.yaml")}


def test_github_shows_errors_and_warnings_beside_their_lines(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _write(house, BROKEN)
    code, out, err = _check(capsys, "--format", "github")
    assert (code, err) == (1, [])
    assert [line.split("::")[1] for line in out] == [
        "error file=rules/a.yaml,line=1,col=3",
        "error file=rules/a.yaml,line=3,col=8",
    ]
    _write(house, SHADOWED)
    code, out, err = _check(capsys, "--format", "github")
    assert (code, len(out), err) == (0, 2, [])
    assert out[0].startswith('::warning file=rules/a.yaml,line=4,col=3::rule "late" can never win: ')


def test_github_is_told_of_files_from_the_repository_on(
    house: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(house, BROKEN)
    monkeypatch.setenv("GITHUB_WORKSPACE", str(house.parent))
    assert _check(capsys, "--format", "github")[1][0].startswith(f"::error file={house.name}/rules/a.yaml,line=1,")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(house / "elsewhere"))
    assert _check(capsys, "--format", "github")[1][0].startswith(f"::error file={house}/rules/a.yaml,line=1,")


def test_nothing_in_a_problem_ends_or_begins_a_command_of_github() -> None:
    problem = Problem("/r/a,b:c%\n.yaml", 2, 3, "error", "50% of\r\n::error::x", "no, never: do")
    told = annotation(problem, Path("/r"))
    assert told == "::error file=a%2Cb%3Ac%25%0A.yaml,line=2,col=3::50%25 of%0D%0A::error::x; no, never: do"


def test_two_forms_at_once_are_refused(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _write(house, GOOD)
    code, _, err = _check(capsys, "--json", "--format", "github")
    assert code == 2
    assert "give one of them" in " ".join(err)
