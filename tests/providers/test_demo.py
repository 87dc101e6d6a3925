"""demo/tour: the built-in guide, its tools and its staged outcomes."""

from __future__ import annotations

import asyncio
import re
from contextlib import aclosing
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.app.guide import reference_pages
from termchat.cli import run_command_line
from termchat.commands.builtin import builtin
from termchat.config.keys.key_bindings import KEYS
from termchat.config.paths import paths
from termchat.config.providers import presets
from termchat.config.settings import SETTINGS
from termchat.config.themes import theme_folders, theme_names
from termchat.core.approval import Permit
from termchat.core.errors import Failure, FailureKind, ProviderError
from termchat.core.events import Delta, Finished, Retrying, TextDelta, UsageDelta
from termchat.core.messages import Image, Message, Role, Text, ToolCall, ToolResult, attached_text, user_message
from termchat.core.outcomes import ExitCode, FinishReason
from termchat.core.provider import Request, StreamMonitor
from termchat.core.wire.assemble import MessageBuilder
from termchat.providers.demo.pages import guide_pages
from termchat.providers.demo.provider import DemoProvider
from termchat.providers.demo.script import split_words
from termchat.providers.demo.search import GuideIndex, Language, language_of, table_page
from termchat.tools.toolbox import Toolbox, ToolboxConfig

PAGES = (*guide_pages(), *reference_pages())
DEMO = DemoProvider(PAGES, speed="0")
TOOLS = Toolbox(ToolboxConfig(Path(__file__).parent))


async def deltas(request: Request, demo: DemoProvider = DEMO) -> tuple[list[Delta], Failure | None]:
    found: list[Delta] = []
    try:
        async with aclosing(demo.stream(request, StreamMonitor())) as stream:
            async for delta in stream:
                found.append(delta)  # noqa: PERF401, deltas before a failure are kept
    except ProviderError as error:
        return found, error.failure
    return found, None


def reply(found: list[Delta]) -> Message:
    assembly = MessageBuilder()
    for delta in found:
        assembly.add(delta)
    return Message(Role.ASSISTANT, assembly.parts(), origin=DEMO.origin)


async def conversation(*questions: str) -> list[Message]:
    """A conversation with the real tools; return its messages."""
    messages: list[Message] = []
    for question in questions:
        messages.append(user_message(question))
        while messages[-1].role is not Role.ASSISTANT or messages[-1].calls:
            found, _ = await deltas(Request(tuple(messages), tools=TOOLS.specs))
            messages.append(reply(found))
            if calls := messages[-1].calls:
                results = [await TOOLS.run(call, Permit(), lambda text: None) for call in calls]
                messages.append(Message(Role.TOOL, tuple(results)))
    return messages


async def answer_text(*questions: str) -> str:
    return (await conversation(*questions))[-1].text


def test_guide_has_same_pages_and_sections_in_both_languages() -> None:
    english, chinese = ([p for p in guide_pages() if p.language is language] for language in Language)
    assert [(p.name, len(p.sections)) for p in english] == [(p.name, len(p.sections)) for p in chinese]
    for page in guide_pages():
        assert all(language_of(s.title) is page.language or s.title == "Base URL" for s in page.sections)
        assert page.title
        assert all(section.text for section in page.sections)


@pytest.mark.parametrize("language", Language)
def test_guide_search_finds_section_by_title(language: Language) -> None:
    index = GuideIndex(PAGES, language)
    for page in (p for p in guide_pages() if p.language is language):
        for section in page.sections:
            found = index.search(section.title)
            assert not found or found[0].section == section


_SUBCOMMANDS = ("chats", "config", "models", "themes", "usage")
_NAMES = [
    *(("setting {}", "设置 {}", key) for key in SETTINGS),
    *(("exit code {}", "退出码 {}", str(code.value)) for code in ExitCode),
    *(("/{}", "命令 /{} 有什么用", command.name) for command in builtin().commands),
    *(("the key {}", "按键 {}", key.label) for key in KEYS if re.fullmatch("[A-Z][a-zA-Z0-9-]{2,}", key.label)),
    *(("the subcommand {}", "子命令 {}", f"termchat {name}") for name in _SUBCOMMANDS),
    *(("the variable {}", "变量 {}", setting.env) for setting in SETTINGS.values() if setting.env),
    *(("provider {}", "服务商 {}", name) for name in presets() if name not in ("openai", "anthropic", "gemini")),
]


@pytest.mark.parametrize(("english", "chinese", "name"), _NAMES)
async def test_demo_answers_about_every_name_in_both_languages(english: str, chinese: str, name: str) -> None:
    for question in (english.format(name), chinese.format(name)):
        text = await answer_text(question)
        assert any(f"`{form}" in text for form in (name, f"/{name}", f"demo/{name}", f"{name}/")), (question, text)


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("how do I switch models?", "switches the model mid-conversation"),
        ("how do I add a key", "export OPENAI_API_KEY"),
        ("quit", "/exit"),
        ("is my data safe?", "to nobody else"),
        ("who are you", "is a guide, not a model"),
        ("hello", "is a guide, not a model"),
        ("Hi there!", "is a guide, not a model"),
        ("hello, what can you do?", "is a guide, not a model"),
        ("429?", "answered"),
        ("where are my chats stored?", "termchat.db"),
        ("how do I go on with my last chat", "`termchat -c`"),
        ("resume a chat", "`termchat -c`"),
        ("how can I search my old chats", "`/chats WORDS`"),
        ("delete a chat", "termchat chats rm"),
        ("import from ChatGPT", "chats import"),
        ("how do I leave no trace", "--no-save"),
        ("incognito", "nothing is saved from then on"),
        ("can I see another answer, the branches", "/tree"),
        ("I lost what I was typing, is there a draft", "saved as you type"),
        ("usage by day", "--by day"),
        ("does it work with a screen reader", "--accessible"),
        ("notifications", "notifies you of long turns"),
        ("how do I copy a code block", "`/copy 2`"),
        ("how do I change a setting for good", "--save"),
        ("怎么切换模型？", "在对话中途切换"),
        ("如何添加密钥", "export OPENAI_API_KEY"),
        ("怎么退出", "/exit"),
        ("你是谁", "是指南，不是模型"),
        ("你好", "是指南，不是模型"),
        ("你好，你能做什么？", "是指南，不是模型"),
        ("超时怎么办", "idle_timeout"),
        ("对话保存在哪里", "termchat.db"),
        ("怎么继续上次的对话", "`termchat -c`"),
        ("怎么搜索以前的对话", "`/chats WORDS`"),
        ("怎么删除对话", "termchat chats rm"),
        ("怎么导出对话", "/export"),
        ("怎么不留痕迹", "--no-save"),
        ("无痕模式", "/incognito"),
        ("怎么看分支", "/tree"),
        ("草稿会丢吗", "边打边保存"),
        ("这个月花了多少", "termchat usage"),
        ("支持屏幕阅读器吗", "--accessible"),
        ("怎么复制代码", "`/copy 2`"),
        ("怎么修改设置", "--save"),
    ],
)
async def test_demo_question_is_answered_by_matching_section(question: str, words: str) -> None:
    text = await answer_text(question)
    assert words in text
    assert text.startswith("*我是" if language_of(question) is Language.ZH else "*I am")


async def test_demo_introduces_itself_once_and_cites_page() -> None:
    first, *_, last = [m.text for m in await conversation("the prompt cache", "the prompt cache") if m.origin]
    assert first == "*I am the built-in guide, not a model.*\n\n" + last
    assert "— the guide, *Usage and cost · The prompt cache*" in last
    for title in re.findall(r"^[12]\. (.+)$", last, re.MULTILINE):
        assert f"· {title}*" in await answer_text(title)


@pytest.mark.parametrize(
    "question",
    ["Write a poem about the sea", "What is the capital of France?", "tell me a joke", "what is the meaning of life",
     "fix my code", "can you translate this to french", "how do I make the font bigger",
     "写一首关于大海的诗", "法国的首都是哪里", "今天天气怎么样", "翻译这句话", "🙂", "1234567"],
)  # fmt: skip
async def test_demo_declines_other_topics_and_hints_at_models(question: str) -> None:
    text = await answer_text(question)
    assert "I only know termchat" in text or "我只了解 termchat" in text or question == "🙂"
    if question != "🙂":
        assert "`/model`" in text
        assert "`/login`" in text


@pytest.mark.parametrize("language", Language)
async def test_demo_names_login_command_when_it_exists(language: Language) -> None:
    login = table_page("commands", "Commands", language, [("/login", "add a key")])
    question = user_message("sing" if language is Language.EN else "唱歌")
    found, _ = await deltas(Request((question,)), DemoProvider((*PAGES, login), "0"))
    assert "`/login`" in reply(found).text


async def test_demo_offers_usable_models_by_name() -> None:
    found, _ = await deltas(
        Request((user_message("sing"),)), DemoProvider(PAGES, "0", offers=("openai/gpt-5.2", "ollama/qwen3"))
    )
    assert "Available with `/model`: `openai/gpt-5.2`, `ollama/qwen3`." in reply(found).text


async def test_demo_finds_generated_page() -> None:
    page = table_page("more", "More", Language.EN, [("zeppelin", "flies")])
    found, _ = await deltas(Request((user_message("what is zeppelin"),)), DemoProvider((*PAGES, page), "0"))
    assert "- `zeppelin`: flies" in reply(found).text


@pytest.mark.parametrize(
    ("question", "call", "words"),
    [
        ("What time is it?", ("current_time", "{}"), "The tool `current_time` returned: 20"),
        ("现在几点？", ("current_time", "{}"), "工具 `current_time` 的结果：20"),
        ("calculate 2*(3+4)", ("calculate", '{"expression": "2*(3+4)"}'), "`2*(3+4) = 14`"),
        ("what is 1 + 1?", ("calculate", '{"expression": "1 + 1"}'), "`1 + 1 = 2`"),
        ("计算 2*(3+4)", ("calculate", '{"expression": "2*(3+4)"}'), "`2*(3+4) = 14`"),
        ("calculate 1/0", ("calculate", '{"expression": "1/0"}'), "failed: Error: cannot evaluate"),
        ("read @test_demo.py", ("read_file", '{"path": "test_demo.py"}'), '"""demo/tour: the built-in guide'),
        ("read test_demo.py", ("read_file", '{"path": "test_demo.py"}'), '"""demo/tour: the built-in guide'),
        ("读取 没有.txt", ("read_file", '{"path": "没有.txt"}'), "没能做到"),
    ],
)
async def test_demo_request_calls_tool_and_shows_result(question: str, call: tuple[str, str], words: str) -> None:
    messages = await conversation(question)
    assert [(c.name, c.arguments) for m in messages for c in m.calls] == [call]
    assert words in messages[-1].text


async def test_demo_two_tools_are_called_in_one_step() -> None:
    messages = await conversation("two tools")
    assert [c.name for c in messages[1].calls] == ["current_time", "calculate"]
    assert len({c.id for m in await conversation("two tools", "two tools") for c in m.calls}) == 4
    assert "current_time" in messages[-1].text
    assert "14" in messages[-1].text


async def test_demo_without_tools_reports_them_switched_off() -> None:
    found, _ = await deltas(Request((user_message("what time is it"),)))
    assert "`current_time` is disabled" in reply(found).text
    assert "`--tools current_time` in a script" in reply(found).text


async def test_demo_shows_file_in_fence_longer_than_its_content() -> None:
    result = ToolResult("1", "read_file", (Text("a\n````\nb\n" + "x\n" * 50),))
    calls = Message(Role.ASSISTANT, (ToolCall("1", "read_file", "{}"),), origin=DEMO.origin)
    found, _ = await deltas(Request((user_message("read x"), calls, Message(Role.TOOL, (result,)))))
    assert "\n`````\na\n````\n" in reply(found).text
    assert "… and 13 more lines." in reply(found).text


@pytest.mark.parametrize(
    ("phrases", "kinds", "failure"),
    [
        (("cut", "断开"), {TextDelta}, FailureKind.CUT),
        (("429 for ever", "一直 429"), {Retrying}, FailureKind.RATE_LIMITED),
        (("401", "密钥被拒"), set[type](), FailureKind.AUTH),
        (("429", "限流"), {Retrying, TextDelta, UsageDelta, Finished}, None),
        (("length", "截断"), {TextDelta, UsageDelta, Finished}, None),
        (("Show Markdown.", "展示 markdown"), {TextDelta, UsageDelta, Finished}, None),
    ],
)
async def test_demo_keyword_plays_matching_outcome(
    phrases: tuple[str, ...], kinds: set[type], failure: FailureKind | None
) -> None:
    for phrase in phrases:
        found, ended = await deltas(Request((user_message(phrase),)))
        assert {type(delta) for delta in found} == kinds
        assert (ended and ended.kind) == failure


async def test_demo_length_reply_can_be_continued() -> None:
    found, _ = await deltas(Request((user_message("length"),)))
    assert found[-1] == Finished(FinishReason.LENGTH, "length")
    assert (await answer_text("length", "continue")).startswith("sentence.")
    assert (await answer_text("断开", "继续")).startswith("并没有丢")


async def test_demo_thinking_is_counted_as_reasoning() -> None:
    found, _ = await deltas(Request((user_message("think"),)))
    usage = next(delta.usage for delta in found if isinstance(delta, UsageDelta))
    assert usage.output > usage.reasoning > 20
    assert (usage.input, usage.estimated, usage.cost) == (1, True, Decimal(0))


async def test_demo_stall_sends_text_then_waits_for_cancel() -> None:
    stream = DEMO.stream(Request((user_message("stall"),)), StreamMonitor())
    assert isinstance(await anext(stream), TextDelta)
    waiting = asyncio.ensure_future(anext(stream))
    done, _ = await asyncio.wait([waiting], timeout=0.05)
    assert not done
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await stream.aclose()


async def test_demo_long_reply_closed_early_leaves_no_task() -> None:
    others = asyncio.all_tasks()
    wire = StreamMonitor()
    async with aclosing(DemoProvider(PAGES, speed="1000").stream(Request((user_message("long"),)), wire)) as stream:
        for _ in range(5):
            await anext(stream)
    assert asyncio.all_tasks() == others
    assert wire.bytes_received


@pytest.mark.parametrize("question", ["how do I switch models", "two tools", "show markdown", "nonsense", "长文"])
async def test_demo_same_question_gets_same_answer(question: str) -> None:
    request = Request((user_message(question),), tools=TOOLS.specs)
    assert await deltas(request) == await deltas(request, DemoProvider((*guide_pages(), *reference_pages()), "0"))
    slow, _ = await deltas(request, DemoProvider(PAGES, "1000000"))
    assert reply(slow).parts == reply((await deltas(request))[0]).parts


@pytest.mark.parametrize("question", ["how do I export a chat?", "怎样导出聊天记录？"])
async def test_demo_answers_question_and_names_attachments(question: str) -> None:
    files = attached_text("notes.md", "switch models with /model"), Image("image/png", b"png", name="dot.png")
    found, _ = await deltas(Request((user_message(question, *files),), tools=TOOLS.specs))
    plain = await answer_text(question)
    shown = reply(found).text.split("\n\n")
    assert "`notes.md`, `dot.png`" in shown.pop(1)
    assert "\n\n".join(shown) == plain


@given(st.text(max_size=60))
def test_demo_any_question_gets_an_answer(question: str) -> None:
    script = DEMO.answer(Request((user_message(question),), tools=TOOLS.specs))
    assert script


@given(st.text(max_size=200))
def test_split_words_joined_give_whole_text(text: str) -> None:
    assert "".join(split_words(text)) == text


@pytest.mark.parametrize("language", Language)
def test_guide_names_every_theme(language: Language) -> None:
    text = "".join(s.text for p in PAGES if p.language is language for s in p.sections)
    names = theme_names(theme_folders(paths({"HOME": "/nonexistent"}))[1:])
    assert [name for name in names if f"`{name}`" not in text] == []


@pytest.mark.parametrize("language", Language)
def test_guide_shows_every_command_with_usage_and_aliases(language: Language) -> None:
    text = "".join(s.text for p in guide_pages() if p.language is language for s in p.sections).replace(r"\|", "|")
    names = [f"/{alias}" for command in builtin().commands for alias in command.aliases]
    assert [name for name in (*(c.usage for c in builtin().commands), *names) if f"`{name}`" not in text] == []


@pytest.mark.parametrize("language", Language)
def test_guide_keys_page_shows_every_key(language: Language) -> None:
    text = "".join(s.text for p in guide_pages() if p.language is language and p.name == "keys" for s in p.sections)
    assert [key.label for key in KEYS if f"`{key.label}`" not in text] == []


async def test_demo_answers_about_every_option_in_both_languages(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["--help"], {}) == 0
    options = sorted(set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", capsys.readouterr().out)))
    assert "--no-save" in options
    for option in options:
        for question in (f"the option {option}", f"选项 {option}"):
            assert f"`{option}" in await answer_text(question), question


async def test_demo_alias_leads_to_its_command() -> None:
    for command in builtin().commands:
        for alias in command.aliases:
            for question in (f"/{alias}", f"命令 /{alias}"):
                assert f"`/{command.name}" in await answer_text(question), question
