/** The open chat: its tree, its running turns, and the branch in view. Events change it; components read it. */

import { childrenOf, leafBelow, pathTo } from "./tree.js";

const ours = new Set(); // turns that this page began
const ended = new Map(); // turns whose end was seen, and whether a reply came
const MOST_OUTPUT = 20_000; // characters that a running call has printed

/**
 * Return the state of a chat from a snapshot. `before` is the state of the same chat before a reconnect: what the
 * user looks at stays.
 */
export function chatFrom(snapshot, before = null) {
  const nodes = new Map(snapshot.nodes.map((node) => [node.id, node]));
  const stays = before && before.tip !== before.head && nodes.has(before.tip);
  const chat = {
    ...snapshot,
    nodes,
    turns: new Map(),
    tip: stays ? before.tip : snapshot.head, // the last node in view
    followed: null, // the running turn below it
    keys: before?.keys ?? new Map(), // node id to the key of the component that showed it while it streamed
    compare: null, // {parent, turns: [state, ...]} while replies stand side by side
    failures: before?.failures ?? new Map(), // node id or "end" to a failure
    notes: before?.notes ?? [], // {key, text, level}
  };
  for (const given of snapshot.turns ?? []) addTurn(chat, given, before?.turns.get(given.id));
  addFinishedColumns(chat, chat.compare?.parent ?? (before ? before.compare?.parent : undecided(chat)));
  if (chat.compare?.parent === before?.compare?.parent) addFailedColumns(chat, before?.compare?.turns ?? [], snapshot.ended ?? []);
  return chat;
}

/** Return the question of a comparison of which no reply was taken, if the chat is still there. */
function undecided(chat) {
  const question = chat.nodes.get(chat.compared?.question);
  if (question && (question.parent ?? null) === (chat.head ?? null)) return question.id;
  if (chat.head) return undefined;
  return [...chat.nodes.values()].findLast((node) => !node.parent)?.id; // a chat has no head until a reply is taken
}

/** Show columns that were there before a reconnect and have no reply, with the end that came meanwhile. */
function addFailedColumns(chat, columns, ends) {
  for (const column of columns) {
    const end = column.ended ?? ends.find(({ turn }) => turn === column.id);
    if (end?.has_content === false) addColumn(chat, { ...column, parts: [], ended: end });
  }
}

/** Take the ends of our turns that came before the page was connected. Return the one whose question comes back. */
export function missedEnd(chat, snapshot) {
  const missed = (snapshot.ended ?? []).filter(({ turn }) => ours.has(turn) && !ended.has(turn));
  for (const end of missed) ended.set(end.turn, end.has_content !== false);
  const alone = missed.filter(({ parent }) => parent !== chat.compare?.parent); // a column shows its end itself
  for (const end of alone) {
    if (end.has_content === false) chat.tip = chat.head;
    if (end.failure) chat.failures.set("end", end.failure);
  }
  return alone.find((end) => end.has_content === false)?.turn;
}

/** Show the finished replies to a question beside those that run. */
function addFinishedColumns(chat, question) {
  if (!question) return;
  const running = new Set((chat.compare?.turns ?? []).flatMap((turn) => turn.nodes));
  for (const reply of childrenOf(chat.nodes, question)) {
    if (running.has(reply.id)) continue;
    const path = pathTo(chat.nodes, leafBelow(chat.nodes, reply.id)).map((node) => node.id);
    const nodes = path.slice(path.indexOf(reply.id));
    addColumn(chat, { id: reply.id, kind: "compare", parent: question, model: reply.model, nodes, ended: {} });
  }
  chat.tip = question;
}

function addTurn(chat, given, known = null) {
  const turn = {
    asks: [], parts: [], retrying: null, ...given,
    step: known?.step ?? 0, nodes: [], ended: null,
    tools: Object.fromEntries((given.tools ?? []).map((tool) => [tool.place, tool])), // of the last reply, by place
  }; // prettier-ignore
  hangOnQuestion(chat, turn);
  chat.turns.set(turn.id, turn);
  if (!known) for (const text of given.notices ?? []) chat.notes.push({ key: liveKey(turn), text, level: "info" });
  if (turn.kind === "compare") addColumn(chat, turn);
  else if (ours.has(turn.id) || chat.tip === chat.head || chat.tip === turn.parent) follow(chat, turn);
}

/** The turn of a snapshot hangs on its last message: find its question and its messages. */
function hangOnQuestion(chat, turn) {
  if (turn.nodes.length) return;
  const path = pathTo(chat.nodes, turn.parent);
  const question = path.findLastIndex((node) => node.role === "user");
  if (question < 0) return;
  turn.parent = path[question].id;
  turn.nodes = path.slice(question + 1).map((node) => node.id);
}

function addColumn(chat, turn) {
  if (chat.compare?.parent !== turn.parent) chat.compare = { parent: turn.parent, turns: [] };
  const place = chat.compare.turns.findIndex((column) => column.id === turn.id);
  if (place < 0) chat.compare.turns.push(turn);
  else chat.compare.turns[place] = turn;
  orderColumns(chat);
  chat.tip = turn.parent;
}

/** Bring the columns into the order of the models that were asked: they end, and are stored, in any other. */
function orderColumns({ compare, compared }) {
  if (!compare || compare.parent !== compared?.question) return;
  const order = ({ model }) => (compared.models.includes(model) ? compared.models.indexOf(model) : Infinity);
  compare.turns.sort((one, other) => order(one) - order(other) || 0); // others were asked later
}

function follow(chat, turn) {
  const reached = turn.nodes.at(-1) ?? turn.parent;
  chat.followed = turn.id;
  if (!chat.nodes.has(chat.tip) || !pathTo(chat.nodes, chat.tip).some((node) => node.id === reached) || turn.step === 0) {
    chat.tip = reached;
  }
}

/** Remember that this page began a turn: it is followed, and its question comes back if no reply comes. */
export function markOurs(id) {
  ours.add(id);
}

/** Return the node that the next question follows: not a question that got no reply. */
export function nextParent(chat) {
  const tip = chat.nodes.get(chat.tip);
  return tip?.role === "user" ? (tip.parent ?? null) : chat.tip;
}

/** Show a turn that this page began, now or when it starts. Return false if it has ended without a reply. */
export function followOurs(chat, id) {
  markOurs(id);
  const turn = chat.turns.get(id);
  if (ended.has(id) && !chat.compare) chat.tip = chat.head;
  if (turn && turn.kind !== "compare") follow(chat, turn);
  return ended.get(id) !== false;
}

/** Return the node of the step that streams. */
export function liveNode(turn) {
  return { id: liveKey(turn), role: "assistant", model: turn.model, parts: turn.parts, live: true, turn };
}

const liveKey = (turn) => `${turn.id}:${turn.step}`;

/** Return the key of a node's component: that of the stream it came from, so that nothing is drawn again. */
export function keyOf(chat, node) {
  return chat.keys.get(node.id) ?? node.id;
}

/** Return the models of all replies, also of those that run. */
export function modelsOf(chat) {
  const all = [...chat.nodes.values(), ...chat.turns.values(), ...(chat.compare?.turns ?? [])];
  return [...new Set(all.map(({ model }) => model).filter(Boolean))];
}

/** Return the nodes in view, the streaming one last. */
export function shownPath(chat) {
  const path = pathTo(chat.nodes, chat.tip);
  const turn = chat.turns.get(chat.followed);
  return turn ? [...path, liveNode(turn)] : path;
}

/** Apply an event of the chat. Return what the page must do besides drawing: {returned: node id} or nothing. */
export function applyEvent(chat, name, data) {
  if (name === "chat") return applyChat(chat, data);
  if (name !== "turn") return undefined;
  if (data.type === "started") return void addTurn(chat, data);
  const turn = chat.turns.get(data.turn);
  return turn && TURN_EVENTS[data.type]?.(chat, turn, data);
}

function applyChat(chat, data) {
  const atHead = chat.tip === chat.head && !chat.followed;
  const turn = chat.turns.get(chat.followed);
  for (const node of data.nodes ?? []) {
    chat.nodes.set(node.id, node);
    if (turn?.kind === "elsewhere" && node.parent === (turn.nodes.at(-1) ?? turn.parent)) addMessage(chat, turn, node);
  }
  for (const running of chat.turns.values()) hangOnQuestion(chat, running); // its message may follow the snapshot
  const question = chat.compare?.parent; // a reply to it may have ended before its turn was known here
  if (question && data.nodes?.some((node) => node.parent === question)) addFinishedColumns(chat, question);
  for (const [id, label] of Object.entries(data.labels ?? {})) {
    if (chat.nodes.has(id)) chat.nodes.set(id, { ...chat.nodes.get(id), label });
  }
  for (const name of ["head", "title", "held", "model", "compared"]) if (name in data) chat[name] = data[name];
  orderColumns(chat);
  if (atHead && "head" in data) chat.tip = chat.head;
}

function addMessage(chat, turn, node) {
  chat.nodes.set(node.id, node);
  if (node.role === "assistant") {
    chat.keys.set(node.id, liveKey(turn));
    turn.step += 1;
    turn.parts = [];
    turn.tools = {};
  }
  turn.nodes.push(node.id);
  turn.retrying = null;
  if (chat.followed === turn.id) chat.tip = node.id;
}

const TURN_EVENTS = {
  delta(chat, turn, { index, kind, text, id, name }) {
    turn.retrying = null;
    const part = (turn.parts[index] ??= kind === "tool_call" ? { kind, id, name, arguments: "" } : { kind, text: "" });
    if (part.kind === "tool_call") {
      part.arguments += text ?? "";
      part.id ??= id;
      part.name ||= name;
    } else part.text += text;
  },
  reset(chat, turn) {
    turn.parts = [];
  },
  part(chat, turn, { index, value }) {
    turn.parts[index] = value;
  },
  tool(chat, turn, { place, status, text = "", ok, end }) {
    const before = status === "output" ? (turn.tools[place]?.text ?? "") : ""; // a result is the whole text
    turn.tools[place] = { status, text: (before + text).slice(status === "output" ? -MOST_OUTPUT : 0), ok, end };
  },
  ask(chat, turn, { request }) {
    turn.asks = [...turn.asks.filter((ask) => ask.id !== request.id), request];
  },
  answered(chat, turn, { request }) {
    turn.asks = turn.asks.filter((ask) => ask.id !== request);
  },
  message(chat, turn, { node, head }) {
    addMessage(chat, turn, node);
    if (head !== undefined) chat.head = head;
  },
  notice(chat, turn, { text, level }) {
    chat.notes.push({ key: liveKey(turn), text, level });
  },
  retrying(chat, turn, data) {
    turn.retrying = data;
  },
  ended(chat, turn, data) {
    turn.ended = data;
    turn.asks = [];
    turn.parts = [];
    chat.turns.delete(turn.id);
    if (data.head !== undefined) chat.head = data.head;
    const last = turn.nodes.at(-1);
    if (data.failure) chat.failures.set(last ?? "end", data.failure);
    ended.set(turn.id, data.has_content !== false);
    const shown = chat.followed === turn.id || ours.has(turn.id);
    if (turn.kind === "compare" || !shown) return undefined;
    chat.followed = null;
    chat.tip = chat.head;
    return data.has_content === false && ours.has(turn.id) ? { returned: turn.id } : undefined;
  },
};
