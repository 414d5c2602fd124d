// Choosing a style: cards to hear and pick, words, a sound of one's own, or a mix.
import { ask } from "./api.js";
import { bloom } from "./bloom.js";
import { fill, fresh, h, icon } from "./dom.js";
import { keyName } from "./format.js";
import { t } from "./i18n.js";
import { mixName, partsOf } from "./mix_text.js";
import { audio, current, isPlaying, silence, toggle } from "./sound.js";
import { draft, get, on, set } from "./store.js";
import { ownStyle, record } from "./style_upload.js";
import { mixer } from "./style_mix.js";

/** "soul-cora" as "Soul · Cora"; names that people gave stay as they are. */
export function styleName(style) {
  if (!style) return "";
  const parts = typeof style === "string" ? partsOf(style) : null;
  if (parts) return mixName(parts, styleName);
  const record = typeof style === "string" ? (get("styles").find((one) => one.id === style) ?? { name: style, source: "model" }) : style;
  if (/^style-[0-9a-f]{32}$/.test(record.name)) return t("styles.gone");
  if (record.source !== "model" || !/^[a-z0-9]+(-[a-z0-9]+)+$/.test(record.name)) return record.name;
  return record.name.split("-").map((word) => word[0].toUpperCase() + word.slice(1)).join(" · ");
}


class Styles extends HTMLElement {
  connectedCallback() {
    if (this.panel) return;
    this.classList.add("card", "stack");
    const tabs = ["library", "words", "mix"];
    this.tab = draft.mix.get() ? "mix" : typeof draft.style.get()?.words === "string" ? "words" : "library";
    this.tabs = tabs.map((tab) => h("button", { type: "button", "data-tab": tab, onclick: () => { this.tab = tab; this.drawTabs(); } }, t(`styles.${tab}`)));
    this.panel = h("div", { class: "stack" });
    this.picked = h("p", { class: "small soft", role: "status" });
    this.append(
      h("div", { class: "row spread wrap" }, h("h2", { class: "sb-title" }, t("styles.title")),
        h("div", { class: "seg", role: "group", "aria-label": t("styles.how") }, this.tabs)),
      this.panel, this.picked);
    on("styles", () => this.drawTabs());
    on("playing", () => this.drawPlaying());
    on("style.picked", () => this.drawPicked());
    on("style.changed", () => {
      this.tab = draft.mix.get() ? "mix" : typeof draft.style.get()?.words === "string" ? "words" : "library";
      this.drawTabs();
    });
    this.drawTabs();
  }

  drawTabs() {
    this.tabs.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.tab === this.tab)));
    fill(this.panel, { library: () => this.library(), words: () => this.words(), mix: () => mixer(get("styles"), styleName) }[this.tab]());
    this.drawPicked();
    this.drawPlaying();
  }

  drawPicked() {
    const mix = draft.mix.get(), style = draft.style.get();
    const name = mix?.way ? t("styles.way.picked", { from: styleName(mix.parts[0].style), to: styleName(mix.parts[1].style), n: mix.steps }) : mix ? mixName(mix.parts, styleName)
      : style?.words ? t("styles.by-words", { words: style.words }) : style?.id ? styleName(style.id) : t("styles.any");
    this.picked.textContent = t("styles.picked", { name });
  }

  drawPlaying() {
    for (const button of this.panel.querySelectorAll("button.play")) {
      const on = isPlaying("style", button.dataset.style);
      fill(button, icon(on ? "pause" : "play", 18));
      button.setAttribute("aria-pressed", String(on));
      // The first time, the sound of a style is decoded, which can be waited for.
      button.classList.toggle("busy", on && audio.readyState < 3);
    }
  }

  pick(style) {
    draft.mix.set(null);
    draft.style.set(style);
    set("style.picked");
  }

  library() {
    const group = fresh("style"), chosen = draft.mix.get() ? undefined : draft.style.get()?.id ?? (draft.style.get()?.words ? undefined : null);
    const cards = [null, ...get("styles")].map((style) => {
      const id = style?.id ?? null, name = style ? styleName(style) : t("styles.any");
      const about = style ? [style.tempo ? t("styles.tempo", { n: Math.round(style.tempo) }) : "", keyName(style.key)].filter(Boolean).join(" · ") : t("styles.any.note");
      return h("div", { class: "style" },
        h("label", {}, h("input", { type: "radio", name: group, class: "sr", checked: chosen === id, onchange: () => this.pick(id === null ? null : { id }) }),
          style ? bloom({ name: style.id, key: style.key, tempo: style.tempo, size: 88 }) : h("span", { class: "bloom any" }, icon("dice", 34)),
          h("span", { class: "name cut" }, name), h("span", { class: "about cut" }, about)),
        style ? h("button", { class: "play tiny", type: "button", "data-style": id, "aria-label": t("styles.hear", { name }), onclick: () => toggle({ kind: "style", id, title: name }) }) : null,
        style?.source === "upload" ? h("button", { class: "btn round tiny away", type: "button", "aria-label": t("styles.delete", { name }), onclick: () => this.remove(style) }, icon("close", 14)) : null);
    });
    return [h("div", { class: "styles", role: "radiogroup", "aria-label": t("styles.title") }, cards),
      h("div", { class: "row wrap" },
        h("button", { class: "btn tiny", type: "button", onclick: () => ownStyle((style) => this.added(style)) }, icon("upload", 16), t("styles.upload")),
        h("button", { class: "btn tiny", type: "button", onclick: () => record((style) => this.added(style)) }, icon("mic", 16), t("styles.record")))];
  }

  words() {
    const name = fresh("words");
    const input = h("input", { class: "input", id: name, maxlength: 200, value: draft.style.get()?.words ?? "", placeholder: t("styles.words.example"),
      oninput: () => { const words = input.value.trim(); this.pick(words ? { words } : null); } });
    const tags = [...new Set(get("styles").flatMap((style) => style.tags.slice(0, 1).concat(style.tags.slice(2))))].filter((tag) => !/ /.test(tag)).sort();
    return [h("div", { class: "field" }, h("label", { for: name }, t("styles.words.label")), input, h("p", { class: "help" }, t("styles.words.help"))),
      h("div", { class: "row wrap" }, tags.slice(0, 18).map((tag) => h("button", { class: "btn tiny", type: "button", onclick: () => {
        const words = input.value.trim().split(/\s+/).filter(Boolean);
        input.value = (words.includes(tag) ? words.filter((word) => word !== tag) : [...words, tag]).join(" ");
        input.dispatchEvent(new Event("input"));
      } }, tag)))];
  }

  async added(style) {
    set("styles", await ask("styles"));
    this.tab = "library";
    this.pick({ id: style.id });
    this.drawTabs();
    set("toast", { text: t("styles.added", { name: style.name }) });
  }

  async remove(style) {
    try {
      await ask("delete_style", { id: style.id });
      if (current()?.kind === "style" && current().id === style.id) silence();
      if (draft.style.get()?.id === style.id) this.pick(null);
      set("styles", await ask("styles"));
    } catch (error) {
      set("toast", { text: error.message, bad: true });
    }
  }
}

customElements.define("sb-styles", Styles);
