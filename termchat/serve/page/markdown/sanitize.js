/**
 * The only way of model text into the document as markup: DOMPurify, which returns nodes, never HTML.
 *
 * Its own policy is the only one that Trusted Types admit here. Tags and attributes are those that Markdown, the
 * highlighter and the formulas produce; none of them loads, runs, submits or styles anything.
 */

import DOMPurify from "../vendor/dompurify/purify.es.mjs";
import { finishLinks } from "./links.js";

const TEXT = "a p br hr h1 h2 h3 h4 h5 h6 ul ol li blockquote pre code em strong del s ins u b i mark sub sup kbd span div";
const TABLE = "table thead tbody tr th td";
const MATH = `math mi mn mo ms mtext mrow mfrac msqrt mroot msub msup msubsup munder mover munderover mtable mtr mtd
  mspace mpadded mphantom mstyle menclose merror mmultiscripts mprescripts none`;
const ATTRIBUTES = `href title class align start dir display mathvariant stretchy fence separator lspace rspace minsize
  maxsize symmetric largeop movablelimits accent accentunder linethickness displaystyle scriptlevel width height depth
  voffset columnalign rowspacing columnspacing columnlines rowlines notation mathcolor mathbackground data-math-style`;

const CONFIG = {
  ALLOWED_TAGS: `${TEXT} ${TABLE} ${MATH}`.split(/\s+/),
  ALLOWED_ATTR: ATTRIBUTES.split(/\s+/),
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
};

/** Return a document fragment with the harmless part of some HTML. */
export function sanitize(html) {
  const fragment = DOMPurify.sanitize(html, CONFIG);
  finishLinks(fragment);
  return fragment;
}
