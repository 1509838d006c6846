"""Live data: it comes by itself, and a page that is left open for long takes no more memory for it."""

from playwright.sync_api import CDPSession, Page, expect

from tests.console.served import EDITOR, Calls, Served
from tests.console.windows import Windows
from tests.proof.figures import Record
from tests.proof.size import full_or

RATE = 50
LIVE_S = full_or(5, full=60)
MAX_GROWTH_BYTES = 2_000_000
"""Of scripts' memory, for what a browser keeps of its own accord; a list that is never cut takes many times that."""
MAX_GROWTH_NODES = 1_000


def memory_of(page: Page, session: CDPSession) -> tuple[int, int]:
    """Return bytes and nodes that the page holds once the garbage is collected; the least of several looks.

    A look may fall into a message that is being taken, with its rows twice; what is kept for ever is there in each.
    """
    looks: list[tuple[int, int]] = []
    for _ in range(8):
        session.send("HeapProfiler.collectGarbage")
        page.wait_for_timeout(150)
        held = session.send("Runtime.getHeapUsage")
        looks.append((int(held["usedSize"]), int(session.send("Memory.getDOMCounters")["nodes"])))
    return min(size for size, _ in looks), min(nodes for _, nodes in looks)


def wait_for_rows(page: Page, count: int) -> None:
    expect(page.locator("#calls tr")).to_have_count(count)


def test_calls_come_by_themselves_and_the_page_stays_as_large_as_it_is(
    windows: Windows, served: Served, record_figure: Record
) -> None:
    page = windows.open(EDITOR)
    page.goto("/calls")
    session = page.context.new_cdp_session(page)
    most = int(page.locator("#calls").get_attribute("data-most") or 0)
    assert most
    with Calls(served.service.port, RATE) as calls:
        wait_for_rows(page, most)  # as long as a list gets
        bytes_before, nodes_before = memory_of(page, session)
        made_before = calls.made
        page.wait_for_timeout(LIVE_S * 1_000)
        bytes_after, nodes_after = memory_of(page, session)
        made = calls.made - made_before
    assert made > 0
    newest = served.whole.query("SELECT id FROM decisions ORDER BY id DESC LIMIT 1")[0][0]
    expect(page.locator(f"#calls a[href='/calls/{newest}']")).to_be_visible()
    record_figure(f"calls in {LIVE_S} s of the console's live feed", made)
    record_figure("by so many bytes the page's memory grew meanwhile", bytes_after - bytes_before)
    assert bytes_after - bytes_before < MAX_GROWTH_BYTES
    assert nodes_after - nodes_before < MAX_GROWTH_NODES
    wait_for_rows(page, most)


def test_now_tells_of_calls_as_they_come(windows: Windows, served: Served) -> None:
    page = windows.open(EDITOR)
    page.goto("/")
    before = page.locator("#flow").inner_text()
    with Calls(served.service.port, RATE):
        page.wait_for_function("before => document.getElementById('flow').innerText !== before", arg=before)
