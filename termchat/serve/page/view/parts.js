/** Small parts that many components use. */

import { Component, html } from "../vendor/htm/standalone.module.js";

/** Return whether an input method takes the key; Safari tells it only by the code. */
export function composing(event) {
  return event.isComposing || event.keyCode === 229;
}

/** Draw a component again only when a property changed; lists are compared by their entries. */
export function memo(component) {
  return class extends Component {
    shouldComponentUpdate(next) {
      const names = new Set([...Object.keys(this.props), ...Object.keys(next)]);
      return [...names].some((name) => !same(this.props[name], next[name]));
    }

    render(props) {
      return html`<${component} ...${props} />`;
    }
  };
}

function same(one, other) {
  if (!Array.isArray(one) || !Array.isArray(other)) return one === other;
  return one.length === other.length && one.every((entry, index) => entry === other[index]);
}

const PATHS = {
  plus: "M8 3v10M3 8h10",
  send: "M8 13V3.5M3.8 7.5 8 3.3l4.2 4.2",
  stop: "M4.5 4.5h7v7h-7z",
  clip: "m13 7.4-5.3 5.3a3.2 3.2 0 0 1-4.5-4.5l5.5-5.5a2.1 2.1 0 0 1 3 3L6.300 11.100a1 1 0 0 1-1.500-1.500L9.700 4.800",
  copy: "M6 5.500h7.500V13.500H6zM10 5.500V2.500H2.500V10.500H6",
  edit: "m3 13 .6-2.900L10.700 3l2.300 2.300-7.100 7.100zM9.300 4.400l2.300 2.300",
  retry: "M13 8a5 5 0 1 1-1.600-3.700M13 2.500V5.500h-3",
  swap: "M3 5.500h9.500M10 3l2.500 2.500L10 8M13 10.500H3.500M6 8l-2.500 2.500L6 13",
  fork: "M5 5v6M5 8c4 0 6-.5 6-3M5 3.200a.9.9 0 1 1 0 1.800.9.9 0 0 1 0-1.800zM11 3.200a.9.9 0 1 1 0 1.800.9.9 0 0 1 0-1.800zM5 11a.9.9 0 1 1 0 1.800.9.9 0 0 1 0-1.800z",
  go: "M4 3.500 11.500 8 4 12.500z",
  menu: "M2.500 4.500h11M2.500 8h11M2.500 11.500h11",
  close: "m4 4 8 8M12 4l-8 8",
  left: "M9.500 4 5.500 8l4 4",
  right: "m6.500 4 4 4-4 4",
  down: "m4 6 4 4 4-4",
  trash: "M3 4.500h10M6.500 4.500V3h3v1.500M4.300 4.500l.6 8.500h6.200l.6-8.500",
  columns: "M2.500 3.500h4.500v9H2.500zM9 3.500h4.500v9H9z",
  file: "M4 2.500h5L12 5.500v8H4zM9 2.500V5.500h3",
  check: "m3.500 8.500 3 3 6-7",
  keys: "M2 4.500h12v7H2zM4.500 7h0M7 7h0M9.500 7h0M12 7h0M5 9.300h6",
}; // prettier-ignore

export function Icon({ name }) {
  return html`<svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d=${PATHS[name]} /></svg>`;
}

/** A button with an icon; its label is the accessible name and the tooltip. */
export function IconButton({ icon, label, text, ...rest }) {
  const named = text ? { title: label === text ? undefined : label } : { title: label, "aria-label": label };
  return html`<button type="button" class="icon-button" ...${named} ...${rest}>
    <${Icon} name=${icon} />${text && html`<span>${text}</span>`}
  </button>`;
}
