// What can be done with a stretch of a song: hear it again and again, sing it anew, go on from there; and another take.
import { h, icon } from "./dom.js";
import { t } from "./i18n.js";
import { area, choice, number, slider, songForm } from "./song_form.js";
import { audio, toggle } from "./sound.js";
import { get, set } from "./store.js";
import { styleName } from "./styles.js";
import { vary } from "./vary.js";

/** The bar under a song's waveform. Give it the chosen stretch by `show`, and the place that is heard by `heard`. */
export function reworkBar(found, waveOf) {
  const { song, lines } = found, offers = (kind) => (get("kinds") ?? []).includes(kind);
  let span = null, loop = false;
  const told = h("span", { class: "small num" });
  const looping = h("button", { class: "btn tiny", type: "button", "aria-pressed": "false", onclick: () => { loop = !loop; draw(); if (loop) toggle({ kind: "song", id: song.id, title: song.title, style: song.style, seconds: song.seconds }, span[0]); } }, icon("again", 15), t("rework.loop"));
  const clear = h("button", { class: "btn plain tiny", type: "button", onclick: () => waveOf().select(null) }, icon("close", 14), t("rework.clear"));
  const action = (kind, picture, text, run) => (offers(kind) ? h("button", { class: "btn tiny", type: "button", onclick: run }, icon(picture, 15), text) : null);
  const chosen = h("div", { class: "row wrap", hidden: true }, told, looping,
    action("repaint", "brush", t("rework.repaint"), () => repaint(song, lines, span)),
    action("extend", "plus", t("rework.extend-here"), () => extend(song, span[1])), clear);
  const whole = h("div", { class: "row wrap" }, action("variations", "dice", t("rework.vary"), () => vary(found)),
    action("extend", "plus", t("rework.extend"), () => extend(song, null)),
    h("button", { class: "btn tiny", type: "button", onclick: () => set("compare", song) }, icon("compare", 15), t("song.compare")));
  const hint = h("p", { class: "small soft" }, t(offers("repaint") ? "rework.hint" : "rework.hint.loop"));
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
    element: h("div", { class: "rework stack", onkeydown: (event) => event.key === "Escape" && waveOf().select(null) }, chosen, hint, whole),
    show: (now) => { span = now; draw(); },
    heard: (at) => {
      if (!loop || !span || at === null || (audio.paused && !audio.ended) || (at < span[1] && at >= span[0] - 0.3 && !audio.ended)) return;
      audio.currentTime = span[0];
      // A stretch that goes to the end of the song: there it has stopped by itself.
      if (audio.paused) audio.play().catch(() => {});
    },
  };
}

const round = (seconds) => Math.round(seconds * 100) / 100;
const given = (fields) => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== ""));

/** Another sound from there on, or the song's own. */
const another = () => choice("rework.style", "rework.style.help", [["", t("rework.style.own")], ...get("styles").map((style) => [style.id, styleName(style)])]);

/** Ask how a song shall go on, from a second of it or from its end. */
export function extend(song, start) {
  const words = area("rework.words.extend", "rework.words.extend.help"), style = another();
  const seconds = number("rework.seconds", "rework.seconds.help", { low: 1 });
  songForm(start === null ? t("rework.extend") : t("rework.extend-from", { time: start.toFixed(1) }), [words.box, seconds.box, style.box], () => ({
    kind: "extend",
    request: { song: song.id, ...given({ start: start === null ? null : round(start), lyrics: words.value(), duration: seconds.value(), style: style.value() }) },
  }));
}

/** Ask what shall be sung in a stretch instead. */
function repaint(song, lines, span) {
  const now = lines.flatMap((line) => line.words).filter((word) => word.end > span[0] && word.start < span[1]).map((word) => word.text).join(" ");
  const words = area("rework.words.repaint", "rework.words.repaint.help", now), style = another();
  const tries = slider("rework.tries", "rework.tries.help", { low: 1, high: 16, step: 1, usual: 4 });
  songForm(t("rework.span-repaint", { from: span[0].toFixed(1), to: span[1].toFixed(1) }), [words.box, tries.box, style.box], () => ({
    kind: "repaint",
    request: { song: song.id, start: round(span[0]), end: round(span[1]), candidates: tries.now(), ...given({ lyrics: words.value(), style: style.value() }) },
  }));
}
