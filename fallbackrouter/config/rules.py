"""Checks the rules of a configuration: what `rules check` and the service both do. Never in a call worker."""

from fallbackrouter.clock import load_zone
from fallbackrouter.config.build import answer_shape, build_gate, default_zone
from fallbackrouter.config.load import Loaded
from fallbackrouter.numbering import Numbering
from fallbackrouter.rulesfile.check import Checked, check_rules


def check_configured_rules(loaded: Loaded) -> Checked:
    """Check every rules file of `rules.dir`.

    Never raises: what cannot be read is a problem too.
    """
    settings = loaded.settings
    return check_rules(
        loaded.file(settings.rules.dir),
        gate=build_gate(settings),
        read_number=Numbering(settings.numbers.region).read,
        load_zone=load_zone,
        default_zone=default_zone(settings),
        destination=answer_shape(settings).destination,
    )
