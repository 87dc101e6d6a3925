"""The hundred commonest questions to the guide, as people ask them, in both languages."""

from __future__ import annotations

import re

import pytest

from termchat.app.guide import reference_pages
from termchat.commands.builtin import builtin
from termchat.config.keys.key_bindings import KEYS
from termchat.config.settings import SETTINGS
from termchat.core.messages import Message, Role, Text, user_message
from termchat.core.provider import Request
from termchat.providers.demo.pages import guide_pages
from termchat.providers.demo.provider import DemoProvider
from termchat.providers.demo.script import ScriptSay
from termchat.providers.demo.search import Language

DEMO = DemoProvider((*guide_pages(), *reference_pages()), speed="0")

# A question in English and in Chinese, and words of the right answer, which are the same in both.
QUESTIONS = [
    ("where do I enter my API key?", "api key 填在哪里", "export OPENAI_API_KEY"),
    ("can I read the key from 1password or the keyring", "密钥可以放钥匙串里吗", "keyring:NAME"),
    ("do I have to sign up for an account?", "需要注册账号吗", "API"),
    ("which providers does it support", "都支持哪些服务商", "OpenRouter"),
    ("does it support local models", "支持本地模型吗", "termchat -m ollama/qwen3"),
    ("can I use my company's OpenAI-compatible server", "能用公司的中转接口吗", "[providers.mine]"),
    ("how can I change to another model", "怎样更换模型", "`/model NAME`"),
    ("set the default model", "怎么固定默认模型", "/set model NAME --save"),
    ("which models are available?", "有哪些模型可以用", "termchat models"),
    ("alias for a model", "给模型设个别名", "[aliases]"),
    ("automatic failover when a model is overloaded", "模型过载时能自动切换吗", "[fallback]"),
    ("compare two models", "对比两个模型", "/retry NAME"),
    ("how to attach a file", "如何上传文件", "termchat -f plan.pdf"),
    ("send a screenshot", "怎么发图片", "termchat -f photo.png"),
    ("can I paste a picture", "图片能直接粘贴进来吗", "Ctrl-V"),
    ("how do I type several lines", "消息里怎么换行", "Alt-Enter"),
    ("compose in vim or another editor", "打开外部编辑器写", "Ctrl-G"),
    ("vi keys", "有没有 vi 模式", "/set vi true --save"),
    ("paste a lot of text", "粘贴大段文字", "Ctrl-O"),
    ("recall an earlier prompt", "找回之前输入过的", "Ctrl-R"),
    ("how do I interrupt the answer", "怎么打断它的回答", "`Esc`"),
    ("what happens if I press Ctrl+C", "按 Ctrl-C 会怎样", "Ctrl-C"),
    ("can I queue the next question while it answers", "回答的时候可以排队输入吗", "Ctrl-S"),
    ("the reply was cut off halfway", "回答说到一半没说完", "/continue"),
    ("regenerate the answer", "重新生成回答", "/retry"),
    ("undo", "怎么撤回", "/undo"),
    ("fix a typo in an earlier question", "问题写错了怎么改", "/edit"),
    ("remove a single message", "删掉某一条消息", "/undo"),
    ("jump back to an earlier branch", "怎么回到之前的分支", "/tree"),
    ("my message starts with a slash", "消息以斜杠开头", "//text"),
    ("what commands are there?", "有哪些命令", "`/help`"),
    ("keyboard shortcuts", "快捷键", "`/keys`"),
    ("how do I rebind a key", "可以修改快捷键吗", "[keys]"),
    ("how to quit", "怎么关掉程序", "/exit"),
    ("continue yesterday's chat", "接着昨天的聊天", "termchat -c"),
    ("start a new conversation", "新建聊天", "/new"),
    ("are my chats saved automatically?", "聊天会自动保存吗", "termchat.db"),
    ("find an old chat", "查找旧的聊天", "/chats WORDS"),
    ("how to export a chat", "怎样导出聊天记录", "/export notes.md"),
    ("how can I delete a chat?", "如何删除聊天", "termchat chats rm CHAT"),
    ("undelete a chat I deleted by accident", "不小心误删了聊天", "termchat chats restore"),
    ("rename this chat", "聊天怎么改名", "/rename TITLE"),
    ("duplicate a chat", "复制一份聊天的副本", "/fork"),
    ("import my ChatGPT history", "导入 ChatGPT 记录", "termchat chats import"),
    ("go on with a claude code session", "接着 Codex 的会话", "/open FILE"),
    ("back up all my chats", "备份全部聊天", "--format json -o all.json"),
    ("several windows at once", "同时开多个窗口", "%branch%"),
    ("scroll back through the whole chat", "回看整段对话", "/history"),
    ("copy the answer to the clipboard", "把回答复制到剪贴板", "/copy"),
    ("copy just the code block", "只要复制代码块", "/copy 2"),
    ("copy over ssh", "ssh 远程复制", "OSC 52"),
    ("how do I change the colours", "怎么换主题", "/theme"),
    ("disable colors", "不要颜色", "NO_COLOR"),
    ("create a custom theme", "自定义主题", "~/.config/termchat/themes/"),
    ("remove the usage line under the reply", "回答下面那行统计怎么去掉", "/set usage off"),
    ("show me the chain of thought", "想看思考过程", "/set reasoning full"),
    ("make it think harder", "让它思考深度高一点", "/think high"),
    ("does it show latex formulas", "latex 公式能显示吗", "/set math false"),
    ("are links clickable", "链接能点开吗", "/set hyperlinks on"),
    ("display is garbled after I resized the window", "调整窗口后显示错位", "/redraw"),
    ("blind users, screen reader", "盲人能用屏幕阅读器吗", "--accessible"),
    ("ring a bell when finished", "完成时响铃提醒", "notify"),
    ("where can I see the costs", "怎么看费用", "`/usage`"),
    ("how much money did I spend this month", "这个月花了多少钱", "termchat usage"),
    ("how many tokens were used", "这次用了多少 token", "`/usage`"),
    ("why does it show no price", "为什么不显示费用", "`~`"),
    ("how can I save money", "怎样省钱一点", "/set speed cheap"),
    ("what are cached tokens", "缓存命中是什么", "%cache%"),
    ("is it free or do I have to pay?", "这个软件收费吗", "MIT"),
    ("use a proxy", "怎么设置代理", "HTTPS_PROXY="),
    ("ssl certificate verify failed", "证书验证失败", "SSL_CERT_FILE"),
    ("use a different base url", "怎么换 base url 地址", "OPENAI_BASE_URL"),
    ("why is my key rejected", "为什么密钥无效", "`401`"),
    ("too many requests", "请求太频繁", "Alt-R"),
    ("connection failed", "连接失败", "Alt-R"),
    ("it hangs", "卡住没反应", "Esc"),
    ("show the full error message", "看错误详情", "/error"),
    ("context window exceeded", "超出上下文长度", "/undo"),
    ("insufficient balance", "账户欠费余额不足", "/model"),
    ("model does not exist", "模型不存在", "/v1"),
    ("where is the configuration file", "配置文件的路径", "~/.config/termchat/config.toml"),
    ("keep a setting for good", "永久保存设置", "--save"),
    ("give it a persona", "设定角色人设", "/system TEXT"),
    ("set the temperature", "调温度", "/set temperature 0"),
    ("make answers shorter", "回答太啰嗦了", "/set max_tokens 500"),
    ("can it browse the internet", "能上网吗", "/set search on"),
    ("can it access my local files", "它能访问我的文件吗", "read_file"),
    ("will it execute shell commands", "会不会执行命令", "%tools%"),
    ("why was I not asked to approve the tool", "为什么工具不用我批准", "--no-tools"),
    ("disable tools", "禁用工具", "--no-tools"),
    ("what about my privacy", "隐私有保障吗", "%private%"),
    ("chat without leaving a trace", "聊天不留痕迹", "/incognito"),
    ("where are the files stored on disk", "数据库文件存放位置", "~/.local/share/termchat/termchat.db"),
    ("wipe all my data", "彻底清空所有数据", "~/.local/share/termchat"),
    ("use it in a bash script", "在 shell 脚本里使用", "%script%"),
    ("pipe a log file into it", "把日志通过管道传给它", "git diff | termchat"),
    ("structured output as json", "输出结构化 json", "--schema"),
    ("what do exit codes mean", "退出码的含义", "`77`"),
    ("write the reply to a file", "把回答写入文件", "> answer.md"),
    ("my prompt begins with a reserved word", "问题的开头是保留字", "-p"),
    ("command line flags", "命令行参数", "termchat --help"),
    ("I am a beginner, how do I begin", "新手入门教程", "export OPENAI_API_KEY"),
    ("what are your features?", "有什么功能", "%guide%"),
    ("does it run on windows", "苹果电脑能用吗", "WSL"),
    ("what version is it", "版本号是多少", "termchat --version"),
    ("upgrade to the newest release", "怎么更新到最新版", "git pull"),
    ("can I use it offline on a plane", "没网离线能用吗", "%local%"),
]
_WORDS = {  # words that differ by language
    "%cache%": ("at a fraction", "一小部分"),
    "%local%": ("without a network", "不需要网络"),
    "%branch%": ("branches off into a new chat", "分到新的对话里"),
    "%tools%": ("Not unless you let it", "除非你允许，否则不会"),
    "%private%": ("no telemetry", "没有遥测"),
    "%script%": ("the exit code is 0 only", "退出码才是 0"),
    "%guide%": ("`show markdown`", "`展示 markdown`"),
}


def answer(*questions: str) -> str:
    messages: list[Message] = []
    for question in questions:
        messages.append(user_message(question))
        said = [step.text for step in DEMO.answer(Request(tuple(messages))) if isinstance(step, ScriptSay)]
        messages.append(Message(Role.ASSISTANT, (Text("".join(said)),), origin=DEMO.origin))
    return messages[-1].text


def test_guide_index_has_every_question_in_both_languages() -> None:
    assert len(QUESTIONS) >= 100
    sizes = [len(page.sections) for page in guide_pages() if page.name == "questions"]
    assert sizes == [len(QUESTIONS)] * 2


@pytest.mark.parametrize(
    ("number", "question", "words"),
    [(n, row[at], _WORDS.get(row[2], (row[2],) * 2)[at]) for n, row in enumerate(QUESTIONS) for at in (0, 1)],
)
def test_guide_common_question_gets_its_short_answer(number: int, question: str, words: str) -> None:
    text = answer("hi", question)
    language = Language.ZH if re.search("[\u4e00-\u9fff]", question) else Language.EN
    page = next(page for page in guide_pages() if page.name == "questions" and page.language is language)
    section = page.sections[number]
    assert text.startswith(section.text), (section.title, text)
    assert words in section.text
    assert "\n1. " in text and "\n2. " in text
    assert "|---" not in text


@pytest.mark.parametrize("language", Language)
def test_guide_common_answers_are_short_and_lead_to_a_section(language: Language) -> None:
    pages = [page for page in guide_pages() if page.language is language]
    titles = {section.title for page in pages for section in page.sections}
    for section in next(page for page in pages if page.name == "questions").sections:
        assert len(section.text) <= 330, section.title
        assert "\n" not in section.text, section.title
        assert section.references and set(section.references) <= titles, section.title
        assert answer("hi", section.title).startswith(section.text), section.title


def test_guide_common_answers_name_only_what_exists() -> None:
    text = "\n".join(s.text for page in guide_pages() if page.name == "questions" for s in page.sections)
    spans = re.findall(r"`([^`]+)`", text)
    commands = {f"/{name}" for command in builtin().commands for name in (command.name, *command.aliases)}
    labels = {key.label for key in KEYS} | {"Up", "Enter"}
    for span in spans:
        word = span.split()[0]
        if re.fullmatch(r"/[a-z]+", word):
            assert word in {*commands, "/v1"}, span
        if word == "/set":
            assert span.split()[1] in {*SETTINGS, "KEY"}, span
        if re.match(r"(Ctrl|Alt)-|F\d", word):
            assert word in labels, span


@pytest.mark.parametrize("language", Language)
def test_guide_follow_up_is_asked_by_its_number(language: Language) -> None:
    question = "how do I quit?" if language is Language.EN else "怎么退出程序"
    first = answer("hi", question)
    titles = re.findall(r"^[12]\. (.+)$", first, re.MULTILINE)
    assert len(titles) == 2
    for number, title in zip("12", titles, strict=True):
        assert answer("hi", question, number) == answer("hi", title)
    assert "\n1. " in answer("hi", question, "3")


@pytest.mark.parametrize(
    ("question", "shown", "hidden"),
    [
        ("what does the key Ctrl-Z do", "Ctrl-Z", "Ctrl-D"),
        ("what is connect_timeout", "connect_timeout", "max_retries"),
        ("命令 /redraw 有什么用", "/redraw", "/rename"),
    ],
)
def test_guide_answer_from_table_shows_only_the_rows_asked_for(question: str, shown: str, hidden: str) -> None:
    text = answer("hi", question).partition("\n—")[0]
    assert f"`{shown}`" in text
    assert f"`{hidden}`" not in text
