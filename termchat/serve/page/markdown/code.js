/** Code blocks: colours by class names, a label, and an exact copy. */

import hljs from "../vendor/highlight.js/highlight.min.js";
import { t } from "../core/strings.js";
import { escapeHtml } from "./math.js";

const LONGEST_OPEN = 8000; // characters of a block that is highlighted again while it grows
const LONGEST = 200_000;

/** Return the language of an info string, in lower case, with no sign that a class name cannot have. */
export function languageOf(info) {
  return (info ?? "").trim().split(/[\s,{]/)[0].toLowerCase().replace(/[^\w+#.-]/g, "").slice(0, 30);
}

/** Return the HTML of a code block. */
export function codeBlock(text, info, open) {
  const language = languageOf(info);
  const known = language && hljs.getLanguage(language) && text.length <= (open ? LONGEST_OPEN : LONGEST);
  const inside = known ? hljs.highlight(text, { language, ignoreIllegals: true }).value : escapeHtml(text);
  return `<pre class="language-${escapeHtml(language)}"><code>${inside}</code></pre>`;
}

const ROWS = 100; // of a piece of a block that grows: the browser lays out again only the last piece

/** A long code block that grows: without colours, and never rendered again as a whole. */
export class OpenCode {
  static fits(token) {
    return token.type === "code" && token.text.length > LONGEST_OPEN;
  }

  constructor(token) {
    const block = document.createElement("pre");
    this.code = document.createElement("code");
    block.className = `language-${languageOf(token.lang)}`;
    block.append(this.code);
    this.nodes = document.createDocumentFragment();
    this.nodes.append(block);
    finishCode(this.nodes);
    this.lang = token.lang;
    this.text = "";
    this.rows = 0; // of the last piece
    this.ended = false; // its last row
    this.extend(token);
  }

  /** Show the rest of the block; return false if the token is not a longer version of it. */
  extend({ type, lang, text }) {
    if (type !== "code" || lang !== this.lang || !text.startsWith(this.text)) return false;
    for (const row of text.slice(this.text.length).split(/(?<=\n)/)) this.addRow(row);
    this.text = text;
    return true;
  }

  addRow(row) {
    if (!this.piece || (this.rows >= ROWS && this.ended)) {
      this.piece = document.createElement("span");
      this.piece.className = "rows";
      this.piece.append("");
      this.code.append(this.piece);
      this.rows = 0;
    }
    this.piece.firstChild.appendData(row);
    this.ended = row.endsWith("\n");
    this.rows += this.ended;
  }
}

/** Put a header with the language and a copy button above each code block of sanitised nodes. */
export function finishCode(root) {
  for (const block of root.querySelectorAll("pre")) {
    const language = block.className.replace(/^language-/, "");
    block.removeAttribute("class");
    block.tabIndex = 0; // wide code is scrolled by keys
    const figure = document.createElement("figure");
    figure.className = "code";
    const header = document.createElement("figcaption");
    const label = document.createElement("span");
    label.textContent = language;
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.copyCode = "";
    button.textContent = t("copy");
    button.setAttribute("aria-label", language ? t("copyCodeOf", { language }) : t("copyCode"));
    header.append(label, button);
    block.replaceWith(figure);
    figure.append(header, block);
  }
}

/** Copy the text of a code block whose button was pressed; one listener serves the whole page. */
export async function copyPressedCode(event) {
  const button = event.target.closest?.("[data-copy-code]");
  if (!button) return;
  const text = button.closest("figure").querySelector("code").textContent;
  button.textContent = (await copyText(text)) ? t("copied") : t("copyFailed");
  setTimeout(() => (button.textContent = t("copy")), 1500);
}

/** Write text to the clipboard; return false if the browser refuses. */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
