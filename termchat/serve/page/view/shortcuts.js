/** The keys of the page: one table, for the handler and for the list of them. */

import { runningTurns, stopTurns } from "../core/actions.js";
import { state, update } from "../core/state.js";
import { newChat } from "./chat_list.js";
import { focusComposer, openModelPicker } from "./composer.js";
import { composing } from "./parts.js";

export const SHORTCUTS = [
  {
    group: "inField",
    rows: [
      { keys: ["Enter"], label: "key_send" },
      { keys: ["Shift", "Enter"], label: "key_newline" },
      { keys: ["↑"], label: "key_editLast" },
      { keys: ["Esc"], label: "key_stop" },
    ],
  },
  {
    group: "elsewhere",
    rows: [
      { keys: ["?"], label: "key_help", run: () => update({ dialog: "keys" }) },
      { keys: ["/"], label: "key_search", run: () => showList("search") },
      { keys: ["n"], label: "key_new", run: newChat },
      { keys: ["i"], label: "key_compose", run: focusComposer },
      { keys: ["m"], label: "key_model", run: openModelPicker },
      { keys: ["j", "k"], label: "key_move", run: (key) => moveFocus(key === "j" ? 1 : -1) },
      { keys: ["[", "]"], label: "key_branch", run: (key) => press(key === "[" ? "previous" : "next") },
      { keys: ["e"], label: "key_edit", run: () => press("edit") },
      { keys: ["r"], label: "key_retry", run: () => press("retry") },
      { keys: ["c"], label: "key_copy", run: () => press("copy") },
      { keys: ["o"], label: "key_fold", run: fold },
      { keys: ["a"], label: "key_ask", run: () => document.querySelector(".question button")?.focus() },
      { keys: ["x"], label: "key_call", run: () => document.querySelector(".stop-call")?.focus() },
      { keys: ["g"], label: "key_end", run: toEnd },
      { keys: ["l"], label: "key_chats", run: () => showList() },
    ],
  },
  { group: "inList", rows: [{ keys: ["↑", "↓"], label: "key_list" }] },
];

/** Handle a key that nothing else took. Letters act outside of text fields only. */
export function onKey(event) {
  if (event.defaultPrevented || composing(event) || state.dialog || state.needsToken) return;
  const field = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key === "Escape") return escape(event, field);
  if (field || event.ctrlKey || event.metaKey || event.altKey) return undefined;
  for (const { rows } of SHORTCUTS) {
    const row = rows.find(({ keys, run }) => run && keys.includes(event.key));
    if (!row) continue;
    event.preventDefault();
    return row.run(event.key);
  }
  return undefined;
}

/** Esc stops the reply; with none, it closes what is open, then leaves the field. */
function escape(event, field) {
  event.preventDefault();
  if (runningTurns().length) return stopTurns();
  if (state.drawer) return update({ drawer: false });
  if (state.error) return update({ error: null });
  if (field) return (articles().at(-1) ?? document.querySelector(".conversation")).focus({ preventScroll: true });
  return undefined;
}

const articles = () => [...document.querySelectorAll("article.message")];

/** Return the message that has the focus, or the last one. */
function current() {
  return document.activeElement?.closest("article.message") ?? articles().at(-1);
}

function moveFocus(step) {
  const all = articles();
  const place = all.indexOf(document.activeElement?.closest("article.message"));
  const next = all[place < 0 ? all.length - 1 : place + step];
  next?.focus({ preventScroll: true });
  next?.scrollIntoView({ block: "nearest" });
}

function press(action) {
  const all = articles();
  const fits = (article) => article?.querySelector(`[data-action="${action}"]:not(:disabled)`);
  const button = fits(current()) ?? fits(all.findLast(fits));
  button?.click();
}

function fold() {
  const folds = [...(current()?.querySelectorAll("details.fold") ?? [])];
  const open = folds.some((details) => !details.open);
  for (const details of folds) details.open = open;
}

function toEnd() {
  const view = document.querySelector(".conversation");
  view.scrollTop = view.scrollHeight;
}

function showList(id) {
  update({ drawer: true });
  requestAnimationFrame(() => {
    const place = id ? document.getElementById(id) : document.querySelector(".chat-row[aria-current], .chat-row");
    place?.focus();
  });
}
