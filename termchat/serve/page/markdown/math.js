/** Formulas: delimiters for marked, MathML by temml, styles by CSSOM. */

const STYLES = new Set([
  "padding", "padding-left", "padding-right", "padding-top", "padding-bottom", "margin-left", "margin-right", "width",
  "height", "border", "border-top", "border-bottom", "border-left", "border-right", "text-align", "font-weight",
  "font-style", "color", "background-color", "vertical-align", "math-style", "math-depth", "line-height",
]); // prettier-ignore
const VALUE = /^[-#\w.%, ()]+$/;

/** Return the MathML of a formula as HTML text, or its source as code if it is malformed. */
export function formula(source, display) {
  try {
    const html = temml.renderToString(source, { displayMode: display, throwOnError: true, strict: false, trust: false });
    // A style attribute needs CSP 'unsafe-inline': carry it under another name, see finishFormulas.
    return html.replaceAll(' style="', ' data-math-style="');
  } catch {
    return `<code class="bad-math">${escapeHtml(source)}</code>`;
  }
}

/** Give the elements of sanitised formulas the harmless part of their styles. */
export function finishFormulas(root) {
  for (const element of root.querySelectorAll("[data-math-style]")) {
    for (const rule of element.getAttribute("data-math-style").split(";")) {
      const [name, value] = rule.split(":").map((word) => word.trim());
      if (STYLES.has(name) && VALUE.test(value ?? "") && !/url|expression/i.test(value)) element.style.setProperty(name, value);
    }
    element.removeAttribute("data-math-style");
  }
}

export function escapeHtml(text) {
  const names = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return text.replace(/[&<>"']/g, (letter) => names[letter]);
}

// The lengths are limited: a delimiter that is never closed would be searched to the end of the text, each time.
const BLOCK = /^ {0,3}(?:\$\$([\s\S]{1,9999}?)\$\$|\\\[([\s\S]{1,9999}?)\\\])[ \t]*(?:\n|$)/;
const INLINE = [
  [/^\$\$([^$]{1,999}?)\$\$/, true],
  [/^\\\[([\s\S]{1,999}?)\\\]/, true],
  [/^\\\(([\s\S]{1,999}?)\\\)/, false],
  [/^\$(?![\s$])((?:\\.|[^\\$\n]){1,999}?)(?<![\s\\])\$(?!\d)/, false], // as pandoc: $5 and $10 are prices
];

const render = (token) => formula(token.text, token.display);

/** Extensions of marked. */
export const mathExtensions = [
  {
    name: "mathBlock",
    level: "block",
    start: (source) => source.match(/^ {0,3}(?:\$\$|\\\[)/m)?.index,
    tokenizer(source) {
      const match = BLOCK.exec(source);
      return match ? { type: "mathBlock", raw: match[0], text: match[1] ?? match[2], display: true } : undefined;
    },
    renderer: (token) => `<div class="formula">${render(token)}</div>`,
  },
  {
    name: "mathInline",
    level: "inline",
    start: (source) => source.match(/\$|\\[[(]/)?.index,
    tokenizer(source) {
      for (const [pattern, display] of INLINE) {
        const match = pattern.exec(source);
        if (match) return { type: "mathInline", raw: match[0], text: match[1], display };
      }
      return undefined;
    },
    renderer: render,
  },
];
