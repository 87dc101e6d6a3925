/** Unsent text, kept for each chat in this browser. */

const key = (chat) => `termchat-draft:${chat ?? "new"}`;

export function draftOf(chat) {
  try {
    return localStorage.getItem(key(chat)) ?? "";
  } catch {
    return ""; // storage is off
  }
}

export function keepDraft(chat, text) {
  try {
    if (text) localStorage.setItem(key(chat), text);
    else localStorage.removeItem(key(chat));
  } catch {
    // storage is off or full: the text is still in the field
  }
}
