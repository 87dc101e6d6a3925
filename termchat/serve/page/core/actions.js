/** What the user does with chats: requests to the server, and the state around them. */

import { announce } from "./announcer.js";
import { ApiError, getJson, postJson } from "./api.js";
import { applyEvent, chatFrom, followOurs, markOurs, missedEnd, nextParent } from "./chat_state.js";
import { clearSent, composer, fillComposer, openComposer, readyAttachments } from "./composer_state.js";
import { followEvents } from "./event_stream.js";
import { state, update } from "./state.js";
import { t } from "./strings.js";
import { decoded } from "./token.js";
import { leafBelow } from "./tree.js";

let endEvents = () => {};
let searchNumber = 0;

/** Run an action; show its error. Return its value, or undefined after an error. */
export async function attempt(action) {
  try {
    return await action();
  } catch (error) {
    if (error.name !== "AbortError") showError(error);
    return undefined;
  }
}

const underWay = new Set();

/** Run an action unless it runs already: a second click on a slow connection does nothing. */
async function once(name, action) {
  if (underWay.has(name)) return undefined;
  underWay.add(name);
  try {
    return await action();
  } finally {
    underWay.delete(name);
  }
}

/** Stop something; it may have ended by itself meanwhile, which is no error. */
async function stop(path, body) {
  try {
    await postJson(path, body);
  } catch (error) {
    if (error.status !== 404) throw error;
  }
  return true;
}

export function showError(error, next = null) {
  if (!(error instanceof ApiError)) throw error;
  if (error.status === 401) return update({ needsToken: true, tokenError: error.message });
  const message = error.status ? error.message : t("unreachable");
  const hint = error.status ? error.hint : t("unreachableHint");
  if (error.kind === "held" && state.chat) next = { label: t("heldCopy"), run: forkChat };
  announce(`${message} ${hint}`);
  return update({ error: { message, hint, action: next, unreachable: !error.status } });
}

/** Load what the page shows, and the chat that the address names. */
export async function start() {
  await attempt(async () => {
    state.page = await getJson("/api/page");
    update({ needsToken: false, tokenError: "" });
    const open = state.chat;
    openRoute();
    if (open && state.chat === open) reconnect(); // the server is another one
  });
}

export async function loadChats(after = null) {
  const found = await getJson(after ? `/api/chats?after=${encodeURIComponent(after)}` : "/api/chats");
  const known = new Set(found.chats.map((chat) => chat.id));
  const before = after ? state.chats.filter((chat) => !known.has(chat.id)) : [];
  update({ chats: [...before, ...found.chats], next: found.next ?? null });
}

async function refreshChats() {
  showChats(await getJson("/api/chats"));
}

/** Take a new first page of the list; older chats that were loaded stay. */
function showChats({ chats, next }) {
  const oldest = chats.at(-1)?.updated ?? 0;
  const known = new Set(chats.map((chat) => chat.id));
  const older = next ? state.chats.filter((chat) => chat.updated <= oldest && !known.has(chat.id)) : [];
  update({ chats: [...chats, ...older], next: older.length ? state.next : next });
}

export async function search(query) {
  const number = ++searchNumber;
  update({ query, searching: Boolean(query.trim()) });
  if (!query.trim()) return update({ hits: null });
  const found = await attempt(() => getJson(`/api/search?q=${encodeURIComponent(query)}`));
  if (number === searchNumber) update({ hits: found?.hits ?? [], searching: false });
  return undefined;
}

/** Open the chat of the address, `#/ID` or `#/ID/NODE`; without one, a new chat. */
export function openRoute() {
  const [id, node] = location.hash.replace(/^#\/?/, "").split("/").map(decoded);
  if (state.chat && state.chat.id === id) {
    if (node) return showNode(node);
    return undefined;
  }
  endEvents();
  update({ chat: null, loading: id || null, drawer: false, editing: null, error: null });
  openComposer(id || null);
  if (!id && matchMedia("(hover: hover)").matches) requestAnimationFrame(() => document.getElementById("message")?.focus());
  connect(id || null, node);
  return undefined;
}

export function go(id, node = "") {
  location.hash = id ? `#/${encodeURIComponent(id)}${node && `/${encodeURIComponent(node)}`}` : "#/";
}

function connect(id, node) {
  endEvents = followEvents({
    chat: id,
    runs: () => Boolean(state.chat?.turns.size),
    onState(connection, error) {
      update({ connection, ...(connection === "online" && state.error?.unreachable && { error: null }) });
      if (connection === "online" && !id) attempt(refreshChats); // no snapshot comes
      if (!(error instanceof ApiError) || !error.status) return;
      update({ loading: null });
      showError(error);
    },
    onEvent(name, data) {
      if (name === "snapshot") {
        attempt(refreshChats); // it may have changed between two connections
        if (!data.id) return;
        const first = state.chat?.id !== data.id;
        update({ chat: chatFrom(data, first ? null : state.chat), loading: null });
        const returned = missedEnd(state.chat, data);
        if (returned) returnQuestion(returned);
        if (first && node) showNode(node);
      } else if (name === "chats") showChats(data);
      else if (state.chat) apply(name, data);
    },
  });
}

function apply(name, data) {
  if (data.deleted) offerUndo(state.chat.id);
  const result = applyEvent(state.chat, name, data);
  if (result?.returned) returnQuestion(result.returned);
  if (data.type === "ended" && data.outcome !== "complete") announce(t(`outcome_${data.outcome}`));
  if (data.type === "tool" && data.end) announce(`${data.name}: ${t(`tool_${data.end.replace(" ", "_")}`)}`);
  if (data.type === "ask") announce(t("askTool", { tool: data.request.tool }));
  update();
}

/** Make the connection again at once. */
export function reconnect() {
  endEvents();
  connect(state.chat?.id ?? state.loading, null);
}

const questions = new Map(); // turn to the text that was sent, until a reply comes

function returnQuestion(turn) {
  if (!composer.text) fillComposer(questions.get(turn) ?? "");
  announce(t("nothingCame"));
}

/** Bring a node into view: switch to its branch if it is on another one. */
export function showNode(id) {
  const chat = state.chat;
  if (!chat?.nodes.has(id)) return;
  chat.tip = leafBelow(chat.nodes, id);
  chat.followed = null;
  update({ shown: id });
}

/** Send the composer: to all chosen models at once, or to one. */
export async function send(confirmed = false) {
  const { chat, text } = composer;
  const attachments = await readyAttachments();
  if (composer.chat !== chat || composer.sending || (!text.trim() && !attachments.length)) return;
  const failed = composer.attachments.find((item) => item.error);
  if (failed) {
    update({ error: { message: `${failed.name}: ${t("uploadFailed")}.`, hint: failed.error, action: null } });
    return;
  }
  const models = composer.compare.length ? [currentModel(), ...composer.compare] : null;
  const turn = models ? { kind: "compare", models } : { kind: "send", ...(composer.model && { model: composer.model }) };
  const body = { ...turn, text, attachments, ...(confirmed && { confirmed }) };
  if (state.chat?.compare) Object.assign(state.chat, { compare: null, tip: state.chat.head }); // none was taken
  const parent = state.chat && nextParent(state.chat);
  if (parent && parent !== state.chat.head) body.parent = parent;
  composer.sending = true;
  update();
  await sending(body, () => send(true), () => clearSent(chat, text));
  if (composer.chat === chat) composer.sending = false; // else the field is that of another chat
  update();
}

let before = Promise.resolve();

/** Run changes of a chat one after the other: the server refuses two at once. */
function inOrder(action) {
  const done = before.then(action);
  before = done.catch(() => {});
  return done;
}

/** Begin a turn in the open chat, or a new chat; `again` sends after a warning, `taken` is called once it began. */
async function sending(body, again = null, taken = () => {}) {
  const id = composer.chat; // another chat may be open when its turn comes
  update({ error: null });
  try {
    await inOrder(() => postTurn(id, body, taken));
    return true;
  } catch (error) {
    showError(error, error.kind === "secret" ? { label: t("sendAnyway"), run: again } : null);
    return false;
  }
}

async function postTurn(id, body, taken) {
  state.chat?.failures.delete("end");
  const made = await postJson(id ? `/api/chats/${encodeURIComponent(id)}/turns` : "/api/chats", body);
  taken();
  const chat = state.chat?.id === made.id ? state.chat : null;
  for (const turn of made.turns) {
    questions.set(turn.id, body.kind === "send" ? body.text : "");
    if (!chat) markOurs(turn.id);
    else if (!followOurs(chat, turn.id)) returnQuestion(turn.id);
  }
  update({ sent: state.sent + 1 });
  if (!id && !composer.chat) go(made.id);
}

/** Return the model that the next question goes to. */
export function currentModel() {
  return composer.model || state.chat?.model || state.page?.default_model || "";
}

export function retry(node, model = null) {
  return once("turn", () => sending({ kind: "retry", node, ...(model && { model }) }));
}

export function continueReply(node) {
  return once("turn", () => sending({ kind: "continue", node }));
}

export async function sendEdit(node, text, confirmed = false) {
  const body = { kind: "edit", node, text, attachments: [], ...(confirmed && { confirmed }) };
  if (await once("turn", () => sending(body, () => sendEdit(node, text, true)))) update({ editing: null });
}

/** Return the running turns in view. */
export function runningTurns() {
  const chat = state.chat;
  return chat ? [...chat.turns.values()].filter((turn) => turn.id === chat.followed || turn.kind === "compare") : [];
}

export function stopTurns(turns = runningTurns()) {
  return Promise.all(turns.map((turn) => attempt(() => stop(`/api/turns/${turn.id}/stop`))));
}

/** Stop one running tool call of a reply; the turn goes on. */
export function stopCall(turn, node, place) {
  return attempt(() => stop(`/api/turns/${turn.id}/stop-call`, { node, place }));
}

export function answer(turn, request, decision, why = "") {
  return attempt(() => postJson(`/api/turns/${turn.id}/answer`, { request: request.id, decision, why }));
}

/** Show another branch; the chat goes on there, unless another termchat holds it. */
export async function moveTo(node) {
  const chat = state.chat;
  const leaf = leafBelow(chat.nodes, node);
  const running = [...chat.turns.values()].find((turn) => turn.nodes.at(-1) === leaf || turn.parent === leaf);
  Object.assign(chat, { tip: leaf, compare: null, followed: running?.kind === "compare" ? null : (running?.id ?? null) });
  update();
  if (!chat.held && !chat.turns.size) await setHead(leaf);
}

async function setHead(node) {
  const chat = state.chat;
  const done = await attempt(() => inOrder(() => postJson(`/api/chats/${chat.id}/head`, { node })));
  if (done) chat.head = node;
  update();
}

/** Go on with one of the compared replies. */
export async function adopt(turn) {
  const node = turn.nodes.at(-1);
  Object.assign(state.chat, { tip: node, compare: null });
  await setHead(node);
  announce(t("adopted"));
}

export async function forkChat() {
  const { id, tip } = state.chat;
  const made = await once("fork", () => attempt(() => postJson(`/api/chats/${id}/fork`, { node: tip })));
  if (made) go(made.id);
}

export async function renameChat(title) {
  const done = await attempt(() => postJson(`/api/chats/${state.chat.id}/title`, { title }));
  if (done) update({ chat: Object.assign(state.chat, { title }) });
}

export async function deleteChat() {
  const { id } = state.chat;
  if (!(await once("delete", () => attempt(() => postJson(`/api/chats/${id}/delete`))))) return;
  go(null);
  offerUndo(id);
}

/** Say that a chat is deleted, here or elsewhere, and offer to restore it. */
function offerUndo(id) {
  const run = async () => (await attempt(() => postJson(`/api/chats/${id}/restore`))) && go(id);
  update({ toast: { text: t("deleted"), action: { label: t("undo"), run } } });
}

/** Ask the providers for their models. */
export async function loadModels() {
  const found = await attempt(() => getJson("/api/models"));
  if (found) update({ page: { ...state.page, models: found.models } });
}
