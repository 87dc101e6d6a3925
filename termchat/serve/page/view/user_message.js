/** A message of the user, or the field that edits it. */

import { html, useLayoutEffect, useRef } from "../vendor/htm/standalone.module.js";
import { retry, sendEdit } from "../core/actions.js";
import { update } from "../core/state.js";
import { t } from "../core/strings.js";
import { copyText } from "../markdown/code.js";
import { Attached } from "./attached.js";
import { Branches } from "./branches.js";
import { composing, IconButton, memo } from "./parts.js";

export const textOf = (node) => (node.parts ?? []).filter((part) => part.kind === "text").map((part) => part.text).join("");

export const UserMessage = memo(({ node, editing, siblings, held, alone }) => {
  const text = textOf(node);
  return html`<article class="message user" tabindex="-1" data-nodes=${node.id} aria-label=${t("you")}>
    <span class="prompt" aria-hidden="true">❯</span>
    <div class="body">
      ${editing ? html`<${EditField} node=${node} text=${text} />` : html`<div class="plain">${text}</div>`}
      ${node.parts.some((part) => part.kind !== "text") &&
      html`<div class="attached">${node.parts.map((part) => part.kind !== "text" && html`<${Attached} part=${part} />`)}</div>`}
      ${!editing &&
      html`<div class="message-tools">
        <${Branches} siblings=${siblings} current=${node.id} />
        <${IconButton} icon="copy" label=${t("copy")} data-action="copy" onClick=${() => copyText(text)} />
        ${!held && alone &&
        html`<${IconButton} icon="retry" label=${t("retry")} text=${t("retry")} data-action="retry" onClick=${() => retry(node.id)} />`}
        ${!held &&
        html`<${IconButton} icon="edit" label=${t("edit")} data-action="edit" onClick=${() => update({ editing: node.id })} />`}
      </div>`}
    </div>
  </article>`;
});

function EditField({ node, text }) {
  const field = useRef(null);
  useLayoutEffect(() => {
    field.current.focus();
    field.current.setSelectionRange(text.length, text.length);
  }, []);
  const close = () => {
    update({ editing: null });
    field.current.closest("article").focus();
  };
  const save = (event) => {
    event?.preventDefault();
    if (field.current.value.trim()) sendEdit(node.id, field.current.value);
  };
  const keys = (event) => {
    if (composing(event)) return;
    if (event.key === "Escape") close();
    else if (event.key === "Enter" && !event.shiftKey && !event.altKey) save();
    else return;
    event.preventDefault();
  };
  return html`<form class="edit-form" onSubmit=${save}>
    <textarea ref=${field} dir="auto" aria-label=${t("edit")} rows=${Math.min(12, text.split("\n").length + 1)} onKeyDown=${keys}>${text}</textarea>
    <div class="row">
      <button type="submit" class="primary">${t("sendEdit")}</button>
      <button type="button" onClick=${close}>${t("cancel")}</button>
    </div>
  </form>`;
}
