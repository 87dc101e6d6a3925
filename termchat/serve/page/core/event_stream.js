/** The events of the server, read by fetch: EventSource cannot send the token. */

import { createParser } from "../vendor/eventsource-parser/index.js";
import { ApiError, request } from "./api.js";

const FIRST_DELAY = 300; // milliseconds
const LONGEST_DELAY = 8000;
const SILENCE = 25_000; // without a byte: the server sends a comment after ten seconds
const LOOK = 5000; // between two looks of a hidden tab whose reply runs

/**
 * Follow the events of the list, and of one chat if `chat` is given.
 *
 * onEvent(name, data)   each event; the first of every connection is a snapshot of the chat
 * onState(state, error) "connecting", "online", or "offline" with the error
 *
 * A connection that breaks or falls silent, as after a sleep or a change of the network, is made again with growing
 * delays, at once when the network or the tab comes back. A hidden tab keeps none: browsers open six connections to a
 * server in all, and a seventh tab would wait forever. It takes a snapshot now and then while `runs()` is true. Return
 * a function that ends it.
 */
export function followEvents({ chat, onEvent, onState, runs }) {
  const ending = new AbortController();
  let wake = () => {};
  let hide = () => {};
  const visible = () => document.visibilityState === "visible";
  const awake = () => visible() && wake();
  const turned = () => (visible() ? wake() : hide());
  addEventListener("online", awake);
  document.addEventListener("visibilitychange", turned);

  async function read() {
    const headers = { accept: "text/event-stream" };
    const path = chat ? `/api/events?chat=${encodeURIComponent(chat)}` : "/api/events";
    const closing = new AbortController();
    const signal = AbortSignal.any([ending.signal, closing.signal]);
    let timer = 0;
    const heard = () => {
      clearTimeout(timer);
      timer = setTimeout(() => closing.abort(new ApiError(0, { message: "", kind: "silent" })), SILENCE);
    };
    try {
      heard();
      await follow(await request("GET", path, { signal, headers }), closing, heard);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Read the events of a response; `heard()` is called for each piece. */
  async function follow(response, closing, heard) {
    onState("online");
    if (!chat) hideable(closing);
    const parser = createParser({
      onEvent(event) {
        onEvent(event.event ?? "message", JSON.parse(event.data));
        if (event.event === "snapshot") hideable(closing);
      },
    });
    const decoder = new TextDecoder();
    for (const reader = response.body.getReader(); ; ) {
      const { done, value } = await reader.read();
      if (done) return;
      heard();
      parser.feed(decoder.decode(value, { stream: true }));
    }
  }

  /** Close a connection that has brought the state when the tab is hidden, or at once if it is. */
  function hideable(closing) {
    hide = () => closing.abort();
    if (!visible()) hide();
  }

  function pause(time) {
    return new Promise((resume) => {
      wake = resume;
      if (time < Infinity) setTimeout(resume, time);
    });
  }

  async function run() {
    let delay = FIRST_DELAY;
    onState("connecting");
    while (!ending.signal.aborted) {
      const began = performance.now();
      let failure = null;
      try {
        await read();
      } catch (error) {
        failure = error;
      }
      if (ending.signal.aborted) return;
      if (failure?.name === "AbortError") {
        if (!visible()) await pause(runs() ? LOOK : Infinity);
        continue;
      }
      onState("offline", failure);
      if (failure instanceof ApiError && [401, 403, 404].includes(failure.status)) return;
      if (performance.now() - began > LONGEST_DELAY) delay = FIRST_DELAY;
      await pause(delay * (0.75 + Math.random() / 2));
      delay = Math.min(delay * 2, LONGEST_DELAY);
    }
  }

  run();
  return () => {
    removeEventListener("online", awake);
    document.removeEventListener("visibilitychange", turned);
    ending.abort();
    wake();
  };
}
