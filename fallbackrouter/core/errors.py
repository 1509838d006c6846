"""The errors that this project raises, each with one sentence for the person who can act on it."""


class FallbackrouterError(Exception):
    """Something was refused; the text is one plain sentence that says what to do."""


class ConfigError(FallbackrouterError):
    """The configuration cannot be used; the text names file, key and remedy."""


class RulesError(FallbackrouterError):
    """Rules cannot be used; the text names file, line and remedy."""


class StoreError(FallbackrouterError):
    """A database of ours cannot be used; the text names the file and the remedy."""


class MissingError(StoreError):
    """What was named is not there; the text says where to look."""


class FeedError(FallbackrouterError):
    """A routes feed was refused; the text names the row or the number that speaks against it."""


class ControlError(FallbackrouterError):
    """The running service could not be reached or refused a command."""


class RefusedError(ControlError):
    """The running service was reached, and refused a command; the text says why."""


class AmiError(FallbackrouterError):
    """Asterisk's manager interface could not be used; the text says what to do."""


class NotSentError(AmiError):
    """There is no connection to Asterisk's manager interface: nothing was sent."""


class DialplanError(FallbackrouterError):
    """A dialplan cannot be made or installed; the text says what to do."""


class PatternError(ValueError):
    """A dialplan pattern that Asterisk would refuse or read otherwise than it looks."""


class ScheduleError(ValueError):
    """A time window that GotoIfTime would silently never match."""


class AgiError(ValueError):
    """The peer does not speak AGI within our bounds; the text says what it did."""
