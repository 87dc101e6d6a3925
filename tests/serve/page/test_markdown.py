"""Text of models: it does nothing, finished blocks stay, code is copied exactly, formulas are MathML."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import expect

from tests.gateway import Citation, Gate, Reasoning, Reply, Text
from tests.serve.page.browsing import Tab
from tests.serve.page_client import PageClient

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.asyncio(loop_scope="module")]

# Each row is one reply; none may run, load, submit or style anything.
HOSTILE = (
    "<script>window.hit = 1</script>",
    "<img src=x onerror='window.hit = 1'>",
    "![p](https://evil.example/p.png) ![d](data:image/png;base64,AAAA) ![j](javascript:window.hit=1)",
    "[a](javascript:window.hit=1) [b](JaVa\tScRiPt:window.hit=1) [c](data:text/html,<b>1</b>) [d](vbscript:x)",
    "[e](&#106;avascript:window.hit=1) [f](/api/page) [g](//evil.example) [h](file:///etc) <javascript:window.hit=1>",
    "<a href='javascript:window.hit=1' onclick='window.hit=1'>x</a>",
    "<form action='https://evil.example'><input name=a><button>go</button></form>",
    "<svg><script>window.hit=1</script><animate onbegin='window.hit=1'/></svg>",
    "<style>body{display:none}</style><div style='position:fixed;inset:0'>x</div>",
    "<link rel=stylesheet href=//evil.example><base href=//evil.example>",
    "<iframe srcdoc='<script>parent.hit=1</script>'></iframe><object data=x></object><embed src=x>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--><img src=1 onerror=window.hit=1>'></table>",
    "<a id=message>1</a><form id=app name=app></form><input name=cookie><p id=announcements>clobbered</p>",
    "$\\href{javascript:window.hit=1}{x}$ $\\text{<img src=x onerror=window.hit=1>}$",
    '$\\class{a" onclick="window.hit=1}{y}$',
    "$$\\color{red;background:url(https://evil.example)}{z} \\includegraphics{https://evil.example/p.png}$$",
    '```"><img/src=x/onerror=window.hit=1>\n<script>window.hit=1</script>\n```',
    '| a |\n|---|\n| <img src=x onerror=window.hit=1> |\n\n1. <details open ontoggle=window.hit=1>x</details>',
    "[x]: javascript:window.hit=1\n\n[x] and [y][x]\n\n> <video src=x onerror=window.hit=1></video>",
    '[t](https://ok.example "\'><img src=x onerror=window.hit=1>")',
    "&lt;script&gt;window.hit=1&lt;/script&gt; \u202egnp.exe",
    "<noscript><p title='</noscript><img src=x onerror=window.hit=1>'>",
    "[__proto__]: https://a.example\n\n[__proto__] [constructor] [toString][constructor]",
    "```__proto__\nx\n```\n```constructor\ny\n```\n```html\n<img src=x onerror=window.hit=1>\n```",
    "$\\htmlId{message}{x}$ $\\htmlStyle{position:fixed}{x}$ $\\url{javascript:window.hit=1}$ $\\href{https://a.example}{x}$",
    "$$a \\label{message} \\tag{<img src=x onerror=window.hit=1>}$$ $\\verb|<img src=x onerror=window.hit=1>|$",
    '$\\text{</mtext></math><img src=x onerror=window.hit=1>}$ $\\color{" onclick="window.hit=1}{x}$',
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=window.hit=1>",
    "<sub onclick=window.hit=1>x</sub> <b/onclick=1>z</b> <kbd><script>window.hit=1</script></kbd>",
    "[x](&#x6A;&#x61;vascript:window.hit=1) [x](java&Tab;script:window.hit=1) [x](blob:http://127.0.0.1/x)",
)  # fmt: skip
_INSIDE = """() => {
  const inside = [...document.querySelectorAll('article .markdown *')];
  const names = new Set(inside.map((element) => element.localName));
  const bad = 'script img svg form input style link iframe object embed base video details noscript meta'.split(' ');
  const attributes = inside.flatMap((element) => element.getAttributeNames());
  return {
    hit: window.hit ?? null,
    tags: bad.filter((name) => names.has(name)),
    attributes: attributes.filter((name) => /^on|^style$|^id$|^name$|^src|^action$/.test(name)),
    links: inside.filter((e) => e.localName === 'a').map((e) => [e.protocol, e.rel, e.target]),
    field: document.getElementById('message').localName,
  };
}"""


async def test_hostile_markdown_does_nothing(opened: Tab) -> None:
    requests: list[str] = []
    opened.page.on("request", lambda request: requests.append(request.url))
    gate = Gate()
    opened.served.gateway.reply(Reply(Reasoning("\n\n".join(HOSTILE)), gate, *(Text(f"{row}\n\n") for row in HOSTILE)))
    await opened.send("hostile")
    await opened.page.locator("details.reasoning summary").click()
    gate.open()
    await opened.wait_idle()
    found = await opened.page.evaluate(_INSIDE)
    links = found.pop("links")
    assert found == {"hit": None, "tags": [], "attributes": [], "field": "textarea"}
    assert {protocol for protocol, _, _ in links} == {"https:"}
    assert {(rel, target) for _, rel, target in links} == {("noopener noreferrer", "_blank")}
    assert not [url for url in requests if not url.startswith(opened.served.url)]
    shown = await opened.page.locator("article.reply").inner_text()
    assert "<script>window.hit = 1</script>" in shown  # readable, not swallowed
    assert "picture: p (evil.example)" in shown


async def test_formula_covers_nothing_outside_of_its_text(opened: Tab) -> None:
    raised = " ".join(f"$\\raise{{{height}em}}{{\\colorbox{{red}}{{drawn}}}}$" for height in range(-9, 10, 3))
    opened.served.gateway.reply(Reply(Text(f"{raised}\n\n# {raised}")))
    await opened.ask("draw over me")
    covering = """() => [...document.querySelectorAll('article .markdown math *')].filter((drawn) => {
      const { left, top, width, height } = drawn.getBoundingClientRect();
      const [x, y] = [left + width / 2, top + height / 2];
      const box = drawn.closest('.markdown').getBoundingClientRect();
      return (y < box.top - 8 || y > box.bottom + 8) && document.elementFromPoint(x, y)?.closest('.markdown');
    }).length"""
    assert await opened.page.evaluate(covering) == 0
    assert await opened.page.locator("article.reply math").count() == 14


async def test_link_with_user_name_or_turned_text_shows_its_host(opened: Tab) -> None:
    text = "<https://bank.example@evil.example> [https://ok.example\u202e](https://evil.example)"
    opened.served.gateway.reply(Reply(Text(text)))
    await opened.ask("links")
    host = opened.page.locator("article.reply a .host")
    await expect(host).to_have_text(["(evil.example)", "(evil.example)"])
    assert await host.last.evaluate("host => getComputedStyle(host).unicodeBidi") == "isolate"


async def test_source_is_a_link_whatever_its_title(opened: Tab) -> None:
    """Titles are those of pages, not Markdown: they add no block and no link of their own."""
    sources = (
        Citation("https://a.example/x", "click [me](https://evil.example)\n\n# Fake\n\n![x](https://evil.example)"),
        Citation("javascript:window.hit=1", "run"),
        Citation("https://b.example/>\n\n# Fake", ""),
    )
    opened.served.gateway.reply(Reply(Text("Cited."), *sources), model="claude-opus-5")
    client = PageClient(opened.served.url)
    chat = await asyncio.to_thread(client.ask, "cite", model="xanthropic/claude-opus-5")
    client.http.close()
    await opened.page.evaluate("chat => (location.hash = `#/${chat}`)", chat["id"])
    await opened.wait_idle()
    links = opened.page.locator("article.reply a")
    await expect(links).to_have_count(2)
    assert [await link.get_attribute("href") for link in await links.all()] == [
        "https://a.example/x", "https://b.example/%3E#%20Fake",
    ]  # fmt: skip
    await expect(links.first.locator(".host")).to_have_text("(a.example)")
    await expect(opened.page.locator("article.reply").get_by_role("heading")).to_have_count(0)
    assert await opened.page.evaluate("window.hit ?? null") is None


async def test_finished_blocks_are_never_rendered_again(opened: Tab) -> None:
    middle, end = Gate(), Gate()
    first = ("One *two*.\n\n", "```py\nprint(1)\n```\n\n", "- a\n- b\n\n", "Open para")
    opened.served.gateway.reply(Reply(Text(*first), middle, Text("graph goes on"), end, Text(".\n\nLast.")))
    await opened.send("blocks")
    blocks = opened.page.locator("article.reply .block")
    await expect(blocks).to_have_count(4)
    await expect(blocks.last).to_have_text("Open para")
    keep = "window.kept = [...document.querySelectorAll('.block')].slice(0, 3).map((b) => [b, b.firstChild])"
    await opened.page.evaluate(keep)
    middle.open()
    await expect(blocks.last).to_have_text("Open paragraph goes on")
    end.open()
    await opened.wait_idle()
    await expect(blocks).to_have_count(5)
    same = """kept => [...document.querySelectorAll('.block')].slice(0, 3).every(
        (block, i) => block === window.kept[i][0] && block.firstChild === window.kept[i][1])"""
    assert await opened.page.evaluate(same)
    assert await opened.page.locator("[data-open]").count() == 0
    await opened.page.reload()  # a stored reply has the same blocks
    await expect(blocks).to_have_count(5)
    announced = opened.page.locator("#announcements")
    await expect(announced).to_have_attribute("aria-live", "polite")


async def test_code_copy_is_exact_and_block_has_language_label(opened: Tab) -> None:
    await opened.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    code = "\tif a < b && c:\n\n        print('&lt;')  # <b>\n    # ünï 你好 \\n"
    opened.served.gateway.reply(Reply(Text("Look:\n\n", f"```Python title=x\n{code}\n```\n")))
    await opened.ask("code")
    figure = opened.page.locator("figure.code")
    await expect(figure.locator("figcaption span")).to_have_text("python")
    assert await figure.locator(".hljs-keyword").count() >= 1
    await figure.get_by_role("button", name="Copy python code").click()
    await expect(figure.locator("button")).to_have_text("Copied")
    assert await opened.page.evaluate("navigator.clipboard.readText()") == code


async def test_markdown_renders_formulas_tables_links_and_prices(opened: Tab) -> None:
    text = (
        "# Top\n\nCosts $5 and $10. Inline $x^2$, \\(y_1\\).\n\n$$\\int_0^1 x\\,dx = \\frac12$$\n\n\\[a \\le b\\]\n\n"
        "| a | b |\n|--:|---|\n| 1 | `x` |\n\n[name](https://a.example/x?y=1) <https://b.example/> https://c.example\n\n"
        "Use List<T> here, $\\bad{$ too. H<sub>2</sub>O\n\n- [x] done\n"
    )
    opened.served.gateway.reply(Reply(Text.words(text)))
    await opened.ask("show")
    page = opened.page
    assert await page.get_by_role("heading", name="Top", level=2).count() == 1
    assert await page.locator("math").count() == 4
    assert await page.locator("math mfrac, math msup").count() == 2
    shown = await page.locator("article.reply .markdown").inner_text()
    assert "Costs $5 and $10." in shown and "Use List<T> here" in shown and "☑ done" in shown
    assert await page.locator("article.reply sub").inner_text() == "2"
    assert await page.locator("td[align=right]").inner_text() == "1"
    links = await page.locator("article.reply a").all_inner_texts()
    assert links == ["name (a.example)", "https://b.example/", "https://c.example"]


async def test_markdown_of_any_shape_is_drawn_without_a_long_pause(opened: Tab) -> None:
    shapes = ["_a*" * 15_000, "> " * 3000 + "x", "\\(" * 20_000, "![[" * 10_000]
    drawn = await opened.page.evaluate(
        """async (shapes) => {
        const { MarkdownDocument } = await import('/page/markdown/document.js');
        return shapes.map((text) => {
          const root = document.createElement('div');
          document.body.append(root);
          new MarkdownDocument(root).update(text, false);
          const length = root.textContent.length;
          root.remove();
          return length > 1000;
        });
    }""",
        shapes,
    )
    assert drawn == [True] * len(shapes)


_DRAWN = """async ([texts, slow]) => {
  const { MarkdownDocument } = await import('/page/markdown/document.js');
  const [root, timers, set, now] = [document.createElement('div'), [], window.setTimeout, performance.now];
  const drawn = () => [root.textContent.length, root.querySelector('code, ul')];
  window.setTimeout = (run) => timers.push(run);
  let clock = 0;
  if (slow) performance.now = () => (clock += 500);
  try {
    document.body.append(root);
    const grows = new MarkdownDocument(root);
    const seen = texts.map((text) => (grows.update(text, true), drawn()));
    for (let run; (run = timers.shift()); ) run();
    seen.push(drawn());
    grows.update(texts.at(-1), false);
    seen.push(drawn());
    return seen.map(([length, element]) => [length, element === seen[0][1]]);
  } finally {
    [window.setTimeout, performance.now] = [set, now];
    root.remove();
  }
}"""  # the length of the text, and if its element is still the first one: after each text, the timers and the end


async def test_long_code_block_that_grows_is_extended(opened: Tab) -> None:
    code = "".join(f"row_{n} = {n}\n" for n in range(2000))
    texts = [f"```python\n{code[:size]}" for size in (9000, 12_000, 12_003, len(code) - 1)]
    header = len("pythonCopy")
    (first, *_, last, end) = await opened.page.evaluate(_DRAWN, [texts, False])
    assert first == [header + 9000, True]
    assert last == [header + len(code) - 1, True]
    assert end == [header + len(code) - 1, False]  # with its colours


async def test_block_that_takes_long_to_draw_rests_before_it_is_drawn_again(opened: Tab) -> None:
    texts = ["- one\n- two", "- one\n- two\n- three", "- one\n- two\n- three\n- four"]
    seen = await opened.page.evaluate(_DRAWN, [texts, True])
    lengths = [length for length, _ in seen]
    assert lengths[0] == lengths[1] == lengths[2] < lengths[3] == lengths[4]
