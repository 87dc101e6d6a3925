/** Pictures and files of messages, fetched with the token. */

import { html, useEffect, useState } from "../vendor/htm/standalone.module.js";
import { attempt } from "../core/actions.js";
import { pictureUrl, saveBlob } from "../core/api.js";
import { size } from "../core/format.js";
import { update } from "../core/state.js";
import { t } from "../core/strings.js";
import { Dialog } from "./dialog.js";
import { Icon } from "./parts.js";

export function Attached({ part }) {
  if (part.kind === "image" && part.blob) return html`<${Picture} part=${part} />`;
  if (part.kind === "image" || part.kind === "file") return html`<${FileChip} part=${part} />`;
  return null;
}

function Picture({ part }) {
  const url = usePicture(part.blob);
  const name = part.name || t("picture");
  const show = () => update({ dialog: { picture: part } });
  return html`<button type="button" class="thumbnail" aria-label=${t("openPicture", { name })} onClick=${show}>
    ${url ? html`<img src=${url} alt=${name} />` : html`<span class="empty">${name}</span>`}
  </button>`;
}

/** A picture in its size, within the window. */
export function PictureDialog({ part }) {
  const url = usePicture(part.blob);
  const name = part.name || t("picture");
  const save = () => attempt(() => saveBlob(part.blob, name));
  return html`<${Dialog} title=${name} class="picture-dialog">
    ${url && html`<img src=${url} alt=${name} />`}
    <div class="row"><button type="button" onClick=${save}>${t("saveFile", { name })}</button></div>
  <//>`;
}

function usePicture(blob) {
  const [url, setUrl] = useState("");
  useEffect(() => {
    let shown = true;
    pictureUrl(blob).then((found) => shown && setUrl(found), () => {});
    return () => (shown = false);
  }, [blob]);
  return url;
}

function FileChip({ part }) {
  const inside = html`<${Icon} name="file" /><span class="name">${part.name || part.url || part.kind}</span>
    ${part.size !== undefined && html`<span class="about">${size(part.size)}</span>`}`;
  if (part.blob) {
    const save = () => attempt(() => saveBlob(part.blob, part.name));
    return html`<button type="button" class="attachment" title=${t("saveFile", { name: part.name })}
      aria-label=${t("saveFile", { name: part.name })} onClick=${save}>${inside}</button>`;
  }
  if (!part.text) return html`<span class="attachment">${inside}</span>`;
  return html`<details class="attached-text"><summary class="attachment">${inside}</summary><pre tabindex="0">${part.text}</pre></details>`;
}
