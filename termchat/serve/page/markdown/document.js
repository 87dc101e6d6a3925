/** A Markdown document that grows: finished blocks are rendered once, the open one again for each change. */

import { announce } from "../core/announcer.js";
import { OpenCode } from "./code.js";
import { blockNodes, blocksOf } from "./parser.js";

const AT_ONCE = 30; // blocks that are rendered without waiting for a frame
const FRAME = 10; // milliseconds of a frame for the others
const REST = 3; // times as long as it took to draw an open block, until it is drawn again: a long one is slow
const SHORT = 16; // milliseconds without such a rest
const waiting = new Set(); // documents with blocks that wait

function later(document) {
  if (!waiting.size) nextFrame(work);
  waiting.add(document);
}

function nextFrame(action) {
  if (document.visibilityState === "visible") requestAnimationFrame(action);
  else setTimeout(action, 50);
}

function work() {
  const end = performance.now() + FRAME;
  for (const document of waiting) {
    if (!document.root.isConnected) waiting.delete(document);
    while (waiting.has(document) && performance.now() < end) document.advance(1);
  }
  if (waiting.size) nextFrame(work);
}

/** Return the blocks of a text, one of plain text if it is nested too deep for the parser. */
function tokensOf(text, links) {
  try {
    return blocksOf(text, links);
  } catch (error) {
    console.warn(error);
    return [{ type: "plain", raw: text }];
  }
}

/** Return the nodes of a block, its source if it cannot be rendered. */
function nodesOf(token, growing) {
  try {
    if (token.type !== "plain") return blockNodes(token, growing);
  } catch (error) {
    console.warn(error);
  }
  const text = document.createElement("div");
  text.className = "plain";
  text.textContent = token.raw;
  return text;
}

export class MarkdownDocument {
  /** `root` is an empty element that nobody else fills. */
  constructor(root) {
    this.root = root;
    this.rests = false;
    this.clear();
  }

  clear() {
    this.root.replaceChildren();
    this.settled = ""; // the source of the finished blocks that are rendered
    this.rest = ""; // the source after them
    this.finished = []; // the blocks of the rest that wait for a frame
    this.growing = undefined; // the open block
    this.openBlock = null; // its element
    this.openCode = null; // in it, if it is a long code block
    this.links = {};
    this.streamed = false;
  }

  /** Show a text, of which an earlier version may be shown. `open` is true while more may follow. */
  update(source, open) {
    this.given = { source, open };
    if (open && this.rests) return;
    const began = performance.now();
    this.draw(this.given);
    if (open) this.pause(began);
  }

  /** Leave time for everything else after a block was drawn that took long, its layout included. */
  pause(began) {
    const { given } = this;
    const go = () => {
      this.rests = false;
      if (this.given !== given) this.update(this.given.source, this.given.open);
    };
    this.rests = true;
    setTimeout(() => {
      const took = performance.now() - began;
      if (took < SHORT) go();
      else setTimeout(go, REST * took);
    });
  }

  draw({ source, open }) {
    const text = source.replace(/\r\n?/g, "\n");
    if (!text.startsWith(this.settled)) this.clear();
    const rest = text.slice(this.settled.length);
    if (rest === this.rest && open === this.open) return;
    Object.assign(this, { text, rest, open });
    this.streamed ||= open;
    const tokens = tokensOf(rest, this.links);
    const last = open ? tokens.findLastIndex((token) => token.type !== "space") : tokens.length;
    this.finished = tokens.slice(0, Math.max(last, 0));
    this.growing = last >= 0 ? tokens[last] : undefined;
    this.advance(AT_ONCE);
  }

  /** Render up to `count` finished blocks, and after the last one the open block. The rest follows in later frames. */
  advance(count) {
    for (const token of this.finished.splice(0, count)) this.settle(token);
    this.rest = this.text.slice(this.settled.length);
    if (this.finished.length) return later(this);
    waiting.delete(this);
    if (this.growing) this.show(this.growing, true);
    else this.dropOpen();
    if (!this.open && this.streamed && Object.keys(this.links).length) this.renderAgain();
    return undefined;
  }

  settle(token) {
    this.settled += token.raw;
    if (token.type === "space" || token.type === "def") return this.dropOpen();
    this.show(token, false);
    if (this.streamed) announce(this.openBlock.textContent);
    this.openBlock.removeAttribute("data-open");
    this.openBlock = this.openCode = null;
  }

  show(token, growing) {
    if (!this.openBlock) {
      this.openBlock = document.createElement("div");
      this.openBlock.className = "block";
      this.root.append(this.openBlock);
    }
    this.openBlock.toggleAttribute("data-open", growing);
    if (growing && this.openCode?.extend(token)) return;
    this.openCode = growing && OpenCode.fits(token) ? new OpenCode(token) : null;
    this.openBlock.replaceChildren(this.openCode?.nodes ?? nodesOf(token, growing));
  }

  dropOpen() {
    this.openBlock?.remove();
    this.openBlock = this.openCode = null;
  }

  /** Render all blocks again: a reference was defined below a block that uses it. */
  renderAgain() {
    const { links, text } = this;
    this.clear();
    this.links = links;
    this.update(text, false);
  }
}
