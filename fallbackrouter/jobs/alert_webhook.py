"""Tells an alert by a webhook: one POST with the alert as JSON."""

from typing import Protocol

from fallbackrouter.core.receipt import Receipt
from fallbackrouter.jobs.alerts import Failed

_WAIT = (408, 425, 429)
"""Statuses of the 400s that say nothing against the alert itself."""
_WORDS = 200


class Post(Protocol):
    """Sends one POST; crm.event_client does."""

    async def send(self, event_id: str, stage: str, body: bytes) -> Receipt:
        """Send it; may take for ever, and never raises but CancelledError."""
        ...


class WebhookWay:
    """Posts to the webhook; 2xx: it was taken."""

    name = "webhook"

    def __init__(self, post: Post) -> None:
        self._post = post

    async def tell(self, alert_id: str, body: bytes) -> Failed | None:
        """Post it once."""
        receipt = await self._post.send(alert_id, "alert", body)
        status = receipt.status
        if not status:
            return Failed(receipt.words[:_WORDS])
        if 200 <= status < 300:  # noqa: PLR2004 - HTTP's
            return None
        refused = 400 <= status < 500 and status not in _WAIT  # noqa: PLR2004 - HTTP's
        return Failed(f"it answered {status}", again=not refused)
