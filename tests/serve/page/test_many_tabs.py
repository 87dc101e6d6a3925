"""Many tabs at once, another token, input methods, and messages that meet a change of the chat."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import Browser, Locator, Route, expect

from tests.gateway import Gate, Reply, Text
from tests.serve.page.browsing import CuttingProxy, Tab, tab
from tests.serve.served import TOKEN, Served

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.asyncio(loop_scope="module")]
CONNECTIONS = 6  # that a browser opens to one server
_HIDE = """(hidden) => {
  const get = () => (hidden ? 'hidden' : 'visible');
  Object.defineProperty(document, 'visibilityState', { get, configurable: true });
  document.dispatchEvent(new Event('visibilitychange'));
}"""


async def test_hidden_tabs_leave_connections_to_others(opened: Tab) -> None:
    gate, context = Gate(), opened.page.context
    opened.served.gateway.reply(Reply(Text("Begun "), gate, Text("and done.")), Reply.text("Second."))
    await opened.send("watched by many")
    address = f"{opened.served.url}/#{TOKEN}"
    for _ in range(CONNECTIONS):
        other = await context.new_page()
        await other.goto(address)
        await expect(other.locator(".chat-row", has_text="watched by many")).to_have_count(1)
        await other.evaluate(_HIDE, True)
    await opened.page.evaluate(_HIDE, True)
    gate.open()
    await opened.page.evaluate(_HIDE, False)
    await expect(opened.page.locator("article.reply .markdown")).to_have_text("Begun and done.")
    await opened.ask("again")
    assert await opened.last_reply() == "Second."


async def test_malformed_address_leaves_page_usable(opened: Tab) -> None:
    opened.served.gateway.reply(Reply.text("Hello."))
    page = opened.page
    await page.evaluate("location.hash = '#/%zz'")
    await expect(page.locator("[role=alert]")).to_be_visible()
    for malformed, seen in (("#%", page.get_by_label("Token")), ("#/%zz", page.locator("[role=alert]"))):
        await page.goto("about:blank")
        await page.goto(f"{opened.served.url}/{malformed}")
        await expect(seen).to_be_visible()
        await page.goto("about:blank")
        await page.goto(f"{opened.served.url}/#{TOKEN}")
        await expect(opened.message).to_be_visible()
    await opened.ask("hi")


async def test_chat_streams_again_after_new_token(browser: Browser, served: Served) -> None:
    served.gateway.forget()
    served.gateway.reply(Reply.text("One."), Reply.text("Two."), Reply.text("Three."))
    async with CuttingProxy(served.port) as proxy, tab(browser, served, proxy.port) as opened:
        page = opened.page
        await opened.ask("before the restart")
        chat = await opened.chat()
        await opened.message.fill("unsent")
        for pasted in (False, True):
            await page.evaluate("sessionStorage.setItem('termchat-token', 'the-token-of-before')")
            proxy.cut()
            proxy.mend()
            await expect(page.get_by_label("Token")).to_be_focused()
            if pasted:  # in the address bar
                await page.evaluate(f"location.hash = {TOKEN!r}")
                await page.locator(".chat-row", has_text="before the restart").click()
                await expect(page.locator("article.user")).to_have_count(2)
            else:
                await page.keyboard.type(TOKEN)
                await page.keyboard.press("Enter")
            await expect(opened.message).to_have_value("" if pasted else "unsent")
            await opened.ask("after it")
            assert await opened.chat() == chat
        assert await opened.last_reply() == "Three."


async def test_error_of_lost_connection_goes_when_it_is_back(browser: Browser, served: Served) -> None:
    served.gateway.forget()
    served.gateway.reply(Reply.text("One."), Reply.text("Two."))
    async with CuttingProxy(served.port) as proxy, tab(browser, served, proxy.port) as opened:
        error = opened.page.locator(".banner.bad")
        await opened.ask("before")
        proxy.cut()
        await expect(opened.page.get_by_text("Not connected.")).to_be_visible()
        await opened.message.fill("sent too early")
        await opened.message.press("Enter")
        await expect(error).to_contain_text("The server does not answer.")
        proxy.mend()
        await expect(error).to_have_count(0)
        await expect(opened.message).to_have_value("sent too early")
        await opened.message.press("Enter")
        await expect(opened.page.locator("article.reply .markdown")).to_have_text(["One.", "Two."])


async def test_enter_of_input_method_sends_nothing(opened: Tab) -> None:
    opened.served.gateway.reply(Reply.text("好"), Reply.text("再"))
    composed = """(field) => {
        const all = { key: 'Enter', bubbles: true, cancelable: true };
        const key = (options) => field.dispatchEvent(new KeyboardEvent('keydown', { ...all, ...options }));
        return [key({ isComposing: true }), key({ keyCode: 229 })];
    }"""
    await opened.message.fill("你好")
    assert await opened.message.evaluate(composed) == [True, True]
    assert await opened.page.locator("article").count() == 0
    await opened.message.press("Enter")
    await opened.wait_idle()
    await opened.message.press("ArrowUp")
    edit = opened.page.get_by_role("textbox", name="Edit")
    assert await edit.evaluate(composed) == [True, True]
    await expect(edit).to_be_focused()
    await edit.press("Escape")
    await expect(edit).to_have_count(0)


async def test_message_with_slow_upload_stays_in_its_chat(opened: Tab) -> None:
    page = opened.page
    opened.served.gateway.reply(Reply.text("First chat."))
    await opened.ask("first chat")
    first, asked = await opened.chat(), len(opened.served.gateway.asked)
    await page.get_by_role("button", name="New chat", exact=True).click()
    await page.route("**/api/uploads*", lambda route: None)
    await page.locator("input[type=file]").set_input_files(
        [{"name": "a.txt", "mimeType": "text/plain", "buffer": b"a"}]
    )
    await opened.message.fill("for a new chat")
    await opened.message.press("Enter")
    await page.locator(f".chat-row[href$='{first}']").click()
    await expect(page.locator("article.user")).to_have_count(1)
    await expect(opened.message).to_have_value("")
    await page.go_back()
    await expect(opened.message).to_have_value("for a new chat")
    assert len(opened.served.gateway.asked) == asked


async def test_text_is_shown_in_direction_of_its_language(opened: Tab) -> None:
    opened.served.gateway.reply(Reply.text("مرحبا English.\n\nHello."))
    await opened.ask("שלום")
    side = """(p) => { const range = document.createRange(); range.selectNodeContents(p);
        const text = range.getBoundingClientRect(), box = p.getBoundingClientRect();
        return text.left - box.left > 50 ? 'right' : 'left'; }"""
    paragraphs = opened.page.locator("article.reply .markdown p")
    assert [await p.evaluate(side) for p in await paragraphs.all()] == ["right", "left"]
    assert await opened.page.locator("article.user .plain").evaluate(side) == "right"
    direction = "field => getComputedStyle(field).direction"
    for text, expected in (("שלום", "rtl"), ("Hello", "ltr")):
        await opened.message.fill(text)
        assert await opened.message.evaluate(direction) == expected
    await opened.message.fill("")
    await opened.message.press("ArrowUp")
    assert await opened.page.get_by_role("textbox", name="Edit").evaluate(direction) == "rtl"


async def test_print_has_whole_conversation_without_controls(opened: Tab) -> None:
    page = opened.page
    opened.served.gateway.reply(Reply.text("\n\n".join(f"Paragraph {n}." for n in range(80))))
    await opened.ask("long")
    await page.emulate_media(media="print")
    whole = "document.documentElement.scrollHeight > 2 * innerHeight"
    await opened.until(whole)
    await expect(page.locator("article.reply").get_by_text("Paragraph 79.")).to_be_visible()
    await expect(opened.message).to_be_hidden()
    await expect(page.locator("nav")).to_be_hidden()
    await page.emulate_media(media="screen")
    assert not await page.evaluate(whole)


async def test_earlier_messages_come_above_those_in_view(opened: Tab) -> None:
    page = opened.page
    opened.served.gateway.always(Reply.text("answer\n\n" * 9))
    await opened.ask("question 0.")
    path = f"{opened.served.url}/api/chats/{await opened.chat()}/turns"
    headers = {"authorization": f"Bearer {TOKEN}"}
    for n in range(1, 25):
        await page.request.post(path, headers=headers, data={"kind": "send", "text": f"question {n}."})
        await expect(page.locator("article.user").last).to_contain_text(f"question {n}.")
        await opened.wait_idle()
    await page.reload()
    await expect(page.locator("article")).to_have_count(30)
    await page.evaluate("document.querySelector('.conversation').scrollTop = 0")
    first = page.locator("article.user", has_text=await page.locator("article.user .plain").first.inner_text())
    await page.get_by_role("button", name="Show earlier messages").click()
    await expect(page.locator("article")).to_have_count(50)
    await expect(first).to_be_in_viewport()


async def test_second_click_on_a_slow_connection_does_nothing(opened: Tab) -> None:
    page, gate = opened.page, Gate()
    opened.served.gateway.reply(Reply.text("One."), Reply(Text("Two"), gate))
    await opened.ask("click twice")
    chat, held = await opened.chat(), asyncio.Event()
    paths: list[str] = []

    async def hold(route: Route) -> None:
        paths.append(route.request.url.rpartition("/")[2])
        await held.wait()
        await route.continue_()

    await page.route(re.compile(r"/(turns|stop|fork|delete)$"), hold)

    async def twice(button: Locator) -> None:
        held.clear()
        async with page.expect_response(lambda response: response.request.method == "POST"):
            for _ in range(2):
                await button.click()
            held.set()

    await twice(page.get_by_role("button", name="Retry", exact=True))
    await expect(page.locator("article.reply .markdown")).to_have_text("Two")
    await twice(page.locator("button.stop"))
    await opened.wait_idle()
    gate.open()
    await twice(page.locator("header").get_by_role("button", name="Copy as new chat"))
    await opened.until(f"location.hash.length > 3 && !location.hash.includes('{chat}')")
    await expect(page.locator("article.reply .markdown")).to_have_text("Two")
    await twice(page.get_by_role("button", name="Delete chat"))
    await opened.until("location.hash === '#/'")
    await expect(page.locator(".chat-row", has_text="click twice")).to_have_count(1)
    assert paths == ["turns", "stop", "stop", "fork", "delete"]
    await expect(page.locator(".banner.bad")).to_have_count(0)


async def test_stop_of_what_has_just_ended_is_no_error(opened: Tab) -> None:
    done = await opened.page.evaluate("""async () => {
      const { stopCall, stopTurns } = await import('/page/core/actions.js');
      const turn = { id: '0'.repeat(32) };
      return [...(await stopTurns([turn])), await stopCall(turn, 'node', 0)];
    }""")
    assert done == [True, True]
    await expect(opened.page.locator(".banner.bad")).to_have_count(0)
