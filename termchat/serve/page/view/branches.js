/** The switch between the branches of one place in the tree. */

import { html } from "../vendor/htm/standalone.module.js";
import { moveTo } from "../core/actions.js";
import { t } from "../core/strings.js";
import { IconButton } from "./parts.js";

export function Branches({ siblings, current }) {
  if (siblings.length < 2) return null;
  const place = siblings.indexOf(current);
  const go = (step) => siblings[place + step] && moveTo(siblings[place + step]);
  const names = { n: place + 1, count: siblings.length };
  return html`<span class="branches" role="group" aria-label=${t("branchOf", names)}>
    <${IconButton} icon="left" label=${t("previousBranch")} data-action="previous" disabled=${place <= 0} onClick=${() => go(-1)} />
    <span class="count" aria-hidden="true">${place + 1}/${siblings.length}</span>
    <${IconButton} icon="right" label=${t("nextBranch")} data-action="next" disabled=${place >= siblings.length - 1} onClick=${() => go(1)} />
  </span>`;
}
