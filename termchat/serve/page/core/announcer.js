/** Speak to screen readers: finished blocks and results, politely. */

const LONGEST = 600; // characters of one announcement
const KEPT = 20; // lines in the region

export function announce(text) {
  const region = document.getElementById("announcements");
  const words = text.trim().replace(/\s+/g, " ");
  if (!region || !words) return;
  const line = document.createElement("p");
  line.textContent = words.length > LONGEST ? `${words.slice(0, LONGEST)} …` : words;
  region.append(line);
  while (region.childElementCount > KEPT) region.firstElementChild.remove();
}
