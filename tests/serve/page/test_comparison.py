"""Several models side by side: their order, their ends, and the reply that the chat goes on with."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Browser, Route, expect

from tests.gateway import ErrorEvent, Gate, Reply, Text
from tests.serve.page.browsing import CuttingProxy, Tab, tab
from tests.serve.page_client import PageClient, wait_for
from tests.serve.served import Served

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.asyncio(loop_scope="module")]
OTHER = "xanthropic/claude-opus-5"


async def compare(opened: Tab, text: str) -> None:
    """Ask the usual model and the other one."""
    await opened.message.press_sequentially("/vs ")
    await opened.page.get_by_role("combobox").fill(OTHER)
    await opened.page.keyboard.press("Enter")
    await opened.page.keyboard.press("Escape")
    await expect(opened.page.locator("dialog")).to_have_count(0)
    await opened.send(text)


async def test_comparison_shows_columns_and_chat_goes_on_with_adopted_reply(opened: Tab) -> None:
    page, gateway = opened.page, opened.served.gateway
    gate = Gate()
    gateway.reply(Reply(Text("From A"), gate), model="gpt-5.2")
    gateway.reply(Reply.text("From B"), Reply.text("B goes on"), model="claude-opus-5")
    await opened.message.press_sequentially("/vs ")
    await page.get_by_role("combobox").fill(OTHER)
    await page.keyboard.press("Enter")
    await page.keyboard.press("Escape")
    await expect(page.locator("dialog")).to_have_count(0)
    await expect(page.locator(".chip")).to_contain_text("claude-opus-5")
    await opened.send("which is better?")
    columns = page.locator(".compared")
    await expect(columns).to_have_count(2)
    await expect(columns.nth(1)).to_contain_text("From B")
    await expect(columns.nth(1).get_by_role("button", name="Use this reply")).to_be_visible()
    await expect(columns.nth(0)).to_contain_text("From A")
    gate.open()
    boxes = [await columns.nth(n).bounding_box() for n in range(2)]
    assert boxes[0] and boxes[1] and boxes[0]["y"] == boxes[1]["y"] and boxes[0]["x"] < boxes[1]["x"]
    await opened.wait_idle()
    await columns.nth(1).get_by_role("button", name="Use this reply").click()
    await expect(columns).to_have_count(0)
    await expect(page.locator("article.reply .markdown")).to_have_text("From B")
    await page.get_by_role("button", name="Model:").click()
    await page.get_by_role("combobox").fill(OTHER)
    await page.keyboard.press("Enter")
    await opened.ask("go on")
    assert [m["content"][0]["text"] for m in gateway.asked[-1].body["messages"]][1:] == ["From B", "go on"]


async def test_columns_stand_in_order_of_choice_if_first_reply_ends_early(opened: Tab) -> None:
    page, gate = opened.page, Gate()
    opened.served.gateway.reply(Reply.text("From A"), model="gpt-5.2")
    opened.served.gateway.reply(Reply(Text("From B"), gate), model="claude-opus-5")
    client = PageClient(opened.served.url)

    async def connect_late(route: Route) -> None:
        chat = route.request.url.partition("chat=")[2]
        await asyncio.to_thread(wait_for, lambda: client.chat(chat)["nodes"], lambda nodes: len(nodes) == 2)
        await route.continue_()

    await page.route("**/api/events?chat=*", connect_late)
    await opened.message.press_sequentially("/vs ")
    await page.get_by_role("combobox").fill(OTHER)
    await page.keyboard.press("Enter")
    await page.keyboard.press("Escape")
    await opened.send("which is first?")
    await expect(page.locator(".compared .author")).to_have_text(["gpt-5.2", "claude-opus-5"])
    gate.open()
    await opened.wait_idle()
    client.http.close()


@pytest.mark.parametrize("earlier", [False, True])
async def test_columns_stand_in_order_of_choice_after_reload(opened: Tab, earlier: bool) -> None:
    page, gateway, gate = opened.page, opened.served.gateway, Gate()
    if earlier:
        gateway.reply(Reply.text("Before."))
        await opened.ask("before it")
    gateway.reply(Reply(gate, Text("From A")), model="gpt-5.2")
    gateway.reply(Reply.text("From B"), model="claude-opus-5")
    await compare(opened, "which is better?")
    columns, asked = page.locator(".compared .author"), ["gpt-5.2", "claude-opus-5"]
    await expect(page.locator(".compared .markdown")).to_have_text("From B")
    await expect(columns).to_have_text(asked)
    await page.reload()
    await expect(page.locator(".compared .markdown")).to_have_text("From B")
    await expect(columns).to_have_text(asked)
    gate.open()
    await expect(page.locator(".compared .markdown")).to_have_text(["From A", "From B"])
    await page.reload()
    await expect(page.locator(".compared .markdown")).to_have_text(["From A", "From B"])
    await expect(columns).to_have_text(asked)
    await page.locator(".compared").first.get_by_role("button", name="Use this reply").click()
    await expect(page.locator(".compared")).to_have_count(0)
    await page.reload()
    shown = ["Before.", "From A"] if earlier else ["From A"]
    await expect(page.locator("article.reply .markdown")).to_have_text(shown)


async def test_columns_that_ended_while_not_connected_show_their_end(browser: Browser, served: Served) -> None:
    gates = Gate(), Gate()
    served.gateway.forget()
    served.gateway.reply(Reply(Text("From "), gates[0], Text("A")), model="gpt-5.2")
    served.gateway.reply(Reply(gates[1], ErrorEvent()), model="claude-opus-5")
    async with CuttingProxy(served.port) as proxy, tab(browser, served, proxy.port) as opened:
        page = opened.page
        await compare(opened, "which is better?")
        await expect(page.locator(".compared .markdown")).to_have_text("From")
        proxy.cut()
        await expect(page.get_by_text("Not connected.")).to_be_visible()
        for gate in gates:
            gate.open()
        client = PageClient(served.url)
        await asyncio.to_thread(client.ended, await opened.chat())
        client.http.close()
        proxy.mend()
        await expect(page.locator(".compared .markdown")).to_have_text("From A")
        await expect(page.locator(".compared .failure")).not_to_be_empty()
        await expect(page.locator(".compared .author")).to_have_text(["gpt-5.2", "claude-opus-5"])
        await expect(page.locator(".compared .stop")).to_have_count(0)


async def test_models_of_one_name_are_shown_with_their_providers(opened: Tab) -> None:
    page, models = opened.page, ["xopenai/gpt-5.2", "ychatopenai/gpt-5.2"]
    opened.served.gateway.reply(Reply.text("One."), Reply.text("Two."))
    await opened.message.press_sequentially("/vs ")
    await page.get_by_role("combobox").fill(models[1])
    await page.keyboard.press("Enter")
    await page.keyboard.press("Escape")
    await expect(page.locator(".chip")).to_contain_text(models[1])
    await expect(page.locator(".model-button .name")).to_have_text(models[0])
    await opened.send("which is better?")
    await expect(page.locator(".compared .author")).to_have_text(models)
    await opened.wait_idle()
    await expect(page.locator(".compared .usage")).to_contain_text(models)
