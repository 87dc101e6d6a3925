/** The message that is being written: text, attachments, models. */

import { upload } from "./api.js";
import { draftOf, keepDraft } from "./drafts.js";
import { update } from "./state.js";

export const composer = {
  chat: null,
  text: "",
  model: "", // "" for that of the chat
  compare: [], // further models that answer the same question
  attachments: [], // {key, name, size, kind, url, id, error, ready}
  sending: false,
};

let count = 0;

/** Begin with the draft of a chat; attachments stay with the chat they were chosen for. */
export function openComposer(chat) {
  dropAttachments();
  Object.assign(composer, { chat, text: draftOf(chat), model: "", compare: [], sending: false });
}

/** Take what the user typed. */
export function typed(text) {
  const was = Boolean(composer.text.trim());
  composer.text = text;
  keepDraft(composer.chat, text);
  if (was !== Boolean(text.trim())) update();
}

export function fillComposer(text) {
  composer.text = text;
  keepDraft(composer.chat, text);
  update();
}

/** Remove a text that was sent from the field of its chat; what was typed meanwhile stays. */
export function clearSent(chat, text) {
  const rest = (now) => (now.startsWith(text) ? now.slice(text.length) : now);
  if (composer.chat !== chat) return keepDraft(chat, rest(draftOf(chat)));
  dropAttachments();
  composer.compare = [];
  return fillComposer(rest(composer.text));
}

function dropAttachments() {
  for (const item of composer.attachments) release(item);
  composer.attachments = [];
}

function release(item) {
  item.stop.abort();
  if (item.url) URL.revokeObjectURL(item.url);
}

/** Upload files, each with a preview at once. */
export function attach(files) {
  for (const file of files) {
    const picture = /^image\/(png|jpeg|gif|webp)$/.test(file.type);
    const item = {
      key: ++count, name: file.name || "pasted.png", size: file.size, kind: picture ? "image" : "file",
      url: picture ? URL.createObjectURL(file) : "", id: "", error: "", stop: new AbortController(),
    }; // prettier-ignore
    item.ready = upload(file, item.stop.signal)
      .then((made) => (item.id = made.id))
      .catch((error) => (item.error = error.message || "!"))
      .finally(update);
    composer.attachments.push(item);
  }
  update();
}

export function detach(item) {
  release(item);
  composer.attachments = composer.attachments.filter((other) => other !== item);
  update();
}

/** Return the ids of the attachments, when all are uploaded. */
export async function readyAttachments() {
  await Promise.all(composer.attachments.map((item) => item.ready));
  return composer.attachments.filter((item) => item.id).map((item) => item.id);
}
