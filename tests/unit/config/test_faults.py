"""What is refused: one sentence that names the place, the key and the remedy."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from fallbackrouter.config.limits import LIMITS
from fallbackrouter.config.load import load_settings
from fallbackrouter.core.errors import ConfigError

LAST = '[last_resort]\napp = "group"\nnum = "100"\n'


def refusal(tmp_path: Path, text: str, environ: Mapping[str, str] | None = None) -> str:
    file = tmp_path / "fallbackrouter.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_settings(file, environ or {})
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert "; " in sentence
    return sentence.replace(str(file), "FILE")


@pytest.mark.parametrize(
    ("text", "key", "remedy"),
    [
        ("", "last_resort is missing", 'app = "group"'),
        ("[last_resort]\n", "last_resort is refused: no app", "group"),
        ("last_resort = 5\n", "last_resort must be a table, not a number", "last_resort = {"),
        ('[last_resort]\napp = "grp"\n', "last_resort.app is refused: unknown app grp", "write group"),
        ('[last_resort]\napp = "group"\n', "last_resort is refused: app group needs num", "num"),
        ('[last_resort]\napp = "group"\nnum = 100\n', "last_resort.num must be text, not a number", '"100"'),
        ('[last_resort]\napp = "auto"\ntiem = "5"\n', "last_resort.tiem is no variable", "write time"),
        ('[last_resort]\napp = "auto"\nFR_RULE = "5"\n', "last_resort.FR_RULE is no variable", "write"),
        ('[last_resort]\napp = "auto"\ntext = "a\\nb"\n', "last_resort.text is refused", "correct"),
        (f"colour = 1\n{LAST}", "colour is no key", "write"),
        (f"wrokers = 1\n{LAST}", "wrokers is no key", "write"),
        (f"heartbeat_ms = 1\n{LAST}", "heartbeat_ms is no key", "write it below [agi]"),
        (f"[agi]\ndata_dir = 'x'\n{LAST}", "agi.data_dir is no key", "write it above the first [table]"),
        (f"[agi]\nwokers = 1\n{LAST}", "agi.wokers is no key", "write workers"),
        (f"[journl]\n{LAST}", "journl is no key", "write journal"),
        (f"[agi]\nworkers = '1'\n{LAST}", "agi.workers must be a whole number, not text", "workers = 1"),
        (f"[agi]\nworkers = 1.5\n{LAST}", "agi.workers must be a whole number, not a fraction", "workers = 1"),
        (f"[agi]\nworkers = true\n{LAST}", "agi.workers must be a whole number, not true or false", "workers = 1"),
        (f"[crm]\ncoalesce = 1\n{LAST}", "crm.coalesce must be true or false, not a number", "coalesce = true"),
        (f"[budget]\ncall_ms = 2026-01-01\n{LAST}", "budget.call_ms must be a number, not a date", "call_ms = 1.5"),
        (f"agi = 5\n{LAST}", "agi must be a table", "[agi]"),
        (f"policy = [5]\n{LAST}", "policy[1] must be a table", "[[policy]]"),
        (f"policy = 5\n{LAST}", "policy must be a list", "policy ="),
        (f"[[policy]]\ndid = 5\n{LAST}", "policy[1].did must be text or a list", 'did = "text"'),
        (f"[[policy]]\n[[policy]]\ndid = ['1', 2]\n{LAST}", "policy[2].did[2] must be text", '"2"'),
        (f"[agi]\nlisten = '127.0.0.1:1'\n{LAST}", "agi.listen must be a list, not text", '["127.0.0.1:1"]'),
        (f"[agi]\nlisten = ['127.0.0.1:1', 5]\n{LAST}", "agi.listen[2] must be text", '"5"'),
        (f"[agi]\npaths = {{ cur = 'did' }}\n{LAST}", "agi.paths.cur must be a list, not text", '["did"]'),
        (f"[agi]\nlisten = []\n{LAST}", "agi.listen is empty", "127.0.0.1:4573"),
        (f"[agi]\nlisten = ['localhost:4573']\n{LAST}", 'agi.listen[1] is "localhost:4573"', "never a host's name"),
        (f"[agi]\nlisten = ['127.0.0.1']\n{LAST}", "agi.listen[1]", "ip:port"),
        (f"[agi]\nlisten = ['::1:4573']\n{LAST}", "agi.listen[1]", "[::1]:4573"),
        (f"[agi]\nlisten = ['127.0.0.1:65536']\n{LAST}", "agi.listen[1]", "ip:port"),
        (f"[agi]\nlisten = ['127.0.0.1:4580']\n{LAST}", "agi.http_listen[1] is the address of agi.listen[1]", "port"),
        (f"[admin]\nlisten = 'x'\n{LAST}", "admin.listen", "ip:port"),
        (f"[admin]\nlisten = '0.0.0.0:8080'\n{LAST}", "admin.listen is 0.0.0.0:8080, where passwords", "admin.cert"),
        (f"[admin]\nallow = []\n{LAST}", "admin.allow is empty", "127.0.0.0/8"),
        (f"[admin]\ncert = 'x.pem'\n{LAST}", "admin.key is missing", "write it, or drop the other"),
        (f"[admin]\nkey = 'x.pem'\n{LAST}", "admin.cert is missing", "write it, or drop the other"),
        (f"[admin]\ncert = 'x.pem'\nkey = 'y.pem'\n{LAST}", 'admin.cert is "x.pem"', "PEM files"),
        (f"[admin]\nsync_secret = 'short'\n{LAST}", "admin.sync_secret is too short", "16 characters"),
        (f"[admin]\nsync_secret = 'a b'\n{LAST}", "admin.sync_secret holds no token", "printable"),
        (f"[admin]\nsync_secret_file = 'no.such'\n{LAST}", "admin.sync_secret_file names", "correct it"),
        (f"[agi]\nallow = []\n{LAST}", "agi.allow is empty", "127.0.0.0/8"),
        (f"[agi]\nallow = ['10.0.0.0/33']\n{LAST}", "agi.allow[1]", "10.0.0.0/8"),
        (f"[agi]\nallow = ['10.0.0.5/8']\n{LAST}", "agi.allow[1]", "write 10.0.0.0/8"),
        (f"[agi]\nallow = ['pbx']\n{LAST}", "agi.allow[1]", "10.0.0.0/8"),
        (f"[agi]\npaths = {{ ask = ['did'] }}\n{LAST}", "agi.paths.ask is a path of the router's own", "another"),
        (f"[agi]\npaths = {{ test = ['did'] }}\n{LAST}", "agi.paths.test is a path of the router's own", "another"),
        (f"[agi]\npaths = {{ 'a/b' = ['did'] }}\n{LAST}", "agi.paths.a/b is no path's name", "letters"),
        (f"[agi]\npaths = {{ cur = ['dids'] }}\n{LAST}", 'agi.paths.cur[1] is "dids"', "write did"),
        (f"[agi]\npaths = {{ cur = ['did', 'did'] }}\n{LAST}", "agi.paths.cur names a field twice", "once"),
        (
            f"[agi]\nlisten = {[f'127.0.0.1:{port}' for port in range(1, 34)]}\n{LAST}",
            "agi.listen has 33",
            "at most 32",
        ),
        (f"[agi]\nallow = {[f'10.0.0.{host}' for host in range(33)]}\n{LAST}", "agi.allow has 33", "at most 32"),
        (
            "".join(["[agi.paths]\n", *(f"p{i} = []\n" for i in range(33)), LAST]),
            "agi.paths has 33 paths",
            "at most 32",
        ),
        (f"[events]\nstages = {[f's{i}' for i in range(33)]}\n{LAST}", "events.stages has 33 entries", "at most 32"),
        (f"[budget]\ncall_ms = 0\n{LAST}", "budget.call_ms is 0", "above 0"),
        (f"[budget]\ncall_ms = nan\n{LAST}", "budget.call_ms is nan", "above 0"),
        (f"[budget]\ncall_ms = inf\n{LAST}", "budget.call_ms is inf", "above 0"),
        (f"[budget]\ncall_ms = 200\n{LAST}", "budget.live_ms is 300, more than budget.call_ms (200)", "lower"),
        (f"[budget]\njournal_ms = 500\n{LAST}", "budget.journal_ms is 500", "lower"),
        (f"[crm]\nurl = 'crm.example/x'\n{LAST}", "crm.url is no http or https URL", "https://"),
        (f"[crm]\nurl = 'ftp://crm.example/x'\n{LAST}", "crm.url is no http or https URL", "https://"),
        (f"[crm]\nurl = 'https:///x'\n{LAST}", "crm.url is no http or https URL", "https://"),
        (f"[crm]\nurl = 'https://crm.example:x/'\n{LAST}", "crm.url is no http or https URL", "https://"),
        (f"[crm]\nurl = 'https://crm.example:0/'\n{LAST}", "crm.url is no http or https URL", "https://"),
        (f"[crm]\nurl = 'https://{{stage}}.example/'\n{LAST}", "crm.url is no http or https URL", "https://"),
        (f"[crm]\nurl = 'https://a..b/'\n{LAST}", "crm.url is no http or https URL", "https://"),
        (f"[crm]\nurl = 'https://300.1.1.1/'\n{LAST}", "crm.url is no http or https URL", "https://"),
        (f"[crm]\nurl = 'https://a,b/'\n{LAST}", "crm.url is no http or https URL", "https://"),
        (f"[crm]\nurl = 'https://{'a' * 2000}/'\n{LAST}", "crm.url holds blanks", "https://"),
        (f"[crm]\nurl = 'https://[::1/'\n{LAST}", "crm.url is no http or https URL", "https://"),
        (f"[crm]\nurl = 'https://u:p@crm.example/'\n{LAST}", "crm.url holds a user", "token_file"),
        (f"[crm]\nurl = 'https://crm.example/#a'\n{LAST}", "crm.url ends in a #fragment", "take it out"),
        (f"[crm]\nurl = 'https://crm.example/{{id}}'\n{LAST}", "crm.url holds {id}", "{stage}"),
        (f"[crm]\nurl = 'https://crm.example/ x'\n{LAST}", "crm.url holds blanks", "https://"),
        (f"[crm]\nroutes_url = 'https://crm.example/{{stage}}'\n{LAST}", "crm.routes_url holds {stage}", "take it out"),
        (f"[crm]\ntoken = 'a'\ntoken_file = 'b'\n{LAST}", "crm.token and crm.token_file are both set", "keep one"),
        (f"[crm]\ntoken = 'a b'\n{LAST}", "crm.token holds no token", "blanks"),
        (f"[crm]\ntoken_file = 'none'\n{LAST}", "crm.token_file names", "correct"),
        (f"[crm]\nca_file = 'none'\n{LAST}", 'crm.ca_file is "none"', "correct"),
        (f"[crm]\nclient_cert = 'fallbackrouter.toml'\n{LAST}", "crm.client_key is missing", "write it"),
        (f"[crm]\nnumber_form = 'e146'\n{LAST}", 'crm.number_form is "e146"', "write e164"),
        (f"[answers]\nnum = '['\n{LAST}", "answers.num is no regular expression", "correct"),
        (f"[answers]\nnum = '[[a-z]'\n{LAST}", "answers.num is no regular expression", "correct"),
        (f"[answers]\nexternal = ''\n{LAST}", "answers.external has 0 characters", "1 to 200"),
        (f"[answers]\nexternal = '{'a' * 201}'\n{LAST}", "answers.external has 201 characters", "1 to 200"),
        (f"[answers]\nvariables = ['num']\n{LAST}", "answers.variables lacks app", 'add "app"'),
        (f"[answers]\nvariables = ['app', 'num', 'fr_x']\n{LAST}", 'answers.variables[3] is "fr_x"', "FR_"),
        (f"[answers]\nvariables = ['app', 'num', 'a-b']\n{LAST}", "answers.variables[3]", "letter"),
        (f"[answers]\nvariables = ['app', 'num', 'num']\n{LAST}", "answers.variables[3]", "take one out"),
        (f"[answers]\nvariables = {['app', *(f'v{i:060}' for i in range(5))]}\n{LAST}", "AGI line", "at most"),
        (f"[answers]\nvariables = {['app', *(f'v{i}' for i in range(85))]}\n{LAST}", "AGI line", "at most"),
        (f"[answers]\nvariables = ['app']\n{LAST}", "answers.apps.group needs", "write app"),
        (f"[answers]\napps = {{}}\n{LAST}", "answers.apps has 0 apps", "1 to"),
        (f"[answers]\napps = {{ 'A b' = [] }}\n{LAST}", "answers.apps.A b is no app's name", "a-z"),
        (f"[answers]\nfunctions = ['CALLERID']\n{LAST}", "answers.functions[1]", "CALLERID(name)"),
        (f"[answers]\nfunctions = {['A(b)'] * 9}\n{LAST}", "answers.functions has 9 entries", "at most 8"),
        (f"[answers]\nquotes = 'drop'\n{LAST}", 'answers.quotes is "drop"', "strip"),
        (f"[destinations]\ngrp = 'a,s,1'\n{LAST}", "destinations.grp is no app", "write group"),
        (f"[destinations]\ngroup = 'a,s'\n{LAST}", "destinations.group is", "ext-group,{num},1"),
        (f"[destinations]\ngroup = 'a,{{x}},1'\n{LAST}", "destinations.group is", "ext-group,{num},1"),
        (f"[destinations]\ngroup = 'a, s,1'\n{LAST}", "destinations.group is", "ext-group,{num},1"),
        (f"[destinations]\ngroup = 'a{'b' * 80},s,1'\n{LAST}", "destinations.group is", "ext-group,{num},1"),
        (f"[[policy]]\norder = []\n{LAST}", "policy[1].order is empty", "last_resort"),
        (f"[[policy]]\norder = ['liv']\n{LAST}", 'policy[1].order[1] is "liv"', "write live"),
        (f"[[policy]]\norder = ['live', 'live']\n{LAST}", "policy[1].order[2] is live for the second time", "take"),
        (f"[[policy]]\norder = ['last_resort', 'live']\n{LAST}", "policy[1].order[1] is last_resort", "the end"),
        (f"[[policy]]\ndid = '7800XXXXXXX'\n{LAST}", "policy[1].did cannot be used", "_7800XXXXXXX"),
        (f"[[policy]]\ndid = ['1', '_[5-3]']\n{LAST}", "policy[1].did[2] cannot be used", "write"),
        (f"[[policy]]\ndid = ['']\n{LAST}", "policy[1].did[1] is empty", "take"),
        (f"[[policy]]\ndid = []\n{LAST}", "policy[1].did has 0 entries", "leave did out"),
        (f"[[policy]]\ndid = 'withheld'\n{LAST}", "policy[1].did is withheld", "any"),
        (f"[[policy]]\nlive_ms = 500\n{LAST}", "policy[1].live_ms is 500, more than the 400", "lower"),
        (f"[[policy]]\nfresh_ms = -1\n{LAST}", "policy[1].fresh_ms is -1", "above 0"),
        ("[[policy]]\n" * 101 + LAST, "policy has 101 entries", "at most 100"),
        (f"data_dir = ''\n{LAST}", "data_dir names no folder", "path"),
        (f'data_dir = "a\\u0000b"\n{LAST}', "data_dir names no folder", "path"),
        (f"node = 'a b'\n{LAST}", 'node is "a b"', "letters"),
        (f"[events]\nstages = ['init']\n{LAST}", "events.stages[1] is init", "take it out"),
        (f"[events]\nstages = ['End']\n{LAST}", 'events.stages[1] is "End"', "a-z"),
        (f"[events]\nstages = ['a', 'a']\n{LAST}", "events.stages[2] is a for the second time", "take"),
        (f"[events]\nrouted = 'X Y'\n{LAST}", "events.routed", "routed"),
        (f"[numbers]\nregion = 'ru'\n{LAST}", "numbers.region", 'write "RU"'),
        (f"[numbers]\nregion = 'XX'\n{LAST}", "numbers.region", '"RU"'),
        (f"[rules]\ntimezone = 'Moscow'\n{LAST}", "rules.timezone", "Europe/Moscow"),
        (f"[log]\nlevel = 'inof'\n{LAST}", 'log.level is "inof"', "write info"),
        (f"[log]\nformat = 'xml'\n{LAST}", 'log.format is "xml"', "json"),
    ],
)
def test_a_key_that_cannot_be_used(tmp_path: Path, text: str, key: str, remedy: str) -> None:
    sentence = refusal(tmp_path, text)
    assert sentence.startswith("FILE: ")
    what, _, instead = sentence.partition("; ")
    assert key in what
    assert remedy in instead


@pytest.mark.parametrize("key", sorted(LIMITS))
def test_every_number_has_bounds_that_hold(tmp_path: Path, key: str) -> None:
    section, _, name = key.partition(".")
    table = f"[[{section}]]" if section == "policy" else f"[{section}]"
    limit = LIMITS[key]
    outside = [limit.most + 1, limit.least if limit.above else limit.least - 1]
    for number in outside:
        sentence = refusal(tmp_path, f"{table}\n{name} = {number}\n{LAST}")
        assert limit.text in sentence
        assert f".{name} is " in sentence
    assert limit.admits(limit.most)
    assert limit.admits(limit.least) is not limit.above


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("data_dir = \n", "FILE, line 1: invalid value"),
        ("\n\nx y\n", "FILE, line 3: "),
        ("[agi]\n[agi]\n", "FILE, line 2: "),
        ("data_dir = 'a", "FILE"),
        ("x = " + "[" * 100_000, "FILE: brackets are nested too deeply"),
    ],
)
def test_text_that_is_no_toml_names_the_line(tmp_path: Path, text: str, where: str) -> None:
    assert refusal(tmp_path, text).startswith(where)


def test_bytes_that_are_no_text_name_the_line(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_bytes(b"# a\n# \xff\n")
    with pytest.raises(ConfigError, match=r"line 2: the text is not UTF-8"):
        load_settings(file, {})
    file.write_bytes(b"#" * 300_000)
    with pytest.raises(ConfigError, match="larger than 256 kB"):
        load_settings(file, {})
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(tmp_path, {})


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("FALLBACKROUTER_AGI__WORKRES", "2", "is no key of the configuration; write FALLBACKROUTER_AGI__WORKERS"),
        ("FALLBACKROUTER_", "2", "is no key of the configuration"),
        ("FALLBACKROUTER_AGI__WORKERS__X", "2", "is no key of the configuration"),
        ("FALLBACKROUTER_AGI__WORKERS", "two", "must be a whole number as TOML writes it; write something such as 1"),
        ("FALLBACKROUTER_AGI__WORKERS", "", "must be a whole number as TOML writes it"),
        ("FALLBACKROUTER_AGI__WORKERS", "2\nx = 5", "must be a whole number as TOML writes it"),
        ("FALLBACKROUTER_AGI__WORKERS", "'2'", "FALLBACKROUTER_AGI__WORKERS: agi.workers must be a whole number"),
        ("FALLBACKROUTER_AGI__WORKERS", "100", "FALLBACKROUTER_AGI__WORKERS: agi.workers is 100; write a number, 1 to"),
        (
            "FALLBACKROUTER_CRM__COALESCE",
            "yes",
            "must be true or false as TOML writes it; write something such as true",
        ),
        (
            "FALLBACKROUTER_AGI__LISTEN",
            "127.0.0.1:1",
            'must be a list as TOML writes it; write something such as ["text"]',
        ),
        ("FALLBACKROUTER_AGI__LISTEN", '["x"]', "environment variable FALLBACKROUTER_AGI__LISTEN: agi.listen[1] is"),
        ("FALLBACKROUTER_AGI__LISTEN", "[" * 50_000, "must be a list as TOML writes it"),
        ("FALLBACKROUTER_AGI__LISTEN", '["' + "x" * 70_000 + '"]', "must be a list as TOML writes it"),
        ("FALLBACKROUTER_LAST_RESORT__NUM", "1,2", "FALLBACKROUTER_LAST_RESORT__NUM: last_resort.num is refused"),
        ("FALLBACKROUTER_LAST_RESORT", "{ app = 'x' }", "FALLBACKROUTER_LAST_RESORT: last_resort.app is refused"),
        ("FALLBACKROUTER_POLICY", '[{ did = "7X" }]', "FALLBACKROUTER_POLICY: policy[1].did cannot be used"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named(tmp_path: Path, variable: str, value: str, words: str) -> None:
    sentence = refusal(tmp_path, LAST, {variable: value})
    assert sentence.startswith("environment variable ")
    assert words in sentence


def test_a_token_is_never_part_of_the_sentence(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("hunter2 hunter3\n", encoding="utf-8")
    assert "hunter" not in refusal(tmp_path, f"[crm]\ntoken_file = 'token'\n{LAST}")
    assert "hunter" not in refusal(tmp_path, f"[crm]\ntoken = 'hunter2 hunter3'\n{LAST}")
