/** Replies of several models to one question, side by side, until one is adopted. */

import { html } from "../vendor/htm/standalone.module.js";
import { adopt, stopTurns } from "../core/actions.js";
import { keyOf, liveNode } from "../core/chat_state.js";
import { shortModel } from "../core/format.js";
import { t } from "../core/strings.js";
import { Failure } from "./outcome.js";
import { Icon } from "./parts.js";
import { Reply } from "./reply.js";

export function Columns({ compare, chat, models }) {
  return html`<section class="columns" aria-label=${t("comparing", { count: compare.turns.length })}>
    ${compare.turns.map((turn) => html`<${Column} key=${turn.id} turn=${turn} chat=${chat} models=${models} />`)}
  </section>`;
}

function Column({ turn, chat, models }) {
  const nodes = turn.nodes.map((id) => chat.nodes.get(id)).filter(Boolean);
  if (!turn.ended) nodes.push(liveNode(turn));
  if (!nodes.length) {
    return html`<div class="compared">
      <div class="author" title=${turn.model}>${shortModel(turn.model, models)}</div>
      <${Failure} failure=${turn.ended.failure ?? {}} />
    </div>`;
  }
  const notes = chat.notes.filter((note) => nodes.some((node) => keyOf(chat, node) === note.key));
  return html`<div class="compared">
    <${Reply} nodes=${nodes} chat=${chat} models=${models} notes=${notes} siblings=${[]} failure=${turn.ended?.failure}>
      ${chat.held ? "" : html`<button type="button" class="primary adopt" onClick=${() => adopt(turn)}><${Icon} name="check" />${t("adopt")}</button>`}
    <//>
    ${!turn.ended && html`<button type="button" class="stop" onClick=${() => stopTurns([turn])}><${Icon} name="stop" />${t("stop")}</button>`}
  </div>`;
}
