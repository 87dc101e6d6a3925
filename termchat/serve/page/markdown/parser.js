/** Markdown of models: marked, with HTML as text, pictures as links, and formulas. */

import { Lexer, Marked, Parser } from "../vendor/marked/marked.esm.js";
import { t } from "../core/strings.js";
import { codeBlock, finishCode } from "./code.js";
import { escapeHtml, finishFormulas, mathExtensions } from "./math.js";
import { sanitize } from "./sanitize.js";

const MOST_MARKS = 1000; // of emphasis in a paragraph: the time of the parser grows with their square
const PLAIN_TAG = /^<\/?(?:br|sub|sup|kbd|mark|u|s|b|i|em|strong|del|ins)\s*\/?>$/i;

let open = false; // true while the block that still grows is rendered

const marked = new Marked({ gfm: true, breaks: false });
marked.use({
  extensions: mathExtensions,
  renderer: {
    // A model's <T> or <script> is text to be read; a few tags without attributes are marks of text.
    html: ({ text }) => (PLAIN_TAG.test(text.trim()) ? text : htmlAsText(text)),
    heading({ tokens, depth }) {
      const level = Math.min(depth + 1, 6); // the title of the chat is the first level
      return `<h${level}>${this.parser.parseInline(tokens)}</h${level}>`;
    },
    code: ({ text, lang }) => codeBlock(text, lang, open),
    checkbox: ({ checked }) => (`<span class="task">${checked ? "☑" : "☐"} </span>`),
    image({ href, text }) {
      const label = `${t("picture")}: ${text || href.slice(0, 80)}`;
      return `<a href="${escapeHtml(href)}" class="picture">${escapeHtml(label)}</a>`; // never loaded
    },
  },
});

function htmlAsText(text) {
  const lines = escapeHtml(text.replace(/\n$/, "")).replaceAll("\n", "<br>");
  return text.endsWith("\n") ? `<p>${lines}</p>` : lines;
}

/** Split Markdown into block tokens. `links` are reference definitions, shared by the blocks of one message. */
export function blocksOf(text, links) {
  const lexer = new Lexer(marked.defaults);
  Object.assign(lexer.tokens.links, links);
  lexer.blockTokens(text, lexer.tokens);
  for (const { src, tokens } of lexer.inlineQueue) {
    const many = src.length > MOST_MARKS && (src.match(/[*_~]/g)?.length ?? 0) > MOST_MARKS;
    if (many) tokens.push({ type: "text", raw: src, text: src, escaped: false });
    else lexer.inlineTokens(src, tokens);
  }
  Object.assign(links, lexer.tokens.links);
  return [...lexer.tokens];
}

/** Return the nodes of one block. */
export function blockNodes(token, growing = false) {
  open = growing;
  const fragment = sanitize(Parser.parse([token], marked.defaults));
  finishFormulas(fragment);
  finishCode(fragment);
  for (const table of fragment.querySelectorAll("table")) {
    const frame = document.createElement("div"); // a wide table scrolls, the page does not
    frame.className = "table";
    frame.tabIndex = 0;
    frame.setAttribute("role", "region");
    frame.setAttribute("aria-label", t("table"));
    table.replaceWith(frame);
    frame.append(table);
  }
  return fragment;
}
