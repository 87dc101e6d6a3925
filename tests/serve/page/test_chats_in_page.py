"""Chats in the page: with the terminal and back, branches, search, comparison, attachments, tools, errors."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.async_api import Browser, FilePayload, expect
from playwright.async_api import TimeoutError as BrowserTimeout

from tests.fork_server import run_program
from tests.gateway import Call, Gate, Reply, Text, fault
from tests.pty.harness import Terminal
from tests.serve.page.browsing import CuttingProxy, Tab, tab
from tests.serve.served import TOKEN, Served, running

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.asyncio(loop_scope="module")]
CHAT = (sys.executable, "-m", "termchat")
OTHER = "xanthropic/claude-opus-5"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c49444154789c63f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)
_HOLD_LONG_TIMERS = """() => {
  const set = window.setTimeout;
  window.held = [];
  window.setTimeout = (run, time, ...rest) => (time > 20_000 ? held.push(run) : set(run, time, ...rest));
}"""
_GIVE = """([selector, type, bytes]) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], 'dot.png', { type: 'image/png' }));
  const target = document.querySelector(selector);
  for (const name of type === 'paste' ? ['paste'] : ['dragover', 'drop']) {
    const options = { bubbles: true, cancelable: true };
    const event = name === 'paste' ? new ClipboardEvent(name, { ...options, clipboardData: data })
      : new DragEvent(name, { ...options, dataTransfer: data });
    target.dispatchEvent(event);
  }
}"""


@pytest.fixture(scope="module")
def served(home: Path) -> Iterator[Served]:
    with running(home, tools="run") as found:
        yield found


async def test_chat_begun_in_terminal_goes_on_in_page_and_back(opened: Tab, home: Path) -> None:
    gate, page, gateway = Gate(), opened.page, opened.served.gateway
    gateway.reply(Reply(Text("Begun "), gate, Text("there.")), Reply.text("Second."), Reply.text("Third."))
    env = {"HOME": str(home)}
    with Terminal((*CHAT, "--no-tools"), env=env) as terminal:
        terminal.shows("❯")
        terminal.send("from the terminal\r")
        gate.reached.wait_blocking()
        await page.locator(".chat-row", has_text="from the terminal").click()
        await expect(page.locator("article.reply .markdown")).to_have_text("Begun")
        await expect(page.locator(".composer")).to_contain_text("open in another termchat")
        gate.open()
        terminal.shows("Begun there.")
        await expect(page.locator("article.reply .markdown")).to_have_text("Begun there.")
        await expect(page.locator("article.reply .usage")).to_contain_text("$")
        assert await page.locator("[data-action=edit], [data-action=retry]").count() == 0
        terminal.shows("Ask anything")
        assert terminal.quits() == 0
    await opened.ask("from the page")
    assert await opened.last_reply() == "Second."
    chat = await opened.chat()
    done = run_program([*CHAT, "--chat", chat, "and back", "--no-tools"], None, env=env, cwd=home, timeout=30)
    assert (done.returncode, done.stdout) == (0, b"Third.")
    assert [message["content"] for message in gateway.asked[-1].body["messages"]] == [
        "from the terminal", "Begun there.", "from the page", "Second.", "and back",
    ]  # fmt: skip
    await expect(page.locator("article.reply .markdown").last).to_have_text("Third.")


async def test_reply_is_retried_with_other_model_and_found_on_its_branch(opened: Tab) -> None:
    page, gateway = opened.page, opened.served.gateway
    gateway.reply(Reply.text("The zebra is striped."))
    gateway.reply(Reply.text("The okapi hides."), model="claude-opus-5")
    await opened.ask("name an animal")
    await page.get_by_role("button", name="Retry with…").click()
    await page.get_by_role("combobox").fill(OTHER)
    await page.keyboard.press("Enter")
    await expect(page.locator("article.reply .markdown")).to_have_text("The okapi hides.")
    await opened.wait_idle()
    assert gateway.asked[-1].model == "claude-opus-5"
    await expect(page.locator("article.reply .usage")).to_contain_text("claude-opus-5 · 25 in · 12 out")
    await page.get_by_role("searchbox").fill("zebra")
    await expect(page.locator(".hit mark")).to_have_text("zebra")
    await page.locator(".hit").click()
    await expect(page.locator("article.reply .markdown")).to_have_text("The zebra is striped.")
    await expect(page.locator("article.reply")).to_be_focused()
    await page.get_by_role("button", name="Next branch").click()
    await expect(page.locator("article.reply .markdown")).to_have_text("The okapi hides.")


async def test_pictures_and_pdfs_are_chosen_dropped_pasted_and_sent(opened: Tab) -> None:
    page, gateway = opened.page, opened.served.gateway
    gateway.reply(Reply.text("Three dots and a paper."))
    files = [("dot.png", "image/png", PNG), ("paper.pdf", "application/pdf", b"%PDF-1.4 paper")]
    payloads = [FilePayload(name=name, mimeType=kind, buffer=data) for name, kind, data in files]
    await page.locator("input[type=file]").set_input_files(payloads)
    await page.evaluate(_GIVE, ["main", "drop", [*PNG, 0]])
    await page.evaluate(_GIVE, ["#message", "paste", [*PNG, 1]])
    previews = page.locator(".attachments .attachment:not(.busy)")
    await expect(previews).to_have_count(4)
    assert await previews.locator("img").evaluate_all("list => list.every((img) => img.src.startsWith('blob:'))")
    await page.get_by_role("button", name="Remove dot.png").last.click()
    await expect(previews).to_have_count(3)
    await opened.ask("what is this?")
    await expect(page.locator(".attachments")).to_have_count(0)
    pictures = page.locator("article.user .thumbnail img")
    await expect(pictures).to_have_count(2)
    await opened.until("[...document.images].every((image) => image.naturalWidth === 1)")
    await expect(page.get_by_role("button", name="Save paper.pdf")).to_be_visible()
    await page.get_by_role("button", name="Open dot.png").first.click()
    await expect(page.get_by_role("dialog", name="dot.png").locator("img")).to_be_visible()
    await page.keyboard.press("Escape")
    sent = str(gateway.asked[-1].body["messages"])
    assert sent.count("data:image/png;base64") == 2 and "JVBERi0xLjQ" in sent


@pytest.mark.parametrize(("button", "status"), [("Allow once", "done"), ("Deny", "declined")])
async def test_tool_call_is_card_and_asks_before_it_runs(opened: Tab, button: str, status: str) -> None:
    page = opened.page
    call = Call("run_shell", {"command": "echo from-the-page > /dev/null; echo from-the-page"})
    opened.served.gateway.reply(Reply(Text("I run it."), call), Reply.text("It ran."))
    await opened.send("run it")
    question = page.get_by_role("group", name="run_shell asks for permission")
    await expect(question).to_contain_text("echo from-the-page")
    await expect(opened.message).to_be_focused()  # the question took no focus
    await question.get_by_role("button", name=button).click()
    await expect(question).to_have_count(0)
    await opened.wait_idle()
    card = page.locator("details.tool")
    await expect(card.locator(".status")).to_have_text(status)
    await card.locator("summary").click()
    await expect(card.locator("pre").first).to_contain_text('"command": "echo from-the-page')
    if status == "done":
        await expect(card.locator("pre").last).to_contain_text("from-the-page")
    await expect(page.locator("article.reply .markdown")).to_have_text(["I run it.", "It ran."])
    await expect(page.locator("article.reply .usage")).to_contain_text("50 in · 24 out")


async def test_question_takes_no_click_before_it_could_be_seen(opened: Tab) -> None:
    """A double click on the first question must not answer the second one, which moves into its place."""
    page = opened.page
    calls = [Call("run_shell", {"command": f"echo {word} > /dev/null"}) for word in ("one", "two")]
    opened.served.gateway.reply(Reply(*calls), Reply.text("They ran."))
    await opened.send("run them")
    question = page.locator("section.question")
    first = question.first.get_by_role("button", name="Allow once")
    await expect(first).to_be_enabled()
    closed = """void (window.wasClosed = new Promise((resolve) => new MutationObserver((_, observer) => {
      if (document.querySelectorAll('section.question').length > 1) return;
      const button = document.querySelector('section.question button');
      if (!button) return;
      observer.disconnect();
      resolve(button.disabled);
    }).observe(document.body, { childList: true, subtree: true })))"""
    await page.evaluate(closed)  # before the first click
    await first.dblclick()
    assert await page.evaluate("window.wasClosed") is True
    await expect(question).to_have_count(1)
    await expect(question).to_contain_text("two")
    await question.get_by_role("button", name="Allow once").click()
    await opened.wait_idle()


async def test_question_escapes_characters_that_deceive(opened: Tab) -> None:
    shown = await opened.page.evaluate(
        "async (text) => (await import('/page/core/format.js')).visible(text)", "a\u202eb\u200bc\td\n\U000e0041é你"
    )
    assert shown == "a\\u202eb\\u200bc\td\n\\u{e0041}é你"


async def test_failed_turn_shows_next_step_and_returns_question(opened: Tab) -> None:
    gateway = opened.served.gateway
    gateway.reply(fault.status(401), Reply.text("Now it works."))
    await opened.message.fill("doomed")
    await opened.message.press("Enter")
    failure = opened.page.locator(".failure")
    await expect(failure.locator(".hint")).not_to_be_empty()
    await expect(opened.message).to_have_value("doomed")
    await opened.message.press("Enter")
    await opened.wait_idle()
    await expect(failure).to_have_count(0)
    assert await opened.last_reply() == "Now it works."


async def test_key_in_message_is_sent_only_after_confirmation(opened: Tab) -> None:
    opened.served.gateway.reply(Reply.text("careful"))
    await opened.message.fill("my key is sk-proj-abcdefghijk1234567890")
    await opened.message.press("Enter")
    await opened.page.get_by_role("button", name="Send anyway").click()
    await opened.wait_idle()
    assert await opened.last_reply() == "careful"


async def test_lost_connection_is_made_again_and_nothing_is_lost(browser: Browser, served: Served) -> None:
    gate = Gate()
    served.gateway.reply(Reply(Text("Before "), gate, Text("and after.")))
    async with CuttingProxy(served.port) as proxy, tab(browser, served, proxy.port) as opened:
        await opened.send("cut me")
        await expect(opened.page.locator("article.reply .markdown")).to_have_text("Before")
        proxy.cut()
        await expect(opened.page.get_by_text("Not connected.")).to_be_visible()
        gate.open()
        proxy.mend()
        with suppress(BrowserTimeout):  # the page may have tried by itself meanwhile
            await opened.page.get_by_role("button", name="Try now").click(timeout=3000)
        await expect(opened.page.locator("article.reply .markdown")).to_have_text("Before and after.")
        await opened.wait_idle()
        await expect(opened.page.get_by_text("Not connected.")).to_have_count(0)


async def test_stream_that_falls_silent_is_made_again(browser: Browser, served: Served) -> None:
    gate = Gate()
    served.gateway.reply(Reply(Text("Before "), gate, Text("and after.")))
    async with CuttingProxy(served.port) as proxy, tab(browser, served, proxy.port) as opened:
        await opened.page.evaluate(_HOLD_LONG_TIMERS)
        await opened.send("fall silent")
        await expect(opened.page.locator("article.reply .markdown")).to_have_text("Before")
        proxy.stall()
        gate.open()
        await opened.page.evaluate("held.at(-1)()")
        await expect(opened.page.locator("article.reply .markdown")).to_have_text("Before and after.")
        await opened.wait_idle()
        await expect(opened.page.get_by_text("Not connected.")).to_have_count(0)


async def test_answer_that_breaks_off_is_told_as_lost_connection(opened: Tab) -> None:
    await opened.page.route("**/api/search?*", lambda route: route.fulfill(body='{"hits": ['))
    await opened.page.locator("#search").fill("words")
    await expect(opened.page.locator(".banner.bad")).to_contain_text("The server does not answer.")


async def test_chat_is_renamed_deleted_restored_and_copied(opened: Tab) -> None:
    page = opened.page
    opened.served.gateway.reply(Reply.text("ok"))
    await opened.ask("first title")
    await page.get_by_role("button", name="Rename").click()
    await page.get_by_role("textbox", name="Title").fill("Second title")
    await page.keyboard.press("Enter")
    row = page.locator(".chat-row", has_text="Second title")
    await expect(row).to_have_count(1)
    await page.locator("header").get_by_role("button", name="Copy as new chat").click()
    await expect(row).to_have_count(2)
    await page.get_by_role("button", name="Delete chat").click()
    await expect(row).to_have_count(1)
    await page.get_by_role("button", name="Undo").click()
    await expect(row).to_have_count(2)
    await expect(page.locator("article.reply .markdown")).to_have_text("ok")


async def test_page_without_token_asks_for_it(browser: Browser, served: Served) -> None:
    async with tab(browser, served) as opened:
        page = opened.page
        assert "#" not in page.url or page.url.endswith("#/")
        await page.evaluate("sessionStorage.clear()")
        await page.reload()
        await page.get_by_label("Token").fill("wrong")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_contain_text("wrong")
        await page.get_by_label("Token").fill(TOKEN)
        await page.keyboard.press("Enter")
        await expect(opened.message).to_be_visible()
