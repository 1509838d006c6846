"""Says in a verdict what a drill did to its question."""

from msgspec.structs import replace

from fallbackrouter.core.verdict import Hit, Verdict


def marked(verdict: Verdict, fault: str) -> Verdict:
    """Say in a verdict that a drill touched its question; without a fault it stays as it is."""
    if not fault:
        return verdict
    mark = f"drill: {fault}"
    if isinstance(verdict, Hit):
        return replace(verdict, notes=(*verdict.notes, mark))
    return replace(verdict, reason=f"{mark}; {verdict.reason}" if verdict.reason else mark)
