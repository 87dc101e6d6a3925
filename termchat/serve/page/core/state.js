/** One observable state of the page, drawn at most once per frame. */

import { useLayoutEffect, useReducer } from "../vendor/htm/standalone.module.js";

export const state = {
  page: null, // what the server says about itself: version, models, ...
  needsToken: false,
  tokenError: "", // why the last token was refused
  connection: "connecting", // "connecting" | "online" | "offline"
  chats: [],
  next: null, // the cursor of the rest of the list
  query: "",
  hits: null, // search results, or null for the list
  searching: false,
  chat: null, // see chat_state.js
  loading: null, // the id of the chat that is being opened
  error: null, // {message, hint, action: {label, run} | null}
  toast: null, // {text, action}
  dialog: null, // "keys" | {picker: {...}} | {picture: part}
  drawer: false, // the list on a phone
  sent: 0, // how often this page began a turn
  editing: null, // the id of the message being edited
  shown: null, // the id of the message to scroll to
};

const listeners = new Set();
let waiting = false;

/** Change the state and draw soon: with the next frame, or shortly in a hidden tab, which has none. */
export function update(patch = {}) {
  Object.assign(state, patch);
  if (waiting) return;
  waiting = true;
  if (document.visibilityState === "visible") requestAnimationFrame(draw);
  else setTimeout(draw, 50);
}

function draw() {
  if (!waiting) return;
  waiting = false;
  for (const listener of listeners) listener();
}

document.addEventListener("visibilitychange", draw);

/** Draw the component again after each change; return the state. */
export function useAppState() {
  const [, force] = useReducer((count) => count + 1, 0);
  useLayoutEffect(() => {
    listeners.add(force);
    return () => listeners.delete(force);
  }, []);
  return state;
}
