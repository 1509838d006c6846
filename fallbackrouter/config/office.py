"""Settings -> the office: what commands and the web interface work with."""

from functools import partial

from fallbackrouter.config.build import build_gate, build_policies, default_zone, last_resort, zone_of
from fallbackrouter.config.load import Loaded
from fallbackrouter.config.rules import check_folder, rules_folder
from fallbackrouter.numbering import Numbering
from fallbackrouter.office.office import Office, Remembering


def office_of(loaded: Loaded) -> Office:
    """Return the office of a configuration that can be used.

    Raises:
        ConfigError: it cannot be used after all.
    """
    settings = loaded.settings
    read = Numbering(settings.numbers.region).read
    kept = settings.remembered
    return Office(
        data_dir=loaded.file(settings.data_dir),
        rules_dir=rules_folder(loaded),
        read_number=read,
        zone=zone_of(default_zone(settings)),
        zone_name=default_zone(settings),
        gate=build_gate(settings),
        policies=build_policies(settings, read),
        last_resort=last_resort(settings),
        remembering=Remembering(kept.max_entries, kept.ttl_s, kept.max_stale_s, tuple(kept.never)),
        check=partial(check_folder, loaded),
        listen=tuple(settings.agi.listen),
        has_crm=bool(settings.crm.url),
        stale_after_s=settings.sync.stale_after_s,
    )
