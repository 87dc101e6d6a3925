/** The field for the next message: text, attachments, the models it goes to. */

import { html, useLayoutEffect, useRef } from "../vendor/htm/standalone.module.js";
import { currentModel, forkChat, runningTurns, send, stopTurns } from "../core/actions.js";
import { attach, composer, detach, typed } from "../core/composer_state.js";
import { shortModel, size } from "../core/format.js";
import { state, update } from "../core/state.js";
import { t } from "../core/strings.js";
import { chatItems } from "./conversation.js";
import { composing, Icon, IconButton } from "./parts.js";

const TALLEST = 0.4; // of the window

export function focusComposer() {
  document.getElementById("message")?.focus();
}

/** Choose the model of the next question. */
export function openModelPicker() {
  const pick = (name) => {
    composer.model = name;
    composer.compare = composer.compare.filter((other) => other !== name);
    update();
    setTimeout(focusComposer);
  };
  update({ dialog: { picker: { title: t("chooseModel"), chosen: () => [currentModel()], pick } } });
}

/** Mark further models that answer the same question beside it. */
export function openComparePicker() {
  const pick = (name) => {
    if (name === currentModel()) return;
    const marked = composer.compare.includes(name);
    composer.compare = marked ? composer.compare.filter((other) => other !== name) : [...composer.compare, name];
    update();
  };
  const chosen = () => [currentModel(), ...composer.compare];
  update({ dialog: { picker: { title: t("compareWith"), chosen, pick, several: true } } });
}

export function Composer() {
  const { chat } = state;
  if (chat?.held) {
    return html`<div class="composer held" role="status">
      <p>${t("held")}</p>
      <button type="button" class="primary" onClick=${forkChat}>${t("heldCopy")}</button>
    </div>`;
  }
  return html`<form class="composer" aria-label=${t("message")} onSubmit=${submit}>
    <${Attachments} />
    <div class="field">
      <${TextField} text=${composer.text} />
    </div>
    <${Tools} />
  </form>`;
}

function submit(event) {
  event.preventDefault();
  send();
}

function TextField({ text }) {
  const field = useRef(null);
  useLayoutEffect(() => {
    if (field.current.value !== text) field.current.value = text;
    fit(field.current);
  }, [text, composer.chat]);
  const input = (event) => {
    typed(event.target.value);
    if (/^\/vs\s/.test(event.target.value)) {
      typed(event.target.value.replace(/^\/vs\s+/, ""));
      openComparePicker();
    }
    fit(event.target);
  };
  const paste = (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    attach(files);
  };
  return html`<textarea id="message" ref=${field} rows="1" dir="auto" aria-label=${t("message")} enterkeyhint="send"
    placeholder=${t("placeholder", { model: shortModel(currentModel()) })} onInput=${input} onKeyDown=${keys}
    onPaste=${paste} />`;
}

/** Make the field as tall as its text, within limits. */
function fit(field) {
  field.style.setProperty("height", "auto");
  field.style.setProperty("height", `${Math.min(field.scrollHeight, innerHeight * TALLEST)}px`);
}

function keys(event) {
  if (composing(event)) return;
  if (event.key === "Enter" && !event.shiftKey && !event.altKey) {
    event.preventDefault();
    send();
  } else if (event.key === "ArrowUp" && !event.target.value) {
    const last = chatItems().findLast((item) => item.user);
    if (!last) return;
    event.preventDefault();
    update({ editing: last.nodes[0].id });
  }
}

function Attachments() {
  if (!composer.attachments.length) return null;
  return html`<ul class="attachments">
    ${composer.attachments.map(
      (item) => html`<li key=${item.key} class=${`attachment ${item.error ? "bad" : item.id ? "" : "busy"}`}>
        ${item.url ? html`<img src=${item.url} alt="" />` : html`<${Icon} name="file" />`}
        <span class="name">${item.name}</span>
        <span class="about" role="status">
          ${item.error ? `${t("uploadFailed")}: ${item.error}` : item.id ? size(item.size) : t("uploading")}
        </span>
        <${IconButton} icon="close" label=${t("remove", { name: item.name })} onClick=${() => detach(item)} />
      </li>`,
    )}
  </ul>`;
}

function Tools() {
  const running = runningTurns();
  const files = useRef(null);
  const chosen = (event) => {
    attach(event.target.files);
    event.target.value = "";
    focusComposer();
  };
  const models = [currentModel(), ...composer.compare];
  const ready = composer.text.trim() || composer.attachments.length;
  return html`<div class="composer-tools">
    <input type="file" ref=${files} hidden multiple onChange=${chosen}
      accept="image/png,image/jpeg,image/gif,image/webp,application/pdf,text/*" />
    <${IconButton} icon="clip" label=${t("attach")} onClick=${() => files.current.click()} />
    <button type="button" class="model-button" aria-haspopup="dialog" title=${t("chooseModel")} onClick=${openModelPicker}>
      <span class="hidden">${t("model")}: </span><span class="name">${shortModel(currentModel(), models) || "…"}</span>
      <${Icon} name="down" />
    </button>
    ${composer.compare.map(
      (name) => html`<span class="chip" key=${name}>
        <span class="name">${shortModel(name, models)}</span>
        <${IconButton} icon="close" label=${t("remove", { name })} onClick=${() => drop(name)} />
      </span>`,
    )}
    <${IconButton} icon="columns" label=${t("compareWith")} onClick=${openComparePicker} />
    <span class="space" />
    ${running.length > 0 &&
    html`<button type="button" class="stop" onClick=${() => stopTurns()}><${Icon} name="stop" />${t("stop")}<kbd>Esc</kbd></button>`}
    <button type="submit" class="primary send" aria-label=${t("send")} title=${t("send")} aria-busy=${composer.sending}
      disabled=${!ready || composer.sending}><${Icon} name="send" /></button>
  </div>`;
}

function drop(name) {
  composer.compare = composer.compare.filter((other) => other !== name);
  update();
}
