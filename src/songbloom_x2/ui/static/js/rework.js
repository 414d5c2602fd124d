// What can be done with a stretch of a song: hear it again and again, sing it anew, go on from there.
import { create } from "./create.js";
import { dialog, fresh, h, icon } from "./dom.js";
import { t } from "./i18n.js";
import { audio, toggle } from "./sound.js";
import { get, set } from "./store.js";

/** The bar under a song's waveform. Give it the chosen stretch by `show`, and the place that is heard by `heard`. */
export function reworkBar(song, lines, waveOf) {
  const offers = (kind) => (get("kinds") ?? []).includes(kind);
  let span = null, loop = false;
  const told = h("span", { class: "small num" });
  const looping = h("button", { class: "btn tiny", type: "button", "aria-pressed": "false", onclick: () => { loop = !loop; draw(); if (loop) toggle({ kind: "song", id: song.id, title: song.title, style: song.style, seconds: song.seconds }, span[0]); } }, icon("again", 15), t("rework.loop"));
  const clear = h("button", { class: "btn plain tiny", type: "button", onclick: () => waveOf().select(null) }, icon("close", 14), t("rework.clear"));
  const action = (kind, picture, text, run) => (offers(kind) ? h("button", { class: "btn tiny", type: "button", onclick: run }, icon(picture, 15), text) : null);
  const chosen = h("div", { class: "row wrap", hidden: true }, told, looping,
    action("repaint", "brush", t("rework.repaint"), () => repaint(song, lines, span)),
    action("extend", "plus", t("rework.extend-here"), () => extend(song, span[1])), clear);
  const whole = h("div", { class: "row wrap" }, action("extend", "plus", t("rework.extend"), () => extend(song, null)),
    h("button", { class: "btn tiny", type: "button", onclick: () => set("compare", song) }, icon("compare", 15), t("song.compare")));
  const hint = h("p", { class: "small soft" }, t("rework.hint"));
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

const round = (seconds) => Math.round(seconds * 100) / 100;

/** Ask how a song shall go on, from a second of it or from its end. */
function extend(song, start) {
  const words = area("rework.words.extend", "", "rework.words.extend.help");
  const seconds = number("rework.seconds", "", "rework.seconds.help");
  ask(start === null ? t("rework.extend") : t("rework.extend-here"), [words.box, seconds.box], () => ({
    kind: "extend",
    request: { song: song.id, ...(start === null ? {} : { start: round(start) }), ...(words.value() ? { lyrics: words.value() } : {}), ...(seconds.value() ? { duration: seconds.value() } : {}) },
  }));
}

/** Ask what shall be sung in a stretch instead. */
function repaint(song, lines, span) {
  const now = lines.flatMap((line) => line.words).filter((word) => word.end > span[0] && word.start < span[1]).map((word) => word.text).join(" ");
  const words = area("rework.words.repaint", "", "rework.words.repaint.help", now);
  ask(t("rework.span-repaint", { from: span[0].toFixed(1), to: span[1].toFixed(1) }), [words.box], () => ({
    kind: "repaint",
    request: { song: song.id, start: round(span[0]), end: round(span[1]), ...(words.value() ? { lyrics: words.value() } : {}) },
  }));
}

function ask(title, fields, what) {
  const wrong = h("p", { class: "note bad", role: "alert", hidden: true });
  const go = h("button", { class: "btn main", type: "button", onclick: async () => {
    go.disabled = true;
    try {
      await create(what(), false);
      box.close();
      set("toast", { text: t("create.queued") });
    } catch (error) {
      wrong.textContent = error.message;
      wrong.hidden = false;
      go.disabled = false;
    }
  } }, icon("note", 18), t("create.go"));
  const box = dialog(title, [...fields, wrong], [go], { closeText: t("close") });
}

function area(label, value, help, placeholder = "") {
  const name = fresh("words"), input = h("textarea", { class: "input", id: name, rows: 4, maxlength: 5000, value, placeholder });
  return { box: h("div", { class: "field" }, h("label", { for: name }, t(label)), input, h("p", { class: "help" }, t(help))), value: () => input.value.trim() };
}

function number(label, value, help) {
  const name = fresh("seconds"), input = h("input", { class: "input num", id: name, type: "number", min: 1, step: 1, value });
  return { box: h("div", { class: "field" }, h("label", { for: name }, t(label)), input, h("p", { class: "help" }, t(help))), value: () => input.valueAsNumber || null };
}
