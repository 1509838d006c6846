"""The configuration as frozen values; every key's name is a contract.

Defaults stand here and nowhere else. Lengths of time carry their unit in the name.
"""

import msgspec


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the configuration file; an unknown key in it is an error."""


def _cur_paths() -> dict[str, list[str]]:
    return {
        "cur": ["did", "caller", "call_id", "stage", "short", "link"],
        "cur1": ["did", "caller", "call_id", "stage", "short", "line"],
    }


def _apps() -> dict[str, list[str]]:
    with_num = ("group", "queue", "extension", "external", "ivr", "voicemail")
    return {**{app: ["num"] for app in with_num}, "auto": [], "code": [], "hangup": []}


def _speech_command() -> list[str]:
    return ["espeak-ng", "-v", "{voice}", "--stdout", "--stdin"]


class Agi(Section, frozen=True):
    """`[agi]`: the door that Asterisk knocks at."""

    listen: list[str] = msgspec.field(default_factory=lambda: ["127.0.0.1:4573"])
    http_listen: list[str] = msgspec.field(default_factory=lambda: ["127.0.0.1:4580"])
    paths: dict[str, list[str]] = msgspec.field(default_factory=_cur_paths)
    allow: list[str] = msgspec.field(default_factory=lambda: ["127.0.0.0/8", "::1/128"])
    workers: int = 1
    max_calls: int = 2000
    heartbeat_ms: int = 2000
    max_rss_mb: int = 0


class Budget(Section, frozen=True):
    """`[budget]`: how long a call may take, in ms."""

    call_ms: float = 400
    live_ms: float = 300
    fresh_ms: float = 80
    journal_ms: float = 20


class Crm(Section, frozen=True):
    """`[crm]`: the live CRM."""

    url: str = ""
    probe_url: str = ""
    routes_url: str = ""
    token: str = ""
    token_file: str = ""
    ca_file: str = ""
    client_cert: str = ""
    client_key: str = ""
    max_in_flight: int = 32
    max_waiting: int = 200
    max_late: int = 8
    late_ms: float = 2000
    coalesce: bool = False
    max_answer_bytes: int = 65536
    number_form: str = "raw"
    keepalive_s: float = 4.0
    dns_max_stale_s: float = 86400
    nameservers: list[str] = msgspec.field(default_factory=list)


class Remembered(Section, frozen=True):
    """`[remembered]`: the CRM's latest good answers."""

    max_entries: int = 100_000
    ttl_s: float = 300
    max_stale_s: float = 86400
    never: list[str] = msgspec.field(default_factory=lambda: ["auto", "ivr", "code"])


class Sync(Section, frozen=True):
    """`[sync]`: the route table that the CRM feeds us."""

    every_s: float = 60
    max_shrink: float = 0.3
    max_rejects: float = 0.05
    max_patterns: int = 10_000
    max_backoff_s: float = 900
    stale_after_s: float = 900
    window: list[str] = msgspec.field(default_factory=list)
    map: dict[str, str] = {}


class Events(Section, frozen=True):
    """`[events]`: what the CRM has to be told."""

    stages: list[str] = msgspec.field(default_factory=lambda: ["start", "end_auto", "end_failed"])
    routed: str = ""
    ttl_s: float = 604_800
    max_in_flight: int = 8
    max_rate: float = 100
    timeout_s: float = 10


class Recordings(Section, frozen=True):
    """`[recordings]`: the files that `link` names."""

    dir: str = ""
    url: str = ""
    wait_s: float = 300


class Rules(Section, frozen=True):
    """`[rules]`: the admin's static rules."""

    dir: str = "rules"
    auto_apply: bool = False
    timezone: str = ""


class Answers(Section, frozen=True):
    """`[answers]`: the gate between the outside and the dialplan."""

    apps: dict[str, list[str]] = msgspec.field(default_factory=_apps)
    num: str = "[0-9A-Za-z_+*#.-]{1,40}"
    external: str = "[0-9+]{3,15}"
    variables: list[str] = msgspec.field(
        default_factory=lambda: ["app", "num", "time", "auto", "audio1", "text", "digium", "select"]
    )
    functions: list[str] = msgspec.field(default_factory=lambda: ["CALLERID(name)"])
    quotes: str = "strip"


class Numbers(Section, frozen=True):
    """`[numbers]`: the numbering plan."""

    region: str = ""


class Journal(Section, frozen=True):
    """`[journal]`: the record of every decision."""

    max_pending: int = 20_000
    keep_days: float = 365
    max_mb: float = 8_192
    min_free_mb: float = 256
    mask_after_days: float = 0
    mask: str = "mask"


class Ami(Section, frozen=True):
    """`[ami]`: Asterisk's manager interface."""

    connect: str = "127.0.0.1:5038"
    user: str = ""
    secret: str = ""
    secret_file: str = ""
    grace_s: float = 30


class Calls(Section, frozen=True):
    """`[calls]`: the calls that the CRM may have made."""

    contexts: list[str] = msgspec.field(default_factory=list)
    channels: list[str] = msgspec.field(default_factory=list)
    variables: list[str] = msgspec.field(default_factory=lambda: ["crm", "text", "queue", "line"])
    caller_ids: list[str] = msgspec.field(default_factory=list)
    exten: str = "[0-9A-Za-z_+*#.-]{1,40}"
    hours: list[str] = msgspec.field(default_factory=list)
    do_not_call: list[str] = msgspec.field(default_factory=list)
    at_once: int = 10
    max_rate: float = 5
    max_per_minute: int = 60
    max_waiting: int = 1_000
    timeout_s: int = 30
    not_after_s: float = 60
    stage: str = "call_ended"


class Dialplan(Section, frozen=True):
    """`[dialplan]`: the dialplan that Asterisk keeps routing by when the router is gone."""

    file: str = ""
    target: str = "asterisk"
    events: str = "curl"
    max_rules: int = 2_000
    auto: bool = False


class Prompts(Section, frozen=True):
    """`[prompts]`: audio that routes name by URL, and text that is spoken, kept as files that Asterisk plays."""

    dir: str = ""
    max_mb: float = 500
    max_file_mb: float = 20
    max_s: float = 300
    fetch_s: float = 60
    recheck_s: float = 3_600
    hosts: list[str] = msgspec.field(default_factory=list)
    converter: str = "sox"
    spoken: list[str] = msgspec.field(default_factory=lambda: ["text"])
    command: list[str] = msgspec.field(default_factory=_speech_command)
    speech_s: float = 20
    language: str = "en"
    language_variable: str = ""
    voices: dict[str, str] = {}
    warm: dict[str, list[str]] = {}


class Alerts(Section, frozen=True):
    """`[alerts]`: who is told of incidents."""

    command: list[str] = msgspec.field(default_factory=list)
    webhook: str = ""
    webhook_token: str = ""
    webhook_token_file: str = ""
    webhook_ca_file: str = ""
    timeout_s: float = 10
    calm_s: float = 900
    daily: str = ""


class Admin(Section, frozen=True):
    """`[admin]`: the web interface's door."""

    listen: str = "127.0.0.1:8080"
    allow: list[str] = msgspec.field(default_factory=lambda: ["127.0.0.0/8", "::1/128"])
    cert: str = ""
    key: str = ""
    insecure: bool = False
    session_s: float = 43_200
    sync_secret: str = ""
    sync_secret_file: str = ""


class Log(Section, frozen=True):
    """`[log]`: what is written to stderr."""

    level: str = "info"
    format: str = "auto"


class PolicyEntry(Section, frozen=True):
    """`[[policy]]`: another order or budget; without a did, for all calls."""

    did: str | list[str] = ""
    order: list[str] | None = None
    call_ms: float | None = None
    live_ms: float | None = None
    fresh_ms: float | None = None


class Settings(Section, frozen=True):
    """The whole configuration.

    `last_resort` is the one table without defaults: nobody can guess it.
    """

    last_resort: dict[str, str]
    data_dir: str = "var"
    node: str = ""
    agi: Agi = Agi()
    budget: Budget = Budget()
    crm: Crm = Crm()
    remembered: Remembered = Remembered()
    sync: Sync = Sync()
    events: Events = Events()
    recordings: Recordings = Recordings()
    rules: Rules = Rules()
    answers: Answers = Answers()
    numbers: Numbers = Numbers()
    journal: Journal = Journal()
    destinations: dict[str, str] = {}
    dialplan: Dialplan = Dialplan()
    ami: Ami = Ami()
    calls: Calls = Calls()
    prompts: Prompts = Prompts()
    alerts: Alerts = Alerts()
    admin: Admin = Admin()
    log: Log = Log()
    policy: list[PolicyEntry] = []
