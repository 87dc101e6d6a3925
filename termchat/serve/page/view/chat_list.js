/** The chats of the store, newest first, and the search in them. */

import { html, useRef } from "../vendor/htm/standalone.module.js";
import { attempt, go, loadChats, search } from "../core/actions.js";
import { shortModel, when } from "../core/format.js";
import { state, update } from "../core/state.js";
import { t } from "../core/strings.js";
import { composing, IconButton, memo } from "./parts.js";

const DELAY = 150; // milliseconds between the last key and the search

export function ChatList() {
  const { chats, hits, next, query, chat, loading, searching } = state;
  const open = chat?.id ?? loading;
  return html`<nav class="sidebar" aria-label=${t("chats")} onKeyDown=${moveByArrows}>
    <div class="sidebar-top">
      <span class="brand" aria-hidden="true">termchat</span>
      <${IconButton} icon="plus" label=${t("newChat")} text=${t("newChat")} onClick=${newChat} />
      <${IconButton} icon="close" label=${t("closeMenu")} class="icon-button only-phone" onClick=${closeDrawer} />
    </div>
    <${SearchField} query=${query} />
    <div class="sidebar-list" aria-busy=${searching}>
      ${hits ? html`<${Hits} hits=${hits} />` : html`<ul>${chats.map((row) => html`<${ChatRow} key=${row.id} row=${row} current=${row.id === open} />`)}</ul>`}
      ${!hits && !chats.length && state.page && html`<p class="empty">${t("noChats")}</p>`}
      ${!hits && next && html`<button type="button" class="more" onClick=${() => attempt(() => loadChats(next))}>${t("more")}</button>`}
    </div>
  </nav>`;
}

export function newChat() {
  update({ drawer: false });
  go(null);
  document.getElementById("message")?.focus();
}

function closeDrawer() {
  update({ drawer: false });
  document.getElementById("menu-button")?.focus();
}

function SearchField({ query }) {
  const timer = useRef(0);
  const input = (event) => {
    const words = event.target.value;
    clearTimeout(timer.current);
    state.query = words;
    timer.current = setTimeout(() => search(words), DELAY);
  };
  const keys = (event) => {
    if (event.key === "Escape" && event.target.value && !composing(event)) {
      event.preventDefault();
      event.target.value = "";
      search("");
    }
  };
  return html`<div class="search" role="search">
    <input id="search" type="search" dir="auto" aria-label=${t("search")} placeholder=${t("searchHint")} value=${query}
      autocomplete="off" onInput=${input} onKeyDown=${keys} />
  </div>`;
}

const ChatRow = memo(({ row, current }) => {
  const about = [shortModel(row.model), when(row.updated)];
  return html`<li>
    <a href=${`#/${encodeURIComponent(row.id)}`} class="chat-row" aria-current=${current ? "page" : undefined}
      onClick=${() => update({ drawer: false })}>
      <span class="title">${row.title || t("untitled")}</span>
      <span class="about">
        ${row.running && html`<span class="dot running" title=${t("running")}><span class="hidden">${t("running")}</span></span>`}
        ${row.held && !row.running && html`<span class="dot" title=${t("openElsewhere")}><span class="hidden">${t("openElsewhere")}</span></span>`}
        ${about.filter(Boolean).join(" · ")}
      </span>
    </a>
  </li>`;
});

function Hits({ hits }) {
  if (!hits.length) return html`<p class="empty" role="status">${t("noHits")}</p>`;
  return html`<ul>
    ${hits.map(
      (hit) => html`<li key=${`${hit.chat}/${hit.node}`}>
        <a class="chat-row hit" href=${`#/${encodeURIComponent(hit.chat)}/${encodeURIComponent(hit.node ?? "")}`}
          onClick=${() => update({ drawer: false })}>
          <span class="title">${hit.title || t("untitled")}</span>
          <span class="snippet">
            ${(hit.snippet ?? []).map(([text, matched]) => (matched ? html`<mark>${text}</mark>` : text))}
          </span>
        </a>
      </li>`,
    )}
  </ul>`;
}

/** Arrow keys move in the list. */
function moveByArrows(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || composing(event)) return;
  const rows = [...event.currentTarget.querySelectorAll(".chat-row")];
  const place = rows.indexOf(document.activeElement);
  const next = place < 0 ? (step > 0 ? rows[0] : null) : rows[place + step];
  event.preventDefault();
  if (next) next.focus();
  else if (step < 0) document.getElementById("search").focus();
}
