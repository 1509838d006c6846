"""How long `rules backtest` takes over 100,000 calls on record.

Usage: python -m benchmarks.backtest [CALLS]. Every call has another caller, the rules ask who calls, and the edit
changes some of them.
"""

import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fallbackrouter.config.load import load_settings
from fallbackrouter.config.rules import apply_configured_rules
from fallbackrouter.core.call import Call
from fallbackrouter.core.decision import Decision, Step
from fallbackrouter.core.route import Route
from fallbackrouter.core.verdict import Hit, Miss, TimedOut
from fallbackrouter.numbering import Numbering
from fallbackrouter.store.migrate import upgrade
from fallbackrouter.store.opened import opened
from fallbackrouter.store.rows import DECISION_COLUMNS, decision_row

CALLS = 100_000
RULES = 300
CONFIG = """
[crm]
url = "http://127.0.0.1:9/{stage}"
[numbers]
region = "RU"
[last_resort]
app = "group"
num = "100"
"""


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else CALLS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_house(folder)
        make_calls(folder / "var" / "journal.db", count)
        edit_rules(folder)
        program = [sys.executable, "-m", "fallbackrouter", "rules", "backtest", "--last", str(count), "--json"]
        began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(program, cwd=folder, env=os.environ, stdout=subprocess.PIPE, text=True, check=True)
        took_s, used = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu_s = used.ru_utime - before.ru_utime + used.ru_stime - before.ru_stime
    report = json.loads(done.stdout)
    print(f"{report['calls']:,} calls decided twice by {RULES} rules in {took_s:.1f} s, start of Python included")
    print(f"{cpu_s:.1f} s of it on a processor")
    print(f"{report['elsewhere']:,} would go elsewhere, in {len(report['changes'])} changes")


def make_house(folder: Path) -> None:
    (folder / "fallbackrouter.toml").write_text(CONFIG, encoding="utf-8")
    (folder / "rules").mkdir()
    (folder / "var").mkdir()
    lines = [
        f"- {{name: rule {n}, did: '7495{n:07d}', caller: '_7916XXXXXXX', route: {{app: group, num: '{n}'}}}}\n"
        for n in range(RULES - 1)
    ]
    lines.append("- {name: others, did: _7495XXXXXXX, when: '08:00-20:00,mon-fri', route: {app: queue, num: '7'}}\n")
    (folder / "rules" / "rules.yaml").write_text("".join(lines), encoding="utf-8")
    journal = folder / "var" / "journal.db"
    upgrade(journal)
    loaded = load_settings(folder / "fallbackrouter.toml", {})
    applied = apply_configured_rules(loaded, journal, "benchmark", datetime.now(UTC))
    if not applied.ok:
        raise SystemExit(applied.problems[0].text)


def edit_rules(folder: Path) -> None:
    file = folder / "rules" / "rules.yaml"
    text = file.read_text(encoding="utf-8").replace("_7916XXXXXXX", "_791[67]XXXXXXX").replace("20:00", "19:00")
    file.write_text(text, encoding="utf-8")


def make_calls(journal: Path, count: int) -> None:
    drawn = random.Random(1)
    now = datetime.now(UTC)
    sql = f"INSERT INTO decisions ({', '.join(DECISION_COLUMNS)}) VALUES ({', '.join('?' * len(DECISION_COLUMNS))})"  # noqa: S608 - our own names
    with opened(journal) as connection:
        rows = (decision_row(one_call(n, count, now, drawn)) for n in range(count))
        connection.executemany(sql, rows)


def one_call(number: int, count: int, now: datetime, drawn: random.Random) -> Decision:
    at = now - timedelta(seconds=7 * 86_400 * (count - number) / count)
    did = f"7495{drawn.randrange(2 * RULES):07d}"
    call = Call(did=Numbering("").read(did), caller=Numbering("").read(f"79{drawn.randrange(16, 20)}{number:07d}"))
    route = Route((("app", "group"), ("num", "62"), ("time", "60")))
    from_live = drawn.choice((True, False))
    steps = [Step("override", Miss(), 0.01)]
    if from_live:
        steps.append(Step("live", Hit(route), 40.0))
    else:
        steps += [Step("live", TimedOut("no answer within 300 ms"), 300.0), Step("remembered", Miss(), 0.01)]
        steps += [Step("synced", Miss(), 0.01), Step("fallback", Hit(route, "rule 1"), 0.02)]
    milliseconds = int(at.timestamp() * 1000)
    text = f"{milliseconds:012x}7000{8 << 60 | number:016x}"
    decision_id = f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
    source, rule = ("live", "") if from_live else ("fallback", "rule 1")
    return Decision(decision_id, at, "pbx1", call, route, source, rule, "ok", tuple(steps))


if __name__ == "__main__":
    main()
