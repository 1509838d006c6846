"""A long time of calls while the CRM flaps: no late answer, and the worker holds no more than it did.

`make soak` runs it for ten minutes; without it, for as long as other tests take.
"""

import asyncio
import itertools
import os

from fallbackrouter.clock import SystemClock
from tests.fakes.crm_process import CrmProcess
from tests.proof.machine import PACE
from tests.scenarios.faults.numbers import ALL, SOME_LIVE
from tests.scenarios.faults.scene import BOUND_MS, Scene, Seen, one_call

SOAK_S = float(os.environ.get("SOAK_S", "15"))
CALLS_PER_S = 50
BAD_S, GOOD_S = 3.0, 9.0
"""Long enough for the breaker to open, and to let all calls in again."""
BAD_MODES = ("hang", "500", "close", "deaf", "html", f"slow:{0.32 * PACE:g}")


async def soak(scene: Scene, crm: CrmProcess, for_s: float) -> list[Seen]:
    """Make calls at a fixed rate, each as it is due, while the CRM changes its mode."""
    clock = SystemClock()
    seen: list[Seen] = []

    async def flap() -> None:
        for bad in itertools.cycle(BAD_MODES):
            for mode, lasts_s in ((bad, BAD_S), ("ok", GOOD_S)):
                await asyncio.to_thread(crm.set_mode, mode)
                await asyncio.sleep(lasts_s)

    async def place(number: int) -> None:
        seen.append(await one_call(scene.service.port, number, ALL[number % len(ALL)]))

    flapping = asyncio.create_task(flap())
    begun_s = clock.now_s()
    async with asyncio.TaskGroup() as calls:
        for number in range(int(for_s * CALLS_PER_S)):
            await asyncio.sleep(max(0.0, begun_s + number / CALLS_PER_S - clock.now_s()))
            calls.create_task(place(number))
    flapping.cancel()
    await asyncio.wait({flapping})
    await asyncio.to_thread(crm.set_mode, "ok")
    return seen


def test_a_crm_that_flaps(scene: Scene) -> None:
    scene.story.fault = f"CRM flapping for {SOAK_S:.0f} s, {CALLS_PER_S} calls/s"
    with CrmProcess() as crm:
        scene.start(crm.url)
        scene.healthy()
        asyncio.run(soak(scene, crm, min(10.0, SOAK_S / 2)))
        scene.recovers(vitals=False)
        scene.note_vitals()
        seen = asyncio.run(soak(scene, crm, SOAK_S))
        scene.recovers()
    scene.story.slowest_ms = max(one.took_ms for one in seen)
    scene.right(seen, {knower: sources | {"remembered"} for knower, sources in SOME_LIVE.items()})
    late = [one.took_ms for one in seen if one.took_ms > BOUND_MS]
    assert not late, (
        f"{len(late)} of {len(seen)} answers came later than {BOUND_MS} ms, the last after {max(late):.0f} ms"
    )
    assert {"live", "remembered"} <= {one.variables["FR_SOURCE"] for one in seen}, "the CRM did not flap"
