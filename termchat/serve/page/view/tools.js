/** Tool calls as cards, and the question before one runs. */

import { html, useEffect, useLayoutEffect, useRef, useState } from "../vendor/htm/standalone.module.js";
import { answer } from "../core/actions.js";
import { visible } from "../core/format.js";
import { t } from "../core/strings.js";
import { Attached } from "./attached.js";
import { composing, Icon } from "./parts.js";

/**
 * `result` is that of the tool, `running` its state in this turn, `writing` true while the model writes the call,
 * `asked` true while its question waits. `stop()` stops the call alone.
 */
export function ToolCard({ part, result, running, writing, asked, stop }) {
  const text = result?.text ?? running?.text ?? "";
  const { edited = "", images = [] } = result ?? {};
  const end = result?.status ?? running?.end ?? "";
  const failed = result ? result.ok === false : running?.ok === false;
  const state = result || running?.status === "finished" ? (failed ? "toolFailed" : "toolDone") : running && !asked ? "toolRunning" : "toolWaiting";
  const [stopping, setStopping] = useState(false);
  const summary = useRef(null);
  const runs = state === "toolRunning";
  useLayoutEffect(() => {
    if (runs || !stopping) return;
    setStopping(false);
    if (document.activeElement === document.body) summary.current.focus(); // the button that had the focus is gone
  }, [runs]);
  const press = async () => {
    setStopping(true);
    if (!(await stop())) setStopping(false);
  };
  const words = writing ? "…" : end ? t(`tool_${end.replace(" ", "_")}`) : t(runs && stopping ? "toolStopping" : state);
  return html`<div class=${`call ${state}`}>
    <details class="tool fold">
      <summary ref=${summary}>
        <span class="sign" aria-hidden="true">${{ toolDone: "✓", toolFailed: "✗" }[state] ?? "○"}</span>
        <span class="name">${visible(part.name)}</span><span class="line">${visible(short(part.arguments))}</span>
        <span class="status">${words}</span>
      </summary>
      <p class="label">${t("arguments")}</p>
      <pre tabindex="0">${visible(pretty(part.arguments))}</pre>
      ${edited && html`<p class="label">${t("editedArguments")}</p><pre tabindex="0">${visible(pretty(edited))}</pre>`}
      ${text && html`<p class="label">${t("result")}</p><pre tabindex="0">${text}</pre>`}
      ${images.map((image) => html`<${Attached} part=${image} />`)}
    </details>
    ${runs &&
    html`<button type="button" class="stop stop-call" aria-label=${t("stopCallOf", { tool: part.name })} title=${t("stopCall")}
      aria-disabled=${stopping ? "true" : undefined} onClick=${() => stopping || press()}>
      <${Icon} name="stop" /><span>${t("stopCall")}</span>
    </button>`}
  </div>`;
}

function values(text) {
  if (typeof text === "object") return text;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Return the first argument on one line. */
function short(text) {
  const known = values(text);
  const first = (known && typeof known === "object" ? Object.values(known)[0] : text) ?? "";
  const words = typeof first === "string" ? first : JSON.stringify(first);
  return words.replace(/\s+/g, " ").slice(0, 120);
}

function pretty(text) {
  const known = values(text);
  return known === null ? String(text ?? "") : JSON.stringify(known, null, 2);
}

const SEEN = 500; // milliseconds on screen, in its place, before a question takes an answer

/**
 * The question of a tool. It takes no focus: a key that was meant for the message must not answer it. Nor does a click
 * that was meant for what stood in its place, such as the second one of a double click on the question before.
 */
export function Question({ turn, ask }) {
  const [answered, setAnswered] = useState(false);
  const [seen, setSeen] = useState("");
  const place = turn.asks.map(({ id }) => id).join(" ");
  useEffect(() => {
    const timer = setTimeout(() => setSeen(place), SEEN);
    return () => clearTimeout(timer);
  }, [place]);
  const closed = answered || seen !== place;
  const why = useRef(null);
  const choose = async (decision) => {
    setAnswered(true);
    const done = await answer(turn, ask, decision, decision === "deny" ? why.current.value : "");
    if (!done) setAnswered(false);
  };
  const label = ({ decision }) => t(`decision_${decision}`, { rules: visible((ask.rules ?? []).join(", ")) });
  const shown = visible(ask.preview || pretty(ask.arguments));
  return html`<section class="question" aria-label=${t("askTool", { tool: ask.tool })} role="group">
    <p><strong>${t("askTool", { tool: ask.tool })}</strong></p>
    ${ask.summary && !shown.includes(visible(ask.summary)) && html`<p class="summary">${visible(ask.summary)}</p>`}
    ${shown && html`<pre tabindex="0">${shown}</pre>`}
    ${ask.reason && html`<p class="hint">${visible(ask.reason)}</p>`}
    ${ask.facts?.length > 0 && html`<p class="hint">${visible(ask.facts.join(" · "))}</p>`}
    <div class="row">
      ${ask.choices.map(
        (choice, index) => html`<button type="button" key=${choice.decision} class=${index ? "" : "primary"} disabled=${closed}
          data-decision=${choice.decision} onClick=${() => choose(choice.decision)}>${label(choice)}</button>`,
      )}
      <input ref=${why} aria-label=${t("denyWhy")} placeholder=${t("denyWhy")} disabled=${answered}
        onKeyDown=${(event) => event.key === "Enter" && !composing(event) && choose("deny")} />
    </div>
  </section>`;
}
