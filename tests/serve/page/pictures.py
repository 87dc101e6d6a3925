"""Write the README's pictures of the page: `python -m tests.serve.page.pictures`."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import chdir
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser

from tests.gateway import Call, Reasoning, Reply, Text, Usage, Wire
from tests.serve.page.browsing import Tab, chromium, tab
from tests.serve.page_client import PageClient
from tests.serve.served import Served, running

FOLDER = Path(__file__).parents[3] / ".github" / "images"
SCHEMES = ("light", "dark")
DEVICES = {
    "desktop": {"viewport": {"width": 1200, "height": 760}},
    "phone": {"viewport": {"width": 412, "height": 915}, "has_touch": True, "is_mobile": True},
}
_TITLES = (
    "Unit tests for the date parser",
    "A haiku about tmux",
    "把这段 SQL 改写成窗口函数",
    "Why does the borrow checker reject my closure",
    "Regex for ISO 8601 durations",
    "Explain CRDTs to a backend engineer",
)
_QUESTION = "How do Bloom filters keep reads fast? Which settings do we use?"
_REPLY = r"""A read opens every sorted run that *may* hold the key. The filter of a run says `no` for most that do not,
so they stay closed. With $n$ keys, $m$ bits and $k$ hash functions, a wrong `maybe` has the probability

$$p \approx \left(1 - e^{-kn/m}\right)^k, \qquad k_{\text{best}} = \frac{m}{n}\ln 2$$

Yours has **10 bits per key**, about 0.8 %:

```python
def false_positives(bits_per_key: float) -> float:
    hashes = max(1, round(bits_per_key * log(2)))
    return (1 - exp(-hashes / bits_per_key)) ** hashes
```

| bits per key | hashes | false positives |
|---:|---:|---:|
| 5 | 3 | 9.2 % |
| 10 | 7 | 0.8 % |
"""


def picture_of_page(device: str, scheme: str) -> Path:
    """Return the file of a picture."""
    return FOLDER / f"page-{device}-{scheme}.webp"


async def draw(browser: Browser, served: Served, chat: str, device: str, scheme: str) -> None:
    """Write one picture."""
    options = {**DEVICES[device], "color_scheme": scheme, "device_scale_factor": 2 if device == "phone" else 1.5}
    async with tab(browser, served, **options) as opened:
        await opened.page.evaluate("chat => (location.hash = `#/${chat}`)", chat)
        await opened.wait_idle()
        await _settled(opened)
        picture = Image.open(BytesIO(await opened.page.screenshot()))
    picture.convert("RGB").save(picture_of_page(device, scheme), lossless=True, quality=100, method=6)


async def _settled(opened: Tab) -> None:
    await opened.page.wait_for_selector("math")
    await opened.page.evaluate("document.activeElement.blur()")
    await opened.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def prepare(served: Served, work: Path) -> str:
    """Fill the store with chats; return the one to show."""
    client = PageClient(served.url)
    for number, title in enumerate(_TITLES):
        served.gateway.reply(Reply.text("Done."))
        model = ("xopenai/gpt-5.2", "xanthropic/claude-opus-5", "xgemini/gemini-3-pro")[number % 3]
        client.ask(title, model=model)
    (work / "options.ini").write_text("[CFOptions]\nfilter_policy=bloomfilter:10\n")
    call = Call("read_file", {"path": "options.ini"})
    served.gateway.reply(
        Reply(Reasoning("The settings are in a file; read it first."), call, usage=Usage(1200, 60)),
        Reply(Text.words(_REPLY), usage=Usage(2900, 250), wire=Wire(pace=0.02)),
    )
    chat = client.ask(_QUESTION, model="xanthropic/claude-opus-5")["id"]
    client.post(f"chats/{chat}/title", {"title": "How Bloom filters keep reads fast"})
    return chat


async def draw_all(served: Served, chat: str) -> None:
    """Write all pictures."""
    async with chromium() as browser:
        for device in DEVICES:
            for scheme in SCHEMES:
                await draw(browser, served, chat, device, scheme)


def main() -> None:
    """Run a server with chats, and write the pictures of its page."""
    with tempfile.TemporaryDirectory() as home, chdir(home), running(Path(home), tools="read") as served:
        chat = prepare(served, Path(home))
        asyncio.run(draw_all(served, chat))


if __name__ == "__main__":
    main()
