/** A modal dialog: the browser keeps the focus inside, and Esc closes it. */

import { html, useLayoutEffect, useRef } from "../vendor/htm/standalone.module.js";
import { update } from "../core/state.js";
import { t } from "../core/strings.js";
import { IconButton } from "./parts.js";

export function closeDialog() {
  update({ dialog: null });
}

export function Dialog({ title, children, ...rest }) {
  const dialog = useRef(null);
  useLayoutEffect(() => {
    const before = document.activeElement;
    dialog.current.showModal();
    return () => before?.isConnected && before.focus();
  }, []);
  const pressed = (event) => event.target === dialog.current && closeDialog(); // beside it
  return html`<dialog ref=${dialog} aria-labelledby="dialog-title" onClose=${closeDialog} onClick=${pressed} ...${rest}>
    <div class="dialog-inside">
      <header>
        <h2 id="dialog-title">${title}</h2>
        <${IconButton} icon="close" label=${t("close")} onClick=${closeDialog} />
      </header>
      ${children}
    </div>
  </dialog>`;
}
