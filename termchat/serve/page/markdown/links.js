/** Links of model text: http, https and mailto only, with their host in sight. */

const SCHEMES = new Set(["http:", "https:", "mailto:"]);

/** Return the URL of a link, or null if it is relative, malformed or of another scheme. */
export function safeUrl(href) {
  try {
    const url = new URL(href);
    return SCHEMES.has(url.protocol) ? url : null;
  } catch {
    return null;
  }
}

/** Make the links of sanitised nodes safe: a bad one becomes its text, and a good one shows where it leads. */
export function finishLinks(root) {
  for (const link of root.querySelectorAll("a")) {
    const url = safeUrl(link.getAttribute("href") ?? "");
    if (!url) {
      const text = document.createElement("span");
      text.append(...link.childNodes);
      link.replaceWith(text);
      continue;
    }
    link.href = url.href;
    link.target = "_blank";
    link.rel = "noopener noreferrer";
    const place = url.protocol === "mailto:" ? url.pathname : url.host;
    const named = url.username || url.password; // bank.example@evil.example goes to evil.example
    if (named || !says(link.textContent, url, place)) {
      const host = document.createElement("span");
      host.className = "host";
      host.textContent = `(${place})`;
      link.append(" ", host);
    }
  }
}

/** Return true if the text is the address or its host. */
function says(text, url, place) {
  const plain = (words) => words.trim().replace(/^(https?:\/\/|mailto:)/, "").replace(/\/$/, "");
  return [url.href, place, decoded(url.href)].some((known) => plain(known) === plain(text));
}

function decoded(href) {
  try {
    return decodeURI(href);
  } catch {
    return href;
  }
}
