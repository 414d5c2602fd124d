// The bar at the foot of the page: what plays, where it is, how loud; it stays while one does something else.
import { fill, h, icon } from "./dom.js";
import { clock } from "./format.js";
import { t } from "./i18n.js";
import { cover } from "./library.js";
import { audio, current, isPlaying, length, silence, toggle } from "./sound.js";
import { kept, on, set } from "./store.js";

const volume = kept("volume", 1);

class Player extends HTMLElement {
  connectedCallback() {
    if (this.started) return;
    this.started = true;
    audio.volume = volume.get();
    this.art = h("div", { class: "art" });
    this.name = h("button", { class: "name grow", type: "button", onclick: () => current()?.kind === "song" && (set("selected", current().id), set("view", "songs")) });
    this.button = h("button", { class: "play", type: "button", onclick: () => current() && toggle(current()) });
    this.slide = h("input", { class: "slide", type: "range", min: 0, step: 0.1, value: 0, "aria-label": t("player.position"), oninput: () => { audio.currentTime = Math.min(Number(this.slide.value), Math.max(0, length() - 0.1)); } });
    this.time = h("span", { class: "num small" });
    const loud = h("input", { class: "slide volume", type: "range", min: 0, max: 1, step: 0.02, value: volume.get(), "aria-label": t("player.volume"), style: { "--fill": `${volume.get() * 100}%` }, oninput: () => { audio.volume = Number(loud.value); volume.set(audio.volume); loud.style.setProperty("--fill", `${audio.volume * 100}%`); } });
    this.setAttribute("role", "region");
    this.setAttribute("aria-label", t("player.title"));
    this.append(this.art, this.name, this.button, h("div", { class: "place" }, this.slide, this.time), loud,
      h("button", { class: "btn plain round tiny", type: "button", "aria-label": t("player.close"), onclick: silence }, icon("close", 16)));
    on("playing", () => this.draw());
    addEventListener("keydown", (event) => {
      if (event.key !== " " || event.target.closest?.("button, input, textarea, select, a, summary, dialog, [role=slider]") || !current()) return;
      event.preventDefault();
      toggle(current());
    });
    setInterval(() => this.move(), 200);
    this.draw();
  }

  draw() {
    const what = current();
    this.hidden = !what;
    document.documentElement.style.setProperty("--dock", what ? "76px" : "0px");
    if (!what) { this.shown = null; return; }
    if (this.shown !== what.id) {
      fill(this.art, cover(what.kind === "style" ? what.id : what.style, what.kind === "style" ? "" : what.id, 44));
      this.shown = what.id;
    }
    const kind = audio.error ? t("player.error") : what.kind === "live" ? t(audio.readyState < 3 && !audio.paused ? "player.waiting" : "player.live") : t(`player.${what.kind}`);
    fill(this.name, h("strong", { class: "cut" }, what.title), h("span", { class: "small soft cut" }, kind));
    fill(this.button, icon(isPlaying(what.kind, what.id) ? "pause" : "play", 20));
    this.button.setAttribute("aria-label", t(isPlaying(what.kind, what.id) ? "play.pause" : "play.play", { name: what.title }));
    this.move();
  }

  move() {
    if (this.hidden || !current()) return;
    const all = Math.max(length(), audio.currentTime);
    this.slide.max = all || 1;
    if (document.activeElement !== this.slide || !this.slide.matches(":active")) this.slide.value = audio.currentTime;
    this.slide.style.setProperty("--fill", `${all ? (100 * audio.currentTime) / all : 0}%`);
    this.slide.setAttribute("aria-valuetext", `${clock(audio.currentTime)} / ${clock(all)}`);
    const told = `${clock(audio.currentTime)} / ${clock(all)}${current().kind === "live" ? "…" : ""}`;
    if (this.time.textContent !== told) this.time.textContent = told;
  }
}

customElements.define("sb-player", Player);
