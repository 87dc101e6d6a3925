/** Markdown in the tree of components: the document owns what is inside. */

import { html, useLayoutEffect, useRef } from "../vendor/htm/standalone.module.js";
import { MarkdownDocument } from "../markdown/document.js";

export function MarkdownView({ text, open }) {
  const root = useRef(null);
  const document = useRef(null);
  useLayoutEffect(() => {
    document.current ??= new MarkdownDocument(root.current);
    document.current.update(text, Boolean(open));
  }, [text, open]);
  return html`<div class="markdown" ref=${root} />`;
}
