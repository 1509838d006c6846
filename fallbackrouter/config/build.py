"""Settings -> the values that the rooms take. For settings that `load_settings` has checked."""

import os
import re
from collections.abc import Mapping
from datetime import tzinfo
from typing import TYPE_CHECKING

from fallbackrouter.agi.answer import AnswerShape
from fallbackrouter.clock import load_zone
from fallbackrouter.config.settings import PolicyEntry, Settings
from fallbackrouter.config.token import TokenError, clean_token, read_token
from fallbackrouter.core.call import ReadNumber
from fallbackrouter.core.errors import ConfigError
from fallbackrouter.core.policy import Policies, Policy
from fallbackrouter.core.route import Gate, Refused, Route
from fallbackrouter.core.rule import ANYONE, Condition
from fallbackrouter.core.selector import Selector
from fallbackrouter.core.tier import DEFAULT_ORDER

if TYPE_CHECKING:
    from fallbackrouter.config.load import Loaded

MAX_NODE_CHARS = 64


def build_gate(settings: Settings) -> Gate:
    """Return the gate that everything from outside passes."""
    answers = settings.answers
    return Gate(
        apps={app: tuple(needed) for app, needed in answers.apps.items()},
        num=re.compile(answers.num),
        external=re.compile(answers.external),
        variables=frozenset(answers.variables),
        functions=frozenset(answers.functions),
        keep_quotes=answers.quotes == "keep",
        audio_urls=bool(settings.prompts.dir),
    )


def last_resort(settings: Settings) -> Route:
    """Return the route that answers when nobody else does.

    Raises:
        ConfigError: the gate refuses it.
    """
    verdict = build_gate(settings).check(settings.last_resort)
    if isinstance(verdict, Refused):
        raise ConfigError(f"last_resort is refused: {verdict.reason}; correct it")
    return verdict.route


def build_policies(settings: Settings, read_number: ReadNumber) -> Policies:
    """Return order and budget for all calls and by did.

    An entry takes what it leaves out from `[budget]`; `live_ms` never exceeds the entry's own `call_ms`.
    """
    budget = settings.budget
    default = Policy(DEFAULT_ORDER, budget.call_ms, min(budget.live_ms, budget.call_ms), budget.fresh_ms)
    by_did = tuple((_did(entry, read_number), _policy(entry, default)) for entry in settings.policy)
    return Policies(default, by_did)


def _did(entry: PolicyEntry, read_number: ReadNumber) -> Condition:
    if not entry.did:
        return ANYONE
    selector = Selector(read_number)
    for text in [entry.did] if isinstance(entry.did, str) else entry.did:
        selector.add(text)
    return selector.condition()


def _policy(entry: PolicyEntry, default: Policy) -> Policy:
    call_ms = default.call_ms if entry.call_ms is None else entry.call_ms
    live_ms = default.live_ms if entry.live_ms is None else entry.live_ms
    return Policy(
        order=default.order if entry.order is None else tuple(entry.order),
        call_ms=call_ms,
        live_ms=min(live_ms, call_ms),
        fresh_ms=default.fresh_ms if entry.fresh_ms is None else entry.fresh_ms,
    )


def answer_shape(settings: Settings) -> AnswerShape:
    """Return which variables an answer sets, and where its apps lie in the dialplan."""
    return AnswerShape(tuple(settings.answers.variables), dict(settings.destinations))


def grammar_paths(settings: Settings) -> Mapping[str, tuple[str, ...]]:
    """Return the positional FastAGI paths: name -> the fields that their arguments are."""
    return {name: tuple(fields) for name, fields in settings.agi.paths.items()}


def node_name(settings: Settings) -> str:
    """Return the name that decisions and events carry: the configured one, else the host's."""
    return settings.node or re.sub(r"[^A-Za-z0-9._-]", "-", os.uname().nodename)[:MAX_NODE_CHARS] or "node"


def default_zone(settings: Settings) -> str:
    """Return the name of the zone of rules that name none, "" for the machine's."""
    return settings.rules.timezone


def zone_of(name: str) -> tzinfo:
    """Return a time zone by its name, the machine's for "".

    Raises:
        ConfigError: there is no such zone.
    """
    zone = load_zone(name)
    if zone is None:
        raise ConfigError(f"there is no time zone {name}; write a name such as Europe/Moscow")
    return zone


def ami_secret(loaded: "Loaded") -> str:
    """Return the secret of the manager interface's user, "" where none is configured.

    Raises:
        ConfigError: its file cannot be read any more, or holds none.
    """
    ami = loaded.settings.ami
    return _secret(loaded, "ami.secret_file", ami.secret_file, ami.secret) if ami.user else ""


def webhook_token(loaded: "Loaded") -> str:
    """Return the token of the alerts' webhook, "" where there is none.

    Raises:
        ConfigError: its file cannot be read any more, or holds none.
    """
    alerts = loaded.settings.alerts
    return _secret(loaded, "alerts.webhook_token_file", alerts.webhook_token_file, alerts.webhook_token)


def crm_token(loaded: "Loaded") -> str:
    """Return the CRM's token, "" where there is none.

    Raises:
        ConfigError: its file cannot be read any more, or holds none.
    """
    crm = loaded.settings.crm
    return _secret(loaded, "the CRM's token", crm.token_file, crm.token)


def sync_secret(loaded: "Loaded") -> str:
    """Return what the CRM signs its request for a sync with, "" where none is configured.

    Raises:
        ConfigError: its file cannot be read any more, or holds none.
    """
    admin = loaded.settings.admin
    return _secret(loaded, "admin.sync_secret_file", admin.sync_secret_file, admin.sync_secret)


def _secret(loaded: "Loaded", name: str, file: str, text: str) -> str:
    """Return what a file holds or else the text, "" where there is neither; `name` stands in the refusal."""
    try:
        if file:
            return read_token(loaded.file(file))
        return clean_token(text) if text else ""
    except TokenError as error:
        raise ConfigError(f"{loaded.path or 'the environment'}: {name} {error}; {error.remedy}") from None
