/** The whole page. */

import { html, useEffect, useLayoutEffect, useRef, useState } from "../vendor/htm/standalone.module.js";
import { reconnect, runningTurns, start } from "../core/actions.js";
import { attach } from "../core/composer_state.js";
import { state, update, useAppState } from "../core/state.js";
import { t } from "../core/strings.js";
import { keepToken } from "../core/token.js";
import { PictureDialog } from "./attached.js";
import { ChatHeader } from "./chat_header.js";
import { ChatList } from "./chat_list.js";
import { Composer, focusComposer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { KeysDialog } from "./keys_dialog.js";
import { ModelPicker } from "./model_picker.js";
import { IconButton } from "./parts.js";

export function App() {
  const { needsToken, dialog, chat, drawer } = useAppState();
  useEffect(() => {
    const running = runningTurns().length ? "● " : "";
    document.title = running + (chat?.title ? `${chat.title} · termchat` : "termchat");
  });
  if (needsToken) return html`<${TokenForm} />`;
  return html`<div class=${`app ${drawer ? "drawer-open" : ""}`}>
    <button type="button" class="skip" onClick=${focusComposer}>${t("skip")}</button>
    <${ChatList} />
    ${drawer && html`<div class="veil" onClick=${() => update({ drawer: false })} />`}
    <${Main} />
    <${Toast} />
    ${dialog === "keys" && html`<${KeysDialog} />`} ${dialog?.picture && html`<${PictureDialog} part=${dialog.picture} />`}
    ${dialog?.picker && html`<${ModelPicker} ...${dialog.picker} />`}
  </div>`;
}

function Main() {
  const [over, setOver] = useState(false);
  const drop = (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    setOver(event.type === "dragover");
    if (event.type === "drop") attach(event.dataTransfer.files);
  };
  const leave = (event) => event.currentTarget.contains(event.relatedTarget) || setOver(false);
  return html`<main onDragOver=${drop} onDrop=${drop} onDragLeave=${leave}>
    <${ChatHeader} />
    <${Banners} />
    <${Conversation} />
    <${Composer} />
    ${over && html`<div class="drop-target"><p>${t("dropHere")}</p></div>`}
  </main>`;
}

function Banners() {
  const { connection, error } = state;
  return html`<div class="banners">
    ${connection === "offline" &&
    html`<div class="banner" role="status">
      <span>${t("offline")}</span><button type="button" onClick=${reconnect}>${t("retryNow")}</button>
    </div>`}
    ${error &&
    html`<div class="banner bad" role="alert">
      <span>${error.message} ${error.hint && html`<span class="hint">${error.hint}</span>`}</span>
      ${error.action && html`<button type="button" onClick=${() => act(error.action)}>${error.action.label}</button>`}
      <${IconButton} icon="close" label=${t("close")} onClick=${() => update({ error: null })} />
    </div>`}
  </div>`;
}

function act({ run }) {
  update({ error: null, toast: null });
  run();
}

function Toast() {
  const { toast } = state;
  useEffect(() => {
    if (!toast) return undefined;
    const timer = setTimeout(() => update({ toast: null }), 10_000);
    return () => clearTimeout(timer);
  }, [toast]);
  return html`<div class="toast-place" role="status">
    ${toast &&
    html`<div class="toast">
      <span>${toast.text}</span>
      <button type="button" onClick=${() => act(toast.action)}>${toast.action.label}</button>
    </div>`}
  </div>`;
}

function TokenForm() {
  const [text, setText] = useState("");
  const field = useRef(null);
  useLayoutEffect(() => field.current.focus(), []);
  const open = (event) => {
    event.preventDefault();
    keepToken(text.split("#").at(-1));
    update({ needsToken: false, tokenError: "" });
    start();
  };
  return html`<main class="token-form">
    <form onSubmit=${open}>
      <h1>${t("tokenTitle")}</h1>
      <p id="token-hint">${t("tokenHint")}</p>
      <label>
        ${t("tokenLabel")}
        <input ref=${field} type="password" autocomplete="off" required aria-describedby="token-hint" value=${text}
          onInput=${(event) => setText(event.target.value)} />
      </label>
      ${state.tokenError && html`<p role="alert" class="outcome">${state.tokenError}</p>`}
      <button type="submit" class="primary">${t("open")}</button>
    </form>
  </main>`;
}
