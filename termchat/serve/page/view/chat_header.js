/** The bar above the conversation: the list on a phone, the title, and what can be done with the chat. */

import { html, useEffect, useRef, useState } from "../vendor/htm/standalone.module.js";
import { deleteChat, forkChat, renameChat } from "../core/actions.js";
import { state, update } from "../core/state.js";
import { t } from "../core/strings.js";
import { composing, IconButton } from "./parts.js";

export function ChatHeader() {
  const { chat } = state;
  const [renaming, setRenaming] = useState(false);
  const openDrawer = () => {
    update({ drawer: true });
    requestAnimationFrame(() => document.getElementById("search").focus());
  };
  return html`<header class="bar">
    <${IconButton} id="menu-button" icon="menu" label=${t("menu")} class="icon-button only-phone" onClick=${openDrawer} />
    ${renaming && chat
      ? html`<${TitleField} title=${chat.title} done=${() => setRenaming(false)} />`
      : html`<h1 title=${chat?.title}>${chat ? chat.title || t("untitled") : t("newChat")}</h1>`}
    <div class="bar-actions">
      ${chat &&
      !renaming &&
      html`<${IconButton} icon="edit" label=${t("rename")} onClick=${() => setRenaming(true)} />
        <${IconButton} icon="fork" label=${t("fork")} onClick=${forkChat} />
        <${IconButton} icon="trash" label=${t("delete")} onClick=${deleteChat} />`}
      <${IconButton} icon="keys" label=${t("shortcuts")} class="icon-button not-phone" onClick=${() => update({ dialog: "keys" })} />
    </div>
  </header>`;
}

function TitleField({ title, done }) {
  const field = useRef(null);
  useEffect(() => field.current.select(), []);
  const save = (event) => {
    event.preventDefault();
    const text = field.current?.value.trim(); // the field is gone when it loses the focus to nothing
    if (text && text !== title) renameChat(text);
    done();
  };
  const keys = (event) => {
    if (event.key !== "Escape" || composing(event)) return;
    event.preventDefault();
    done();
  };
  return html`<form class="title-form" onSubmit=${save}>
    <input ref=${field} dir="auto" aria-label=${t("title")} value=${title} onKeyDown=${keys} onBlur=${save} />
  </form>`;
}
