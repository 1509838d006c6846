"""File descriptors: as many as the calls need, or as many calls as there are descriptors for."""

import resource

OWN_FILES = 64
"""What a worker has open beside calls and questions: databases, listeners, pipes, look-ups."""


def calls_to_hold(wanted: int, questions: int) -> int:
    """Raise this process's own limit of open files as far as it is needed and allowed; return how many calls fit.

    At the limit the loop resets new connections unheard, so fewer calls are held; beyond them silent peers go first.

    Args:
        wanted: `agi.max_calls`.
        questions: connections to the CRM at once.

    Returns:
        At least 1 and at most `wanted`.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + questions + OWN_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return wanted
    return max(1, min(wanted, soft - questions - OWN_FILES))
