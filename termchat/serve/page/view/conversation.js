/** The messages of the branch in view. The view follows the end until the user scrolls up. */

import { html, useEffect, useLayoutEffect, useRef, useState } from "../vendor/htm/standalone.module.js";
import { keyOf, modelsOf, shownPath } from "../core/chat_state.js";
import { state, update } from "../core/state.js";
import { t } from "../core/strings.js";
import { itemsOf } from "../core/tree.js";
import { Columns } from "./columns.js";
import { Failure } from "./outcome.js";
import { Icon } from "./parts.js";
import { Reply } from "./reply.js";
import { UserMessage } from "./user_message.js";

const STEP = 30; // messages that are drawn at once
const NEAR = 48; // pixels from the end that count as the end

/** Return the messages in view: {key, user, nodes}. */
export function chatItems() {
  const { chat } = state;
  return chat ? itemsOf(shownPath(chat), (node) => keyOf(chat, node)) : [];
}

export function Conversation() {
  const { chat, loading } = state;
  const scroller = useRef(null);
  const end = useFollow(scroller, chat?.id ?? null, state.sent);
  const [count, setCount] = useState(STEP);
  useEffect(() => setCount(STEP), [chat?.id]);
  const fromEnd = useRef(0); // where the view was when earlier messages were asked for
  useLayoutEffect(() => {
    if (fromEnd.current) scroller.current.scrollTop = scroller.current.scrollHeight - fromEnd.current;
    fromEnd.current = 0;
  }, [count]);
  const earlier = () => {
    fromEnd.current = scroller.current.scrollHeight - scroller.current.scrollTop;
    setCount(count + STEP);
  };
  useShownNode(setCount);
  const items = chatItems();
  const models = chat ? modelsOf(chat) : [];
  const shown = items.slice(-count);
  return html`<div class="conversation-frame">
    <div class="conversation" ref=${scroller} role="region" aria-label=${t("conversation")} tabindex="0" aria-busy=${Boolean(loading)}>
      <div class="column">
        ${loading && html`<p class="empty" role="status">${t("loading")}</p>`}
        ${!chat && !loading && html`<${Welcome} />`}
        ${chat?.system && shown.length === items.length && html`<${SystemPrompt} text=${chat.system} />`}
        ${shown.length < items.length &&
        html`<button type="button" class="more" onClick=${earlier}>${t("earlier")}</button>`}
        ${shown.map((item) => html`<${Item} key=${item.key} item=${item} chat=${chat} models=${models} last=${item === items.at(-1)} />`)}
        ${chat?.compare && html`<${Columns} compare=${chat.compare} chat=${chat} models=${models} />`}
        ${chat?.failures.has("end") && html`<${Failure} failure=${chat.failures.get("end")} />`}
      </div>
    </div>
    ${!end.following &&
    html`<button type="button" class="to-end" onClick=${end.follow}><${Icon} name="down" /><span>${t("toEnd")}</span></button>`}
  </div>`;
}

function SystemPrompt({ text }) {
  return html`<details class="reasoning fold system"><summary><span>${t("system")}</span><span class="line">${text.slice(0, 120)}</span></summary>
    <div class="plain">${text}</div>
  </details>`;
}

function Item({ item, chat, models, last }) {
  if (item.user) {
    const [node] = item.nodes;
    const alone = last && !chat.followed && !chat.compare; // its reply failed, or the chat was copied up to it
    return html`<${UserMessage} node=${node} editing=${state.editing === node.id} siblings=${siblingIds(chat, item)}
      held=${chat.held} alone=${alone} />`;
  }
  const notes = chat.notes.filter((note) => item.nodes.some((node) => keyOf(chat, node) === note.key));
  return html`<${Reply} nodes=${item.nodes} chat=${chat} models=${models} notes=${notes} siblings=${siblingIds(chat, item)}
    failure=${chat.failures.get(item.nodes.at(-1).id)} held=${chat.held} />`;
}

/** Return the ids of the branches beside a message, itself included. */
export function siblingIds(chat, item) {
  const [first] = item.nodes;
  if (first.live) return [];
  const found = [];
  for (const node of chat.nodes.values()) {
    if (node.parent === first.parent && (node.role === "user") === item.user) found.push(node.id);
  }
  return found;
}

function Welcome() {
  return html`<div class="welcome">
    <p class="welcome-title"><span class="prompt" aria-hidden="true">❯</span> ${t("emptyTitle")}</p>
    <p>${t("emptyHint")}</p>
  </div>`;
}

/** Keep the end in view while the user is there. `began` grows when the user sends: that goes to the end, too. */
function useFollow(scroller, chat, began) {
  const [following, setFollowing] = useState(true);
  const at = useRef({ following: true, top: 0 });
  const set = (value) => {
    at.current.following = value;
    setFollowing(value);
  };
  const toEnd = () => {
    const view = scroller.current;
    view.scrollTop = view.scrollHeight;
    at.current.top = view.scrollTop;
  };
  useEffect(() => {
    const view = scroller.current;
    const scrolled = () => {
      const near = view.scrollHeight - view.scrollTop - view.clientHeight < NEAR;
      const up = view.scrollTop < at.current.top - 1;
      at.current.top = view.scrollTop;
      if (near !== at.current.following && (near || up)) set(near);
    };
    view.addEventListener("scroll", scrolled, { passive: true });
    const observer = new ResizeObserver(() => at.current.following && toEnd());
    observer.observe(view);
    observer.observe(view.firstElementChild);
    return () => {
      view.removeEventListener("scroll", scrolled);
      observer.disconnect();
    };
  }, []);
  useLayoutEffect(() => {
    set(true);
    toEnd();
  }, [chat, began]);
  return { following, follow: () => [set(true), toEnd(), scroller.current.focus()] };
}

/** Scroll to the message that a search or an address names. */
function useShownNode(setCount) {
  const { shown } = state;
  useEffect(() => {
    if (!shown) return;
    setCount(Infinity);
    update({ shown: null });
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        const article = document.querySelector(`[data-nodes~="${CSS.escape(shown)}"]`);
        article?.scrollIntoView({ block: "start" });
        article?.focus({ preventScroll: true });
      }),
    );
  }, [shown]);
}
