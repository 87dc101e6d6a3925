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

/** Return the address of a link and the host to show behind its text, "" if the text says it; null for a bad link. */
export function shownLink(href, text) {
  const url = safeUrl(href);
  if (!url) return null;
  const place = url.protocol === "mailto:" ? url.pathname : url.host;
  const named = url.username || url.password; // bank.example@evil.example goes to evil.example
  return { href: url.href, host: named || !says(text, url, place) ? place : "" };
}

/** Make the links of sanitised nodes safe: a bad one becomes its text, and a good one shows where it leads. */
export function finishLinks(root) {
  for (const link of root.querySelectorAll("a")) {
    const shown = shownLink(link.getAttribute("href") ?? "", link.textContent);
    if (!shown) {
      const text = document.createElement("span");
      text.append(...link.childNodes);
      link.replaceWith(text);
      continue;
    }
    link.href = shown.href;
    link.target = "_blank";
    link.rel = "noopener noreferrer";
    if (shown.host) {
      const host = document.createElement("span");
      host.className = "host";
      host.textContent = `(${shown.host})`;
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
