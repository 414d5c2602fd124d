// What can be done with a stretch of a song: hear it again and again, sing it anew, go on from there; and variations of all.
import { create } from "./create.js";
import { h, icon } from "./dom.js";
import { t } from "./i18n.js";
import { audio, toggle } from "./sound.js";
import { get } from "./store.js";

/** The bar under a song's waveform. Give it the chosen stretch by `show`, and the place that is heard by `heard`. */
export function reworkBar(song, waveOf) {
  const kinds = get("kinds") ?? [];
  let span = null, loop = false;
  const told = h("span", { class: "small num" });
  const looping = h("button", { class: "btn tiny", type: "button", "aria-pressed": "false", onclick: () => { loop = !loop; draw(); if (loop) toggle({ kind: "song", id: song.id, title: song.title, style: song.style, seconds: song.seconds }, span[0]); } }, icon("again", 15), t("rework.loop"));
  const clear = h("button", { class: "btn plain tiny", type: "button", onclick: () => waveOf().select(null) }, icon("close", 14), t("rework.clear"));
  const ask = (kind, request, text) => kinds.includes(kind) ? h("button", { class: "btn tiny", type: "button", onclick: () => create({ kind, request: { song: song.id, ...request() } }).catch(() => {}) }, icon({ repaint: "brush", extend: "plus", variations: "dice" }[kind], 15), text) : null;
  const chosen = h("div", { class: "row wrap", hidden: true }, told, looping,
    ask("repaint", () => ({ start: round(span[0]), end: round(span[1]) }), t("rework.repaint")),
    ask("extend", () => ({ start: round(span[1]) }), t("rework.extend-here")), clear);
  const whole = h("div", { class: "row wrap" }, ask("variations", () => ({}), t("rework.vary")), ask("extend", () => ({}), t("rework.extend")));
  const hint = h("p", { class: "small soft" }, t("rework.hint"));
  const round = (seconds) => Math.round(seconds * 100) / 100;
  const draw = () => {
    chosen.hidden = !span;
    hint.hidden = Boolean(span);
    if (!span) loop = false;
    else told.textContent = t("rework.span", { from: span[0].toFixed(1), to: span[1].toFixed(1) });
    looping.setAttribute("aria-pressed", String(loop));
    looping.classList.toggle("on", loop);
  };
  draw();
  return {
    element: h("div", { class: "rework stack" }, chosen, hint, whole),
    show: (now) => { span = now; draw(); },
    heard: (at) => { if (loop && span && at !== null && !audio.paused && (at >= span[1] || at < span[0] - 0.3)) audio.currentTime = span[0]; },
  };
}
