/** Requests to the server. */

import { token } from "./token.js";

/** An error for the user: `message` says what happened, `hint` the next step, `kind` names it for programs. */
export class ApiError extends Error {
  constructor(status, { message, hint = "", kind = "" }) {
    super(message);
    this.status = status;
    this.hint = hint;
    this.kind = kind;
  }
}

export function authorization() {
  return { authorization: `Bearer ${token()}` };
}

/** Send a request; return the response. Raises ApiError, with status 0 if the server cannot be reached. */
export async function request(method, path, { body, type, signal, headers } = {}) {
  const given = { ...authorization(), ...headers };
  if (body !== undefined) given["content-type"] = type ?? "application/json";
  const content = body === undefined || type ? body : JSON.stringify(body);
  const response = await reached(() => fetch(path, { method, headers: given, body: content, signal, cache: "no-store" }));
  if (!response.ok) throw await errorOf(response);
  return response;
}

/** Return what a network action returns; a connection that breaks, also within a body, is an ApiError. */
async function reached(action) {
  try {
    return await action();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, { message: "", kind: "unreachable" });
  }
}

async function errorOf(response) {
  let found = {};
  try {
    found = (await response.json()).error ?? {};
  } catch {
    // a proxy in between answered with something else
  }
  if (typeof found === "string") found = { message: found };
  return new ApiError(response.status, { ...found, message: found.message ?? `${response.status} ${response.statusText}` });
}

export async function getJson(path, options) {
  const response = await request("GET", path, options);
  return reached(() => response.json());
}

export async function postJson(path, body = {}, options = {}) {
  const response = await request("POST", path, { ...options, body });
  return reached(() => response.json());
}

/** Upload a file; return {id, name, kind, size}. */
export async function upload(file, signal) {
  const path = `/api/uploads?name=${encodeURIComponent(file.name || "pasted.png")}`;
  const type = file.type || "application/octet-stream";
  const response = await request("POST", path, { body: file, type, signal });
  return reached(() => response.json());
}

const pictures = new Map();

/** Return an object URL of a stored picture. The token travels in a header, so an <img> cannot fetch it itself. */
export function pictureUrl(id) {
  if (!pictures.has(id)) {
    const loading = request("GET", `/api/blobs/${encodeURIComponent(id)}`)
      .then((response) => response.blob())
      .then((blob) => URL.createObjectURL(blob));
    loading.catch(() => pictures.delete(id));
    pictures.set(id, loading);
  }
  return pictures.get(id);
}

/** Save a stored file to the disk of the user. */
export async function saveBlob(id, name) {
  const response = await request("GET", `/api/blobs/${encodeURIComponent(id)}`);
  const blob = await reached(() => response.blob());
  const url = URL.createObjectURL(blob);
  const link = Object.assign(document.createElement("a"), { href: url, download: name || id });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
