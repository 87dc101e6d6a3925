"""Running tool calls in the page: their cards, and the button that stops one of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, expect

from tests.gateway import Call, Gate, Reply, Text
from tests.pty.harness import Terminal
from tests.serve.page.browsing import PHONE, Tab, tab
from tests.serve.served import Served, running

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.asyncio(loop_scope="module")]
CHAT = (sys.executable, "-m", "termchat")
LONG = Call("run_shell", {"command": "echo begun; sleep 600"})
SHORT = Call("run_shell", {"command": "echo short > /dev/null; echo short"})


@pytest.fixture(scope="module")
def served(home: Path) -> Iterator[Served]:
    with running(home, tools="run") as found:
        yield found


async def allow(opened: Tab, command: str) -> None:
    """Allow the call with a command, which asks."""
    question = opened.page.locator("section.question", has_text=command)
    await question.get_by_role("button", name="Allow once").click()
    await expect(question).to_have_count(0)


def stop_button(opened: Tab) -> Locator:
    return opened.page.get_by_role("button", name="Stop this call: run_shell")


async def test_running_call_is_stopped_by_keyboard_and_turn_goes_on(opened: Tab, home: Path) -> None:
    page, keys = opened.page, opened.page.keyboard
    opened.served.gateway.reply(Reply(Text("I run both."), SHORT, LONG), Reply.text("One was stopped."))
    await opened.send("run both")
    statuses = page.locator(".call .status")
    await expect(statuses).to_have_text(["waiting", "waiting"])
    await expect(stop_button(opened)).to_have_count(0)
    await allow(opened, "sleep 600")
    await expect(statuses).to_have_text(["waiting", "running"])
    await page.locator("article.reply").focus()
    await keys.press("x")
    await expect(stop_button(opened)).to_be_focused()
    await keys.press("Enter")
    await expect(statuses).to_have_text(["waiting", "cancelled"])
    await expect(stop_button(opened)).to_have_count(0)
    await expect(page.locator(".call summary").last).to_be_focused()
    await expect(page.locator("#announcements")).to_contain_text("run_shell: cancelled")
    await allow(opened, "short")
    await opened.wait_idle()
    await expect(statuses).to_have_text(["done", "cancelled"])
    assert await opened.last_reply() == "One was stopped."
    await expect(page.locator(".outcome")).to_have_count(0)
    await page.reload()
    await expect(statuses).to_have_text(["done", "cancelled"])
    chat = await opened.chat()
    with Terminal((*CHAT, "--chat", chat, "--no-tools"), env={"HOME": str(home)}) as terminal:
        terminal.shows("One was stopped.")
        terminal.shows("cancelled")
        terminal.shows("❯")
        assert terminal.quits() == 0


async def test_call_runs_on_after_reload_and_is_stopped_in_second_tab(opened: Tab, browser: Browser) -> None:
    page = opened.page
    opened.served.gateway.reply(Reply(LONG), Reply.text("Stopped there."))
    await opened.send("run it")
    await allow(opened, "sleep 600")
    await expect(stop_button(opened)).to_be_visible()
    await page.reload()
    await expect(stop_button(opened)).to_be_visible()
    await page.locator(".call summary").click()
    await expect(page.locator(".call pre").last).to_have_text("begun\n", use_inner_text=True)
    async with tab(browser, opened.served) as other:
        await other.page.evaluate("chat => (location.hash = `#/${chat}`)", await opened.chat())
        await stop_button(other).click()
        await expect(other.page.locator(".call .status")).to_have_text("cancelled")
    await expect(page.locator(".call .status")).to_have_text("cancelled")
    await opened.wait_idle()
    assert await opened.last_reply() == "Stopped there."


async def test_stop_button_of_a_call_in_chinese_on_a_phone(browser: Browser, served: Served) -> None:
    served.gateway.forget()
    served.gateway.reply(Reply(Call("run_shell", {"command": f"sleep 600; echo {'long ' * 60}"})), Reply.text("好"))
    async with tab(browser, served, viewport=PHONE, has_touch=True, is_mobile=True, locale="zh-CN") as opened:
        page = opened.page
        await opened.send("run it")
        await page.get_by_role("button", name="允许一次").tap()
        button = page.get_by_role("button", name="停止此调用：run_shell")
        await expect(button).to_be_visible()
        for width in (390, 320):
            await page.set_viewport_size({"width": width, "height": 800})
            box, card = await button.bounding_box(), await page.locator(".call").bounding_box()
            assert box and card and box["width"] >= 32 and box["height"] >= 32
            assert card["x"] <= box["x"] and box["x"] + box["width"] <= card["x"] + card["width"] <= width
        await button.tap()
        await expect(page.locator(".call .status")).to_have_text("已取消")
        await opened.wait_idle()
        assert await opened.last_reply() == "好"


async def test_card_escapes_characters_that_deceive(opened: Tab) -> None:
    call = Call("run_shell", {"command": "open \u202egpj.exe"})
    opened.served.gateway.reply(Reply(call), Reply.text("It is refused."))
    await opened.ask("open it")
    await expect(opened.page.locator(".call .line")).to_have_text("open \\u202egpj.exe")
    await opened.page.locator(".call summary").click()
    await expect(opened.page.locator(".call pre").first).to_contain_text("open \\u202egpj.exe")


async def test_calls_of_a_server_that_repeats_ids_keep_their_results(opened: Tab) -> None:
    page, gate = opened.page, Gate()
    calls = [Call("run_shell", {"command": f"echo {word} > /dev/null; echo {word}"}, id="call_0") for word in "abc"]
    opened.served.gateway.reply(Reply(*calls[:2]), Reply(calls[2], gate), Reply.text("All ran."))
    await opened.send("run them")
    for word in "ab":
        await allow(opened, f"echo {word}")
    gate.open()
    await expect(page.locator(".call .status")).to_have_text(["done", "done", "waiting"])
    await allow(opened, "echo c")
    await opened.wait_idle()
    shown = page.locator(".call pre:last-child")
    await expect(shown).to_have_text(["a\n", "b\n", "c\n"])
