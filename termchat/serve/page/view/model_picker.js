/** A list of models with a filter: one is chosen, or several are marked for a comparison. */

import { html, useState } from "../vendor/htm/standalone.module.js";
import { loadModels } from "../core/actions.js";
import { tokens } from "../core/format.js";
import { state } from "../core/state.js";
import { t } from "../core/strings.js";
import { closeDialog, Dialog } from "./dialog.js";
import { composing, Icon } from "./parts.js";

const SHOWN = 200;

/** `chosen()` returns the marked names; `pick(name)` takes one; the list stays open with `several`. */
export function ModelPicker({ title, chosen, pick, several = false }) {
  const [filter, setFilter] = useState("");
  const [place, setPlace] = useState(() => Math.max(0, matching("").findIndex(({ id }) => id === chosen()[0])));
  const [asked, setAsked] = useState(false);
  const found = matching(filter);
  const active = Math.min(place, found.length - 1);
  const take = (name) => {
    pick(name);
    if (!several) closeDialog();
  };
  const keys = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
    if (composing(event) || (!step && event.key !== "Enter")) return;
    event.preventDefault();
    if (step) move(Math.max(0, Math.min(found.length - 1, active + step)), setPlace);
    else if (found[active]) take(found[active].id);
  };
  const ask = () => {
    setAsked(true);
    loadModels();
  };
  return html`<${Dialog} title=${title} class="picker">
    <input type="text" role="combobox" autocomplete="off" spellcheck="false" autofocus placeholder=${t("filterModels")}
      aria-label=${t("filterModels")} aria-expanded="true" aria-controls="models"
      aria-activedescendant=${found.length ? `model-${active}` : undefined} value=${filter} onKeyDown=${keys}
      onInput=${(event) => [setFilter(event.target.value), setPlace(0)]} />
    ${several && html`<p class="hint">${t("compareHint")}</p>`}
    <ul id="models" role="listbox" aria-label=${title} aria-multiselectable=${several ? "true" : undefined}>
      ${found.map((model, index) => {
        const marked = chosen().includes(model.id);
        return html`<li key=${model.id} id=${`model-${index}`} role="option" aria-selected=${marked ? "true" : "false"}
          class=${index === active ? "active" : ""} onClick=${() => take(model.id)} onMouseMove=${() => setPlace(index)}>
          <span class="mark">${marked && html`<${Icon} name="check" />`}</span>
          <span class="name">${model.id}</span><span class="about">${abilities(model)}</span>
        </li>`;
      })}
    </ul>
    ${!found.length && html`<p class="empty">${t("noModel")}</p>`}
    ${!asked && html`<button type="button" class="more" onClick=${ask}>${t("moreModels")}</button>`}
  <//>`;
}

/** Return the models whose name has all words of the filter; a full name that is not listed is one too. */
function matching(filter) {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const known = state.page?.models ?? [];
  const found = known.filter(({ id }) => words.every((word) => id.toLowerCase().includes(word)));
  const typed = filter.trim();
  if (/^[\w.-]+\/\S+$/.test(typed) && !known.some(({ id }) => id === typed)) found.push({ id: typed });
  return found.slice(0, SHOWN);
}

function abilities({ vision, documents, context }) {
  const parts = [vision && t("vision"), documents && t("documents"), context && t("context", { count: tokens(context) })];
  return parts.filter(Boolean).join(" · ");
}

function move(place, setPlace) {
  setPlace(place);
  document.getElementById(`model-${place}`)?.scrollIntoView({ block: "nearest" });
}
