/** A reply: all its steps with reasoning, text, tool calls, and the line below it. */

import { html, useState } from "../vendor/htm/standalone.module.js";
import { continueReply, forkChat, retry, stopCall } from "../core/actions.js";
import { keyOf } from "../core/chat_state.js";
import { shortModel } from "../core/format.js";
import { update } from "../core/state.js";
import { t } from "../core/strings.js";
import { copyText } from "../markdown/code.js";
import { shownLink } from "../markdown/links.js";
import { Attached } from "./attached.js";
import { Branches } from "./branches.js";
import { MarkdownView } from "./markdown_view.js";
import { Failure, Outcome } from "./outcome.js";
import { IconButton, memo } from "./parts.js";
import { Question, ToolCard } from "./tools.js";
import { textOf } from "./user_message.js";

export const Reply = memo(({ nodes, chat, models, notes, siblings, failure, held, children }) => {
  const replies = nodes.filter((node) => node.role !== "tool");
  const last = replies.at(-1) ?? nodes[0];
  const turn = nodes.at(-1).live ? nodes.at(-1).turn : null;
  const model = last.model ?? nodes[0].model;
  const name = shortModel(model, models);
  return html`<article class="message reply" tabindex="-1" data-nodes=${nodes.map((node) => node.id).join(" ")}
    aria-label=${name || t("model")} aria-busy=${turn ? "true" : "false"}>
    <div class="author" title=${model}>${name}</div>
    <div class="body">
      ${replies.map((node) => html`<${Step} key=${keyOf(chat, node)} node=${node} results=${resultsOf(node, nodes)} turn=${turn} />`)}
      ${turn && html`<${Progress} turn=${turn} models=${models} />`}
      ${notes.map((note) => html`<p class=${`note ${note.level ?? ""}`}>${note.text}</p>`)}
      ${turn?.asks.map((ask) => html`<${Question} key=${ask.id} turn=${turn} ask=${ask} />`)}
      ${failure && html`<${Failure} failure=${failure} />`}
      ${!turn &&
      html`<div class="footer">
        <${Outcome} replies=${replies} models=${models} />
        <div class="message-tools">
          ${children ?? html`<${Tools} nodes=${nodes} siblings=${siblings} held=${held} end=${nodes.at(-1)} />`}
        </div>
      </div>`}
    </div>
  </article>`;
});

function Tools({ nodes, siblings, held, end }) {
  const [first] = nodes;
  const copy = () => copyText(nodes.filter((node) => node.role === "assistant").map(textOf).filter(Boolean).join("\n\n"));
  return html`<${Branches} siblings=${siblings} current=${first.id} />
    <${IconButton} icon="copy" label=${t("copy")} data-action="copy" onClick=${copy} />
    ${!held &&
    html`<${IconButton} icon="retry" label=${t("retry")} data-action="retry" onClick=${() => retry(first.id)} />
      <${IconButton} icon="swap" label=${t("retryWith")} data-action="retry-with" onClick=${() => retryWith(first)} />
      ${end.can_continue &&
      html`<${IconButton} icon="go" label=${t("continue")} text=${t("continue")} data-action="continue" onClick=${() => continueReply(end.id)} />`}`}
    <${IconButton} icon="fork" label=${t("fork")} onClick=${forkChat} />`;
}

function retryWith(node) {
  const pick = (model) => retry(node.id, model);
  update({ dialog: { picker: { title: t("retryWith"), chosen: () => [node.model], pick } } });
}

/** Return the tool results that follow a step: some servers use the id of a call again in the next one. */
function resultsOf(step, nodes) {
  const found = [];
  for (const node of nodes.slice(nodes.indexOf(step) + 1)) {
    if (node.role !== "tool" && !node.live) break;
    found.push(...(node.parts ?? []).filter((part) => part?.kind === "tool_result"));
  }
  return found;
}

function Step({ node, results, turn }) {
  const counts = {};
  const left = [...results];
  const parts = (node.parts ?? []).filter(Boolean);
  const calls = parts.filter((part) => part.kind === "tool_call" && part.complete !== false);
  const isLast = turn?.nodes.at(-1) === node.id; // its calls are those that run
  return parts.map((part, index) => {
    counts[part.kind] = (counts[part.kind] ?? 0) + 1;
    const key = `${part.kind}-${counts[part.kind]}`; // the same while it streams and after
    const open = Boolean(node.live) && index === parts.length - 1;
    if (part.kind === "text") return html`<${TextPart} key=${key} part=${part} open=${open} />`;
    if (part.kind === "reasoning") return part.text && html`<${Reasoning} key=${key} text=${part.text} open=${open} />`;
    if (part.kind === "tool_call") {
      const place = calls.indexOf(part);
      const result = left.findIndex(({ call }) => call === part.id);
      const asked = isLast && turn.asks.some((ask) => ask.place === place);
      return html`<${ToolCard} key=${key} part=${part} result=${result < 0 ? null : left.splice(result, 1)[0]} asked=${asked}
        running=${isLast ? turn.tools[place] : null} writing=${open} stop=${() => stopCall(turn, node.id, place)} />`;
    }
    if (part.kind === "search") return html`<p key=${key} class="note">${t("searched")}: ${(part.queries ?? []).join(" · ")}</p>`;
    return html`<${Attached} key=${key} part=${part} />`;
  });
}

function TextPart({ part, open }) {
  const sources = part.citations ?? [];
  return html`<${MarkdownView} text=${part.text} open=${open} />
    ${sources.length > 0 &&
    html`<div class="markdown"><p>
      ${t("sources")}: ${sources.map((source, index) => [index ? " · " : "", html`<${Source} key=${index} ...${source} />`])}
    </p></div>`}`;
}

/** A link to a source. Its title is that of a page, not Markdown of the model. */
function Source({ url, title }) {
  const text = title.trim() || url;
  const shown = shownLink(url, text);
  if (!shown) return html`<bdi>${text}</bdi>`;
  return html`<a href=${shown.href} target="_blank" rel="noopener noreferrer"><bdi>${text}</bdi>${shown.host && html` <span class="host">(${shown.host})</span>`}</a>`;
}

function Reasoning({ text, open }) {
  const [unfolded, setUnfolded] = useState(false);
  const words = open ? t("thinking") : t("reasoning");
  const line = open && !unfolded ? text.trim().split("\n").at(-1).slice(-120) : "";
  return html`<details class="reasoning fold" open=${unfolded} onToggle=${(event) => setUnfolded(event.currentTarget.open)}>
    <summary><span>${words}</span>${line && html`<span class="line">${line}</span>`}</summary>
    ${unfolded && html`<${MarkdownView} text=${text} open=${open} />`}
  </details>`;
}

function Progress({ turn, models }) {
  if (turn.retrying) {
    const { message, delay, attempt, of } = turn.retrying;
    const tries = of ? `${attempt}/${of}` : String(attempt);
    return html`<p class="note bad" role="status">${t("retrying", { message, tries, delay: `${Math.round(delay)}s` })}</p>`;
  }
  if (turn.asks.length || turn.parts.some((part) => part?.text || part?.name)) return null;
  if (Object.values(turn.tools).some((tool) => tool.status !== "finished")) return null;
  return html`<p class="waiting"><span class="pulse" aria-hidden="true" />${t("waiting", { model: shortModel(turn.model, models) })}</p>`;
}
