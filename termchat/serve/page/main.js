/** The start of the page. */

import { html, render } from "./vendor/htm/standalone.module.js";
import { openRoute, start } from "./core/actions.js";
import { language } from "./core/strings.js";
import { takeToken, token } from "./core/token.js";
import { update } from "./core/state.js";
import { copyPressedCode } from "./markdown/code.js";
import { App } from "./view/app.js";
import { onKey } from "./view/shortcuts.js";

document.documentElement.lang = language();
takeToken();
render(html`<${App} />`, document.getElementById("app"));
document.addEventListener("click", copyPressedCode);
document.addEventListener("keydown", onKey);
addEventListener("hashchange", () => {
  if (takeToken()) start();
  else openRoute();
});
if (token()) start();
else update({ needsToken: true });
