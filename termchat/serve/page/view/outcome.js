/** The lines below a reply: its outcome, tokens, time and cost, or the error that ended it. */

import { html } from "../vendor/htm/standalone.module.js";
import { dollars, duration, shortModel, tokens } from "../core/format.js";
import { t } from "../core/strings.js";

export function Outcome({ replies, models }) {
  const last = replies.at(-1);
  if (!last) return null;
  const { outcome } = last;
  return html`<div class="end">
    ${outcome && outcome !== "complete" && html`<p class="outcome"><span aria-hidden="true">■ </span>${t(`outcome_${outcome}`)}</p>`}
    <p class="usage">${usageLine(replies, models)}</p>
  </div>`;
}

/** Return the line of usage of all steps together; `models` are those of the chat. */
export function usageLine(replies, models) {
  const sum = (read) => replies.reduce((total, node) => total + (Number(read(node)) || 0), 0);
  const about = replies.some((node) => node.usage?.estimated) ? "~" : "";
  const parts = [shortModel(replies.at(-1).model, models)];
  if (replies.some((node) => node.usage)) {
    parts.push(about + t("tokensIn", { count: tokens(sum((node) => node.usage?.input)) }));
    parts.push(about + t("tokensOut", { count: tokens(sum((node) => node.usage?.output)) }));
  }
  if (replies.some((node) => node.seconds)) parts.push(duration(sum((node) => node.seconds)));
  if (replies.some((node) => node.cost)) {
    parts.push((replies.some((node) => node.about) ? "~" : "") + dollars(sum((node) => node.cost)));
  }
  return parts.filter(Boolean).join(" · ");
}

export function Failure({ failure }) {
  return html`<div class="failure" role="alert">
    <p>${failure.message || t("failed")}</p>
    ${failure.hint && html`<p class="hint">${failure.hint}</p>`}
  </div>`;
}
