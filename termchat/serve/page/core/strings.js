/** All words of the page. Chinese for browsers that prefer it, English for others. */

const EN = {
  chats: "Chats", newChat: "New chat", search: "Search chats", searchHint: "Search  /", noChats: "No chats yet.",
  noHits: "Nothing found.", more: "More", menu: "List of chats", closeMenu: "Close the list", untitled: "Untitled",
  running: "running", openElsewhere: "open in another termchat", conversation: "Conversation", skip: "Skip to the message field",
  emptyTitle: "Ask anything", emptyHint: "Chats here and in the terminal are the same: termchat -c goes on there.",
  loading: "Loading…", offline: "Not connected. Trying again…", retryNow: "Try now",
  you: "You", model: "Model", message: "Message", placeholder: "Ask {model}", send: "Send", stop: "Stop", attach: "Attach",
  dropHere: "Drop pictures and PDFs here", remove: "Remove {name}", uploading: "uploading", uploadFailed: "not uploaded",
  copy: "Copy", copied: "Copied", copyFailed: "Not allowed", copyCode: "Copy code", copyCodeOf: "Copy {language} code",
  edit: "Edit", retry: "Retry", retryWith: "Retry with…", continue: "Continue", fork: "Copy as new chat",
  cancel: "Cancel", close: "Close", sendEdit: "Send as new branch",
  rename: "Rename", delete: "Delete chat", deleted: "Chat deleted.", undo: "Undo", title: "Title",
  previousBranch: "Previous branch", nextBranch: "Next branch", branchOf: "Branch {n} of {count}",
  earlier: "Show earlier messages", toEnd: "To the end", reasoning: "Reasoning", thinking: "Thinking…",
  waiting: "Waiting for {model}", arguments: "Arguments", result: "Result", toolRunning: "running",
  toolWaiting: "waiting", toolDone: "done", toolFailed: "failed", searched: "Searched the web", sources: "Sources",
  askTool: "{tool} asks for permission", decision_once: "Allow once", decision_always: "Always allow {rules}", decision_deny: "Deny",
  editedArguments: "Arguments that ran", tool_failed: "failed", tool_declined: "declined", tool_cancelled: "cancelled",
  tool_timed_out: "timed out", stopCall: "Stop this call", stopCallOf: "Stop this call: {tool}", toolStopping: "stopping",
  denyWhy: "Reason for the model (optional)",
  picture: "picture", table: "Table", openPicture: "Open {name}", saveFile: "Save {name}",
  held: "This chat is open in another termchat. You can read along.", heldCopy: "Continue in a copy",
  compareWith: "Compare with…", comparing: "Replies of {count} models", adopt: "Use this reply",
  adopted: "The chat goes on with this reply.", noModel: "No model fits.", filterModels: "Filter models",
  chooseModel: "Choose a model", compareHint: "Enter adds or removes a model; Esc closes",
  moreModels: "Ask the providers for their models", vision: "pictures", documents: "PDF", context: "{count} tokens",
  retrying: "{message} Retrying in {delay} ({tries}).", failed: "The reply failed.",
  outcome_length: "Cut off at the token limit", outcome_filtered: "Stopped by the provider's filter",
  outcome_refused: "Refused by the model", outcome_cut: "The connection was cut; this is what came",
  outcome_stalled: "No more data came; this is what came", outcome_cancelled: "Stopped",
  outcome_budget: "Stopped at the budget", outcome_limit: "Stopped at a limit", outcome_failed: "Failed",
  tokensIn: "{count} in", tokensOut: "{count} out",
  sendAnyway: "Send anyway", nothingCame: "Nothing came. Your message is back in the field.",
  tokenTitle: "Enter the token", tokenLabel: "Token", tokenHint: "It follows # in the address that termchat serve prints.",
  open: "Open", unreachable: "The server does not answer.", unreachableHint: "Check that termchat serve is running.",
  system: "System prompt", shortcuts: "Keyboard shortcuts", inField: "In the message field", elsewhere: "Elsewhere", inList: "In the list",
  key_send: "send", key_newline: "new line", key_editLast: "edit the last question, in an empty field",
  key_stop: "stop the reply; close; leave the field", key_help: "these shortcuts", key_search: "search",
  key_new: "new chat", key_compose: "message field", key_model: "choose a model", key_move: "next, previous message",
  key_branch: "previous, next branch", key_edit: "edit the message", key_retry: "retry the reply",
  key_copy: "copy the message", key_fold: "fold or unfold reasoning and tools", key_end: "to the end",
  key_ask: "question of a tool", key_call: "stop button of a running call", key_list: "next, previous chat", key_chats: "list of chats",
}; // prettier-ignore

const ZH = {
  chats: "对话", newChat: "新对话", search: "搜索对话", searchHint: "搜索  /", noChats: "还没有对话。",
  noHits: "没有找到。", more: "更多", menu: "对话列表", closeMenu: "关闭列表", untitled: "无标题",
  running: "进行中", openElsewhere: "在另一个 termchat 中打开", conversation: "对话内容", skip: "跳到输入框",
  emptyTitle: "随便问点什么", emptyHint: "这里和终端里是同一批对话：在终端用 termchat -c 继续。",
  loading: "加载中…", offline: "未连接，正在重试…", retryNow: "立即重试",
  you: "你", model: "模型", message: "消息", placeholder: "向 {model} 提问", send: "发送", stop: "停止", attach: "附件",
  dropHere: "将图片和 PDF 拖到这里", remove: "移除 {name}", uploading: "上传中", uploadFailed: "上传失败",
  copy: "复制", copied: "已复制", copyFailed: "不允许复制", copyCode: "复制代码", copyCodeOf: "复制 {language} 代码",
  edit: "编辑", retry: "重试", retryWith: "换模型重试…", continue: "继续", fork: "复制为新对话",
  cancel: "取消", close: "关闭", sendEdit: "作为新分支发送",
  rename: "重命名", delete: "删除对话", deleted: "对话已删除。", undo: "撤销", title: "标题",
  previousBranch: "上一个分支", nextBranch: "下一个分支", branchOf: "第 {n} 个分支，共 {count} 个",
  earlier: "显示更早的消息", toEnd: "到末尾", reasoning: "推理", thinking: "思考中…",
  waiting: "等待 {model}", arguments: "参数", result: "结果", toolRunning: "运行中",
  toolWaiting: "等待中", toolDone: "完成", toolFailed: "失败", searched: "已搜索网络", sources: "来源",
  askTool: "{tool} 请求许可", decision_once: "允许一次", decision_always: "始终允许 {rules}", decision_deny: "拒绝",
  editedArguments: "实际运行的参数", tool_failed: "失败", tool_declined: "已拒绝", tool_cancelled: "已取消",
  tool_timed_out: "超时", stopCall: "停止此调用", stopCallOf: "停止此调用：{tool}", toolStopping: "正在停止",
  denyWhy: "告诉模型的理由（可选）",
  picture: "图片", table: "表格", openPicture: "打开 {name}", saveFile: "保存 {name}",
  held: "此对话正在另一个 termchat 中打开，这里可以同步阅读。", heldCopy: "在副本中继续",
  compareWith: "与其他模型比较…", comparing: "{count} 个模型的回答", adopt: "采用此回答",
  adopted: "对话将以此回答继续。", noModel: "没有匹配的模型。", filterModels: "筛选模型",
  chooseModel: "选择模型", compareHint: "Enter 添加或移除模型；Esc 关闭",
  moreModels: "向服务商查询模型", vision: "图片", documents: "PDF", context: "{count} tokens",
  retrying: "{message} {delay} 后重试（{tries}）。", failed: "回答失败。",
  outcome_length: "达到 token 上限，已截断", outcome_filtered: "被服务商的过滤器停止",
  outcome_refused: "模型拒绝回答", outcome_cut: "连接中断；以上是已收到的内容",
  outcome_stalled: "没有更多数据；以上是已收到的内容", outcome_cancelled: "已停止",
  outcome_budget: "因预算停止", outcome_limit: "因限制停止", outcome_failed: "失败",
  tokensIn: "输入 {count}", tokensOut: "输出 {count}",
  sendAnyway: "仍然发送", nothingCame: "没有收到内容，消息已放回输入框。",
  tokenTitle: "输入令牌", tokenLabel: "令牌", tokenHint: "它在 termchat serve 打印的地址中 # 之后。",
  open: "打开", unreachable: "服务器没有响应。", unreachableHint: "请检查 termchat serve 是否在运行。",
  system: "系统提示词", shortcuts: "键盘快捷键", inField: "在输入框中", elsewhere: "其他位置", inList: "在列表中",
  key_send: "发送", key_newline: "换行", key_editLast: "输入框为空时编辑上一个问题",
  key_stop: "停止回答；关闭；离开输入框", key_help: "快捷键", key_search: "搜索",
  key_new: "新对话", key_compose: "输入框", key_model: "选择模型", key_move: "下一条、上一条消息",
  key_branch: "上一个、下一个分支", key_edit: "编辑消息", key_retry: "重试回答",
  key_copy: "复制消息", key_fold: "折叠或展开推理和工具", key_end: "到末尾",
  key_ask: "工具的请求", key_call: "运行中调用的停止按钮", key_list: "下一个、上一个对话", key_chats: "对话列表",
}; // prettier-ignore

export const STRINGS = { en: EN, zh: ZH };

/** Return "zh" or "en" by the languages of the browser. */
export function language(preferred = navigator.languages ?? [navigator.language]) {
  for (const name of preferred) {
    if (/^zh\b/i.test(name)) return "zh";
    if (/^en\b/i.test(name)) return "en";
  }
  return "en";
}

/** Return the words of a key, with {name} replaced by the values. */
export function t(key, values = {}) {
  const text = STRINGS[language()][key];
  if (text === undefined) return key.replace(/^[a-z]+_/, ""); // a word of a newer server
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}
