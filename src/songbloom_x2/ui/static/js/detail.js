// One song: waveform with its sections, spectrogram, words that follow, and everything that can be made of it.
import { ask, manifestOf, peaksOf, spectrogramOf } from "./api.js";
import { fill, h, icon, menu, menuOpen } from "./dom.js";
import { clock } from "./format.js";
import { t } from "./i18n.js";
import { AFTER_MENU, cover, favourite, isNew, playButton, recipe, rename, songMenu, titleOf } from "./library.js";
import { kindOf, sectionName } from "./lyrics.js";
import { reworkBar } from "./rework.js";
import { audio, current, toggle } from "./sound.js";
import { get, on, set } from "./store.js";
import { styleName } from "./styles.js";
import { sectionsOf } from "./sections.js";
import { Wave } from "./waveform.js";

class Detail extends HTMLElement {
  connectedCallback() {
    if (this.started) return;
    this.started = true;
    on("selected", (id) => this.open(id));
    on("playing", () => this.querySelectorAll("button.play").forEach((button) => button.draw?.()));
    const tick = () => { this.follow(); requestAnimationFrame(tick); };
    requestAnimationFrame(tick);
    // A page that is not looked at is not animated; a loop goes on there too.
    for (const name of ["timeupdate", "ended"]) audio.addEventListener(name, () => this.follow());
    this.addEventListener("menuclose", () => setTimeout(() => this.late && this.drawHead(), AFTER_MENU));
    this.blank();
  }

  blank() {
    this.song = null;
    delete this.dataset.shown;
    document.body.classList.remove("sb-detail");
    fill(this, h("div", { class: "empty" }, icon("note", 34), h("p", {}, t("detail.none"))));
  }

  async open(id) {
    const mine = (this.number = (this.number ?? 0) + 1);
    if (!id) return this.blank();
    document.body.classList.add("sb-detail");
    let found;
    try {
      found = await ask("song", { id });
    } catch (error) {
      if (mine === this.number) { set("toast", { text: error.message, bad: true }); this.blank(); }
      return;
    }
    if (mine !== this.number) return;
    const same = this.song?.id === id;
    this.song = found.song;
    this.found = found;
    if (same) this.drawHead();
    else this.draw();
    this.dataset.shown = id;
  }

  draw() {
    const { song, found } = this, name = titleOf(song);
    this.head = h("div", { class: "detail-head" });
    this.lines = found.lines;
    this.sections = sectionsOf(this.lines, song.seconds).map((section) => ({ ...section, kind: kindOf(section.tag), name: sectionName(section.tag) }));
    this.wave = new Wave({ label: t("detail.wave.of", { name }), selecting: true, onseek: (seconds) => this.seek(seconds), onselect: (span) => this.rework.show(span) });
    this.wave.show([], song.seconds, this.sections);
    this.rework = reworkBar(found, () => this.wave);
    const views = ["wave", "spectrogram"].map((view, index) => h("button", { type: "button", "aria-pressed": String(!index), onclick: () => {
      this.wave.picture(index ? spectrogramOf(song.id) : null);
      views.forEach((button, at) => button.setAttribute("aria-pressed", String(at === index)));
    } }, t(`detail.${view}`)));
    this.time = h("span", { class: "num small soft" });
    this.words = h("div", { class: "words", tabindex: "0", role: "region", "aria-label": t("detail.lyrics") });
    this.drawHead();
    this.drawWords();
    const recipe = h("details", { class: "recipe" }, h("summary", {}, t("detail.recipe")), h("dl", {}, recipeOf(song, found).flatMap(([label, value]) => [h("dt", {}, label), h("dd", { class: "num" }, value)])),
      h("div", { class: "row wrap" }, isNew(song) ? h("button", { class: "btn tiny", type: "button", onclick: () => set("recipe.use", recipe(found)) }, icon("pen", 15), t("detail.use")) : null,
        h("a", { class: "btn tiny", href: manifestOf(song.id), download: `${name}.json` }, icon("down", 15), t("detail.manifest"))));
    fill(this, this.head,
      h("div", { class: "row spread transport" }, h("div", { class: "row" }, playButton({ kind: "song", id: song.id, title: name, style: song.style, seconds: song.seconds }, "big"), this.time), h("div", { class: "seg", role: "group", "aria-label": t("detail.view") }, views)),
      this.wave.element, this.rework.element, this.words, recipe);
    peaksOf(song.id).then((peaks) => { if (this.song?.id === song.id) this.wave.show(peaks, song.seconds, this.sections); }).catch((error) => set("toast", { text: error.message, bad: true }));
    this.scrollTop = 0;
  }

  drawHead() {
    this.late = menuOpen(this.head);
    if (this.late) return;
    const { song } = this, name = titleOf(song);
    const focused = this.head?.contains(document.activeElement) ? [...this.head.querySelectorAll("button")].indexOf(document.activeElement) : -1;
    fill(this.head, h("button", { class: "btn plain round back", type: "button", "aria-label": t("detail.back"), onclick: () => { const id = song.id; set("selected", null); document.querySelector(`[data-song="${id}"] .open`)?.focus(); } }, icon("back")),
      cover(song.style, song.id, 72),
      h("div", { class: "grow" }, h("h2", { class: "name" }, name),
        h("p", { class: "small soft num" }, [clock(song.seconds), styleName(song.style), song.model, `${t("song.seed")} ${song.seed}`].filter(Boolean).join(" · ")),
        song.parents?.length ? h("p", { class: "small" }, t(`kind.${song.kind}.of`), " ", h("button", { class: "link", type: "button", onclick: () => set("selected", song.parents[0]) }, t("detail.parent"))) : null),
      h("div", { class: "row" }, h("button", { class: `btn plain round ${song.favourite ? "loved" : ""}`, type: "button", "aria-pressed": String(song.favourite), "aria-label": t("song.favourite", { name }), onclick: () => favourite(song) }, icon(song.favourite ? "loved" : "heart")),
        h("button", { class: "btn plain round hide-small", type: "button", "aria-label": t("song.rename"), onclick: () => rename(song) }, icon("pen")),
        menu(h("button", { class: "btn plain round", type: "button", "aria-label": t("song.more", { name }) }, icon("more")), () => songMenu(song))));
    if (focused >= 0) this.head.querySelectorAll("button")[focused]?.focus();
  }

  drawWords() {
    this.spots = [];
    const { lines } = this;
    fill(this.words, lines.length ? lines.map((line) => line.section ? h("p", { class: `section ${kindOf(line.section)}` }, sectionName(line.section))
      : h("p", { class: "line", onclick: () => line.words.length && this.seek(line.words[0].start) }, (line.words.length ? line.words : [{ text: line.text }]).map((word) => {
        const spot = h("span", {}, `${word.text} `);
        if (word.start !== undefined) this.spots.push({ ...word, spot });
        return spot;
      }))) : h("p", { class: "soft" }, t("detail.instrumental")));
  }

  seek(seconds) {
    const { song } = this;
    toggle({ kind: "song", id: song.id, title: titleOf(song), style: song.style, seconds: song.seconds }, seconds);
  }

  follow() {
    if (!this.song || !this.wave) return;
    const mine = current()?.kind === "song" && current().id === this.song.id, at = mine ? audio.currentTime : 0;
    this.rework.heard(mine ? at : null);
    this.wave.move(at);
    const told = `${clock(at)} / ${clock(this.song.seconds)}`;
    if (this.time.textContent !== told) this.time.textContent = told;
    if (Math.abs(at - (this.last ?? -1)) < 0.04) return;
    this.last = at;
    let now = null;
    for (const one of this.spots) {
      const state = !mine || at < one.start ? "" : at < one.end + 0.06 ? "now" : "sung";
      if (one.state !== state) { one.spot.className = state; one.state = state; }
      if (state === "now") now = one;
    }
    const line = now?.spot.parentElement ?? null;
    if (line && line !== this.line) {
      this.words.querySelector(".line.now")?.classList.remove("now");
      line.classList.add("now");
      this.words.scrollTo({ top: line.offsetTop - this.words.clientHeight / 2.5, behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
    }
    this.line = line ?? this.line;
  }
}

function recipeOf(song, { request, manifest }) {
  const rows = [[t("option.seed"), song.seed], [t("option.model"), song.model], [t("styles.title"), styleName(request.style) || (manifest?.style?.name ?? "–")], [t("song.kind"), t(`kind.${song.kind}`)]];
  if (request.preset) rows.push([t("option.preset"), t(`option.preset.${request.preset}`)]);
  if (request.duration) rows.push([t("option.duration"), `${request.duration} s`]);
  for (const [name, value] of Object.entries(manifest?.sampling ?? {})) if (["steps", "cfg_lm", "cfg_diff", "temperature", "top_k"].includes(name)) rows.push([t(`option.${name}`), value]);
  if (manifest?.plan) rows.push([t("detail.plan"), [manifest.plan.device, manifest.plan.precision].map((one) => one?.value ?? one).filter(Boolean).join(", ")]);
  if (manifest?.timings?.real_time_factor) rows.push([t("detail.rtf"), t("detail.rtf.value", { n: manifest.timings.real_time_factor.toFixed(2) })]);
  rows.push(["SHA-256", h("span", { class: "hash", title: song.sha256 }, song.sha256.slice(0, 16))]);
  return rows;
}

customElements.define("sb-detail", Detail);
