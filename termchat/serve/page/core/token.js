/** The token of the server: taken from the address, kept for this tab only. */

const KEY = "termchat-token";

/** Take the token out of the address bar; `#/ID` names a chat and stays. Return whether there was one. */
export function takeToken() {
  const hash = location.hash.slice(1);
  if (!hash || hash.startsWith("/")) return false;
  keepToken(decoded(hash));
  history.replaceState(null, "", location.pathname);
  return true;
}

/** Decode a part of the address; one that is malformed stays as it is. */
export function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function keepToken(token) {
  sessionStorage.setItem(KEY, token.trim());
}

export function token() {
  return sessionStorage.getItem(KEY) ?? "";
}
