/** The keyboard shortcuts. */

import { html } from "../vendor/htm/standalone.module.js";
import { t } from "../core/strings.js";
import { Dialog } from "./dialog.js";
import { SHORTCUTS } from "./shortcuts.js";

export function KeysDialog() {
  return html`<${Dialog} title=${t("shortcuts")} class="keys">
    ${SHORTCUTS.map(
      ({ group, rows }) => html`<section key=${group}>
        <h3>${t(group)}</h3>
        <dl>
          ${rows.map(
            ({ keys, label }) => html`<div key=${label}>
              <dt>${keys.map((key) => html`<kbd>${key}</kbd>`)}</dt>
              <dd>${t(label)}</dd>
            </div>`,
          )}
        </dl>
      </section>`,
    )}
  <//>`;
}
