"""The installed dialplan (`dialplan.file`): does Asterisk keep the rules that serve, for when the router is gone?"""

from fallbackrouter.clock import load_zone
from fallbackrouter.config.dialplan import dialplan_text
from fallbackrouter.config.load import Loaded
from fallbackrouter.core.errors import DialplanError, FallbackrouterError
from fallbackrouter.doctor.dialplan import NAME
from fallbackrouter.doctor.finding import Finding, fail, ok, skip, warn
from fallbackrouter.doctor.place import journal_of
from fallbackrouter.jobs.dialplan_file import Found, look
from fallbackrouter.rulesfile.compiled import load
from fallbackrouter.store.rulesets import latest_ruleset

_INSTALL = "`fallbackrouter dialplan --install` writes it; `dialplan.auto` keeps it so"
_MOVE = "move it away, then run `fallbackrouter dialplan --install`"


def check_installed(loaded: Loaded) -> list[Finding]:
    """Compare the installed dialplan with the rules that serve; nothing where none is to be installed. Blocking."""
    settings = loaded.settings
    if not settings.dialplan.file:
        return []
    path = loaded.file(settings.dialplan.file)
    try:
        latest = latest_ruleset(journal_of(loaded))
        rules = load(latest.body, load_zone) if latest else ()
    except FallbackrouterError:
        return [skip(NAME, f"{path} cannot be compared: see the line on the journal")]
    try:
        found = look(path, dialplan_text(settings, rules))
    except DialplanError as error:
        return [fail(NAME, f"the dialplan cannot be made or read: {error}", "do what it says, then run doctor again")]
    if found is Found.SAME:
        return [ok(NAME, f"{path} holds the rules that serve")]
    remedy = _MOVE if found in {Found.EDITED, Found.FOREIGN} else _INSTALL
    return [warn(NAME, f"{path} is not the dialplan of the rules that serve: {found.value}", remedy)]
