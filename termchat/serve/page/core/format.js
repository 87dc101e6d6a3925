/** Numbers and times, short, in the language of the page. */

import { language } from "./strings.js";

export function tokens(count) {
  if (count < 1000) return String(count);
  if (count < 9950) return `${(count / 1000).toFixed(1)}k`;
  return count < 999_500 ? `${Math.round(count / 1000)}k` : `${(count / 1e6).toFixed(1)}M`;
}

export function dollars(cost) {
  const value = Number(cost);
  if (!value) return "$0";
  if (value < 0.0001) return "<$0.0001";
  return `$${value.toFixed(value < 0.1 ? 4 : 2)}`;
}

export function duration(seconds) {
  if (seconds < 10) return `${seconds.toFixed(1)}s`;
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole}s` : `${Math.floor(whole / 60)}m ${whole % 60}s`;
}

export function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1e6) return `${Math.round(bytes / 1000)} kB`;
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Return a short time: the clock today, the day this year, else the date. `at` is seconds since 1970. */
export function when(at, now = new Date()) {
  const then = new Date(at * 1000);
  if (then.toDateString() === now.toDateString()) return format(then, { hour: "2-digit", minute: "2-digit" });
  if (then.getFullYear() === now.getFullYear()) return format(then, { month: "short", day: "numeric" });
  return format(then, { year: "numeric", month: "short", day: "numeric" });
}

function format(date, options) {
  return new Intl.DateTimeFormat(language(), { hourCycle: "h23", ...options }).format(date);
}

/** Return the model without its provider; with it, if another one of `among` has the same name. */
export function shortModel(model, among = []) {
  const short = (model ?? "").split("/").at(-1);
  return among.some((other) => other !== model && shortModel(other) === short) ? model : short;
}

// Controls but tab and newline, what turns the direction, and what has no width: www.unicode.org/reports/tr36/
const UNSEEN = /[\0-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\p{Cs}\p{Co}\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]/gu;

/** Return a text with each character that deceives the eye as its escape: \u202e, \u{e0041}. */
export function visible(text) {
  return text.replace(UNSEEN, (character) => {
    const code = character.codePointAt(0).toString(16);
    return code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, "0")}`;
  });
}
