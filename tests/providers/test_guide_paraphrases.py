"""Questions to the guide in other words than its titles: synonyms, word order, polite words, misspellings."""

from __future__ import annotations

import re

import pytest

from termchat.providers.demo.vocabulary import vocabulary
from tests.providers.test_guide_questions import answer

# Each question with the title of the section that answers it.
ENGLISH = [
    ("how do I delete one message", "How do I delete one message?"),
    ("how do I update termchat", "How do I update termchat?"),
    ("why was I asked to allow a tool", "Does it ask me before a tool runs?"),
    ("is approval asked before a tool runs", "Does it ask me before a tool runs?"),
    ("does it go through a proxy", "How do I use a proxy?"),
    ("how can I paste a picture", "Can I paste a picture?"),
    ("hi, could you please tell me how to switch to another model, thanks", "How do I choose a different model?"),
    ("I'd like to get rid of a conversation", "How do I delete a chat?"),
    ("stop it from talking", "How do I stop a reply?"),
    ("my api key doesn't work", "My key is refused, what is wrong?"),
    ("how do I exprot a chat", "How do I export a chat?"),
    ("does it understand images", "Can I send an image or a screenshot?"),
    ("can I talk to two models at once", "How do I compare the answers of two models?"),
    ("turn off reasoning", "How do I make it think harder or less?"),
    ("hey, could you tell me where my OpenAI key has to go?", "Where do I put my API key?"),
    ("I want to talk to Claude instead", "How do I choose a different model?"),
    ("is it possible to run it against a model on my own computer", "Does it support local models?"),
    ("what models can I pick from", "How do I choose a different model?"),
    ("when one model is overloaded can it use another", "Can another model take over when one is down?"),
    ("I'd like to send it a PDF please", "How do I attach a file?"),
    ("how do I break a line without sending", "How do I write more than one line?"),
    ("the response ended in the middle of a sentence", "The answer stopped halfway, how do I get the rest?"),
    ("ask the same thing a second time", "How do I get another answer to the same question?"),
    ("I want to throw away a conversation", "How do I delete a chat?"),
    ("bring back a conversation I removed", "How do I restore a deleted chat?"),
    ("can I give this discussion a different title", "How do I rename a conversation?"),
    ("where did my old discussions go", "How do I find an old conversation?"),
    ("search everything I ever asked", "How do I find an old conversation?"),
    ("turn a conversation into a web page", "How do I export a chat?"),
    ("move my chats to a new laptop", "How do I back up all my chats?"),
    ("get the code into my clipboard", "How do I copy only the code?"),
    ("switch to a dark background", "How do I change the colours?"),
    ("I don't want colours", "How do I turn colours off?"),
    ("can I hide the token line", "How do I hide the line below the reply?"),
    ("it thinks too long, less thinking please", "How do I make it think harder or less?"),
    ("math looks odd, show the latex source", "Can it render math formulas?"),
    ("text is garbled since I made the window smaller", "The layout is broken after resizing, what now?"),
    ("beep when the answer is there", "How do I get a notification when it is done?"),
    ("what did this cost me", "How do I see what it costs?"),
    ("do I pay for termchat itself", "Is termchat free?"),
    ("connect through our corporate proxy", "How do I use a proxy?"),
    ("it says 401", "My key is refused, what is wrong?"),
    ("it says 429", "It says rate limited, what do I do?"),
    ("nothing happens for a minute", "It is slow or hangs, what can I do?"),
    ("the chat got too big", "The conversation is too long, what do I do?"),
    ("tell it to behave like a pirate", "How do I set a system prompt?"),
    ("look things up on the internet", "Can it search the web?"),
    ("might it delete my files", "Can it run commands or change my files?"),
    ("don't keep this chat", "How do I chat without saving?"),
    ("use it from cron", "How do I use it in a script?"),
    ("feed it a log file", "How do I pipe text into it?"),
    ("I need json back", "How do I get JSON out of it?"),
    ("which version do I have", "Which version is this?"),
    ("get the new release", "How do I update termchat?"),
    ("I can't get out of this program", "How do I quit?"),
    ("does it run without internet", "Is there an offline mode?"),
    ("what happens on ctrl c", "What does Ctrl-C do?"),
    ("must I permit each tool call", "Does it ask me before a tool runs?"),
    ("drop a photo into the chat", "Can I paste a picture?"),
    ("how do I log in", "Adding a key"),
    ("where can I get a key", "Where do I put my API key?"),
    ("how do I see old prompts", "Input history"),
    ("how can I stop it saving", "How do I chat without saving?"),
    ("how do I turn on web access", "Can it search the web?"),
    ("can I use it with vim keybindings", "Does it have vi keys?"),
    ("where do I see the price per model", "How do I see what it costs?"),
]
CHINESE = [
    ("怎么删除一个对话", "如何删除聊天？"),
    ("怎么切换到深色", "怎么换主题？"),
    ("怎么撤销上一条消息", "怎么撤回？"),
    ("支持代理吗", "怎么用代理？"),
    ("怎么粘贴图片", "能粘贴图片吗？"),
    ("Ctrl-C 有什么用", "Ctrl-C 有什么用？"),
    ("怎么升级", "怎么升级 termchat？"),
    ("请问模型怎么切换", "怎么换一个模型？"),
    ("麻烦告诉我怎么换成 claude", "怎么换一个模型？"),
    ("背景太亮，想换成暗色", "怎么换主题？"),
    ("回答被截断了", "回答断了怎么继续？"),
    ("密钥填哪", "密钥放在哪里？"),
    ("你好，请问 openai 的密钥要放到什么地方", "密钥放在哪里？"),
    ("都能连哪些厂商", "支持哪些服务商？"),
    ("我想用 claude 来聊", "怎么换一个模型？"),
    ("可以跑自己电脑上的模型吗", "支持本地模型吗？"),
    ("有什么模型可以选", "怎么换一个模型？"),
    ("模型过载了可以用别的吗", "模型挂了能自动换吗？"),
    ("想给它发个 pdf", "怎么附加文件？"),
    ("不发送怎么另起一行", "怎么换行？"),
    ("刚才问题打错了想改一下", "怎么修改以前的消息？"),
    ("让它别说了", "怎么停止回答？"),
    ("话说到一半就没了", "回答断了怎么继续？"),
    ("同样的问题再问一遍", "怎么重新回答？"),
    ("这个聊天我不要了", "如何删除聊天？"),
    ("刚删的对话想找回来", "误删的聊天能恢复吗？"),
    ("想给对话换个名字", "怎么给聊天改名？"),
    ("以前聊的东西去哪找", "怎么找以前的聊天记录？"),
    ("把聊天变成网页文件", "怎样导出聊天记录？"),
    ("换了新电脑，聊天怎么搬过去", "怎么备份所有聊天？"),
    ("只想要代码，放进剪贴板", "怎么只复制代码？"),
    ("界面太亮了能变暗吗", "怎么换主题？"),
    ("不想要颜色", "怎么关掉颜色？"),
    ("下面那行 token 统计不想看", "怎么隐藏回答下面的那一行？"),
    ("想看它是怎么想的", "怎么看模型的思考过程？"),
    ("它想得太久了", "怎么调整思考的强度？"),
    ("窗口变小之后文字全乱了", "窗口大小变了显示乱了怎么办？"),
    ("答完了响一声", "回答完了能通知我吗？"),
    ("这次聊天花了几块钱", "怎么看费用？"),
    ("到现在总共花了多少", "这个月花了多少？"),
    ("软件本身要钱吗", "termchat 免费吗？"),
    ("公司要走代理才能上网", "怎么用代理？"),
    ("显示 401", "密钥被拒绝是怎么回事？"),
    ("提示 429", "提示请求太多怎么办？"),
    ("等了一分钟没反应", "太慢或卡住怎么办？"),
    ("对话太大了放不下", "聊天太长超出限制怎么办？"),
    ("账户没钱了", "余额不足怎么办？"),
    ("让它扮演海盗", "怎么设置系统提示词？"),
    ("让它上网查资料", "能联网搜索吗？"),
    ("它会不会删我的文件", "它会运行命令或改文件吗？"),
    ("我写的东西谁能看到", "我的数据安全吗？"),
    ("放在定时任务里用", "怎么在脚本里用？"),
    ("把日志喂给它", "怎么用管道传入内容？"),
    ("要它返回 json", "怎么得到 JSON 输出？"),
    ("我装的是哪个版本", "现在是什么版本？"),
    ("有新版了怎么装", "怎么升级 termchat？"),
    ("怎么才能出去", "怎么退出？"),
    ("没有网还能用吗", "没有网络能用吗？"),
    ("按了 Ctrl-C 会发生什么", "Ctrl-C 有什么用？"),
    ("每次调用工具都要我同意吗", "回答工具调用的询问"),
    ("可以换皮肤吗", "怎么换主题？"),
    ("截图能贴进来吗", "能粘贴图片吗？"),
    ("最后问的那句不要了", "怎么删除一条消息？"),
]


def follow_ups(text: str) -> list[str]:
    return re.findall(r"^[12]\. (.+)$", text, re.MULTILINE)


@pytest.mark.parametrize(("question", "title"), [*ENGLISH, *CHINESE])
def test_guide_paraphrase_gets_the_answer_of_its_section(question: str, title: str) -> None:
    text = answer("hi", question)
    source = re.search(r"^(?:— the guide, \*.* · (.*)\*|—— 指南《.*》·(.*))$", text, re.MULTILINE)
    assert source and (source[1] or source[2]) == title, text


@pytest.mark.parametrize(
    ("request_", "phrase"),
    [
        ("show me markdown", "show markdown"),
        ("Could you please show me some Markdown?", "show markdown"),
        ("I'd like to see a long reply", "long"),
        ("demonstrate two tools, please", "two tools"),
        ("please continue", "continue"),
        ("给我看看 markdown", "展示 markdown"),
        ("请演示一下两个工具", "两个工具"),
    ],
)
def test_demo_polite_request_gets_the_sample_reply(request_: str, phrase: str) -> None:
    assert answer("hi", request_) == answer("hi", phrase)


@pytest.mark.parametrize("question", ["how long", "显示 401", "/think", "/continue", "what is markdown"])
def test_demo_question_beside_a_sample_reply_is_answered_from_the_guide(question: str) -> None:
    assert len(follow_ups(answer("hi", question))) == 2


@pytest.mark.parametrize(
    ("question", "titles"),
    [
        ("why is my answer cut off", ["Continuing a reply", "How a reply ends"]),
        ("how do I delete one message", ["Retrying, editing and undoing", "How do I correct an earlier message?"]),
        ("怎么升级", ["快速上手", "现在是什么版本？"]),
    ],
)
def test_guide_follow_ups_fit_the_answer(question: str, titles: list[str]) -> None:
    assert follow_ups(answer("hi", question)) == titles


def test_guide_unknown_question_suggests_the_nearest_sections() -> None:
    text = answer("hi", "write a haiku about the tokens of a proxy")
    assert text.startswith("I only know termchat")
    assert "How do I use a proxy?" in follow_ups(text)


@pytest.mark.parametrize(
    ("question", "titles"), [("sing", ["First steps", "Sample replies"]), ("唱歌", ["快速上手", "示例回答"])]
)
def test_guide_foreign_question_suggests_first_sections(question: str, titles: list[str]) -> None:
    assert follow_ups(answer("hi", question)) == titles
    assert all(f"· {title}" in answer("hi", title) or f"·{title}" in answer("hi", title) for title in titles)


def test_vocabulary_divides_chinese_at_known_words() -> None:
    assert vocabulary().terms("请问怎么删除一个对话") == {"删除", "对话"}
    assert vocabulary().terms("Ctrl+C, could you please tell me?") == {"ctrl-c", "ctrl", "c"}
