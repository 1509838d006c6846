"""What decisions add up to, for programs."""

from fallbackrouter.store.statistics import Share, Statistics


def stats_json(found: Statistics) -> dict[str, object]:
    """Return statistics as JSON."""
    return {
        "v": 1,
        **_share(found.all),
        "local": found.local,
        "local_share": round(found.local / found.all.count, 4) if found.all.count else None,
        "degraded": found.degraded,
        "tiers": {name: _share(share) for name, share in found.tiers.items()},
        "hours": [
            {"hour": hour, "decisions": count, "local": local} for hour, (count, local) in sorted(found.hours.items())
        ],
    }


def _share(share: Share) -> dict[str, object]:
    return {"decisions": share.count, **{f"p{percent}_ms": ms for percent, ms in share.ms.items()}}
