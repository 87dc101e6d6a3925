"""The page by keyboard alone, on a phone, in Chinese, and its words in both languages."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import Browser, Route, expect

from tests.gateway import Gate, Reply, Text
from tests.serve.page.browsing import PHONE, Tab, tab
from tests.serve.page.libraries import VENDOR
from tests.serve.served import Served

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.asyncio(loop_scope="module")]

_STILL = """() => new Promise((done) => {
  const view = document.querySelector('.conversation');
  let [top, frames] = [view.scrollTop, 0];
  const look = () => {
    frames = view.scrollTop === top ? frames + 1 : 0;
    top = view.scrollTop;
    if (frames === 20) done(top); else requestAnimationFrame(look);
  };
  look();
})"""  # where the conversation is when the wheel's movement has ended
WIDE = "| " + " | ".join(f"column {n}" for n in range(12)) + " |\n" + "|---" * 12 + "|\n\n```\n" + "x" * 300 + "\n```\n"


async def test_page_is_used_by_keyboard_alone(opened: Tab) -> None:
    page, keys = opened.page, opened.page.keyboard
    opened.served.gateway.reply(Reply.text("One."), Reply.text("Two."), Reply.text("Three."), Reply.text("Four."))
    await expect(opened.message).to_be_focused()
    await page.get_by_role("button", name="Skip to the message field").focus()
    await keys.press("Enter")
    await keys.type("first")
    await keys.press("Shift+Enter")
    await keys.type("line")
    await keys.press("Enter")
    await opened.wait_idle()
    await expect(page.locator("article.user .plain")).to_have_text("first\nline", use_inner_text=True)
    await keys.press("Escape")
    await expect(page.locator("article.reply")).to_be_focused()
    await keys.press("k")
    await expect(page.locator("article.user")).to_be_focused()
    await keys.press("e")
    await expect(page.get_by_role("textbox", name="Edit")).to_be_focused()
    await keys.type(" edited")
    await keys.press("Enter")
    await expect(page.locator("article.user .plain")).to_contain_text("line edited")
    await opened.wait_idle()
    await expect(page.locator("article.user .count")).to_have_text("2/2")
    await keys.press("[")
    await expect(page.locator("article.reply .markdown")).to_have_text("One.")
    await keys.press("]")
    await expect(page.locator("article.reply .markdown")).to_have_text("Two.")
    await keys.press("r")
    await expect(page.locator("article.reply .markdown")).to_have_text("Three.")
    await opened.wait_idle()
    await keys.press("m")
    await expect(page.get_by_role("combobox", name="Filter models")).to_be_focused()
    await keys.type("no such")
    await expect(page.get_by_role("dialog", name="Choose a model")).to_contain_text("No model fits.")
    await keys.press("Escape")
    await expect(page.locator("dialog")).to_have_count(0)
    await keys.press("?")
    await expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    await keys.press("Escape")
    await expect(page.locator("dialog")).to_have_count(0)
    await keys.press("/")
    await expect(page.locator("#search")).to_be_focused()
    await keys.press("ArrowDown")
    await expect(page.locator(".chat-row").first).to_be_focused()
    await keys.press("n")
    await opened.until("location.hash === '#/'")
    await expect(opened.message).to_be_focused()
    await keys.type("second chat")
    await keys.press("Enter")
    await opened.wait_idle()
    assert await opened.last_reply() == "Four."


async def test_escape_stops_reply_and_page_continues_it(opened: Tab) -> None:
    gate = Gate()
    opened.served.gateway.reply(Reply(Text("Begun and "), gate, Text("never seen")), Reply.text("continued."))
    await opened.send("stop me")
    await expect(opened.page.locator("article.reply .markdown")).to_have_text("Begun and")
    await opened.page.keyboard.press("Escape")
    await expect(opened.page.locator(".outcome")).to_contain_text("Stopped")
    gate.open()
    await opened.wait_idle()
    await opened.page.get_by_role("button", name="Continue").click()
    await expect(opened.page.locator("article.reply").last).to_contain_text("continued.")
    await opened.wait_idle()


async def test_phone_shows_all_without_horizontal_scroll(browser: Browser, served: Served) -> None:
    served.gateway.forget()
    served.gateway.reply(Reply(Text(WIDE, "$$" + "+".join("x^2" * 3 for _ in range(30)) + "$$\n\n", "w" * 200)))
    async with tab(browser, served, viewport=PHONE, has_touch=True, is_mobile=True) as opened:
        page = opened.page
        await opened.ask("wide " + "https://example.org/" + "a" * 120)
        for width in (390, 360):
            await page.set_viewport_size({"width": width, "height": 800})
            fits = """() => [document.documentElement, ...document.querySelectorAll('.conversation, .composer, .bar')]
                .every((element) => element.scrollWidth <= innerWidth)"""
            assert await page.evaluate(fits)
        small = """() => [...document.querySelectorAll('.bar button, .composer button')]
            .filter((b) => b.offsetParent && (b.offsetWidth < 32 || b.offsetHeight < 32)).map((b) => b.outerHTML)"""
        assert await page.evaluate(small) == []
        assert not await page.locator("nav").is_visible()
        await page.get_by_role("button", name="List of chats").click()
        await expect(page.locator("nav .chat-row").first).to_be_visible()
        await page.locator("nav .chat-row").first.click()
        await expect(page.locator("nav")).to_be_hidden()


async def test_view_follows_end_until_user_scrolls_up(opened: Tab) -> None:
    gate = Gate()
    lines = [f"Line {n}.\n\n" for n in range(60)]
    opened.served.gateway.reply(Reply(Text(*lines), gate, Text(*lines)))
    await opened.send("long")
    page, view = opened.page, "document.querySelector('.conversation')"
    at_end = f"(v => v.scrollHeight - v.scrollTop - v.clientHeight < 60)({view})"
    await expect(page.locator(".block")).to_have_count(60)
    await opened.until(at_end)
    await page.mouse.move(700, 400)
    await page.mouse.wheel(0, -900)
    await expect(page.get_by_role("button", name="To the end")).to_be_visible()
    top = await page.evaluate(_STILL)
    gate.open()
    await opened.wait_idle()
    await expect(page.locator(".block")).to_have_count(120)
    assert await page.evaluate(f"{view}.scrollTop") == top
    await page.get_by_role("button", name="To the end").click()
    await opened.until(at_end)


async def test_browser_language_and_colours_are_followed(browser: Browser, served: Served) -> None:
    colours = set()
    for scheme in ("light", "dark"):
        async with tab(browser, served, locale="zh-CN", color_scheme=scheme) as opened:
            assert await opened.page.evaluate("document.documentElement.lang") == "zh"
            await expect(opened.page.get_by_role("button", name="新对话")).to_be_visible()
            colours.add(await opened.page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))
    assert len(colours) == 2


async def test_strings_are_complete_in_both_languages(opened: Tab) -> None:
    found = await opened.page.evaluate("""async () => {
        const { STRINGS, language } = await import('/page/core/strings.js');
        const names = (text) => [...text.matchAll(/\\{(\\w+)\\}/g)].map((match) => match[1]).sort().join();
        const { en, zh } = STRINGS;
        const same = (key) => en[key] && zh[key] && names(en[key]) === names(zh[key]);
        const odd = Object.keys({ ...en, ...zh }).filter((key) => !same(key));
        const chosen = [['zh-CN', 'en'], ['en-GB'], ['fr', 'zh-TW'], ['fr']].map((list) => language(list));
        return { keys: Object.keys(en), odd, chosen };
    }""")
    assert found["odd"] == []
    assert found["chosen"] == ["zh", "en", "zh", "en"]
    sources = "".join(file.read_text() for file in VENDOR.parent.rglob("*.js") if not file.is_relative_to(VENDOR))
    generated = ("key_", "outcome_", "tool_", "decision_")
    unused = [key for key in found["keys"] if f'"{key}"' not in sources and not key.startswith(generated)]
    assert unused == []
    assert set(re.findall(r'\bt\("(\w+)"', sources)) <= set(found["keys"])


async def test_draft_of_each_chat_is_kept(opened: Tab) -> None:
    opened.served.gateway.reply(Reply.text("ok"))
    await opened.ask("chat with draft")
    await opened.message.fill("half a thought")
    await opened.page.get_by_role("button", name="New chat", exact=True).click()
    await expect(opened.message).to_have_value("")
    await opened.page.go_back()
    await expect(opened.message).to_have_value("half a thought")
    await opened.page.reload()
    await expect(opened.message).to_have_value("half a thought")


async def test_message_goes_to_its_chat_and_what_is_typed_meanwhile_stays(opened: Tab) -> None:
    page, gateway = opened.page, opened.served.gateway
    gateway.reply(Reply.text("ok"), Reply.text("to the first"))
    await opened.ask("first chat")
    first, held = await opened.chat(), asyncio.Event()

    async def hold(route: Route) -> None:
        await held.wait()
        await route.continue_()

    await page.route("**/turns", hold)
    async with page.expect_request("**/turns"):
        await opened.message.fill("more of it")
        await opened.message.press("Enter")
    await opened.message.press_sequentially(" and")
    await page.get_by_role("button", name="New chat", exact=True).click()
    await opened.message.fill("another thought")
    async with page.expect_response("**/turns"):
        held.set()
    await expect(page.locator("button.send")).to_be_enabled()
    await expect(opened.message).to_have_value("another thought")
    await page.goto(f"{page.url.partition('#')[0]}#/{first}")
    await opened.wait_idle()
    await expect(page.locator("article.reply .markdown")).to_have_text(["ok", "to the first"])
