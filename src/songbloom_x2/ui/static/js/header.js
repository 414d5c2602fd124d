// The head of the page: its name, whether songs can be made, language, light or dark, and signing out.
import { ask } from "./api.js";
import { bloom } from "./bloom.js";
import { fill, h, icon, menu } from "./dom.js";
import { chooseLanguage, language, t } from "./i18n.js";
import { readiness } from "./models.js";
import { get, set } from "./store.js";

/** Light or dark: what was chosen, else what the system says. */
export function useTheme() {
  const theme = localStorage.getItem("sb.theme") ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  document.documentElement.dataset.theme = theme;
  document.body.classList.toggle("dark", theme === "dark");
  return theme;
}

class Header extends HTMLElement {
  connectedCallback() {
    if (this.started) return;
    this.started = true;
    this.setAttribute("role", "banner");
    const theme = h("button", { class: "btn plain round", type: "button", onclick: () => {
      localStorage.setItem("sb.theme", useTheme() === "dark" ? "light" : "dark");
      draw();
      dispatchEvent(new Event("resize"));
    } });
    const draw = () => {
      const dark = useTheme() === "dark";
      fill(theme, icon(dark ? "sun" : "moon"));
      theme.setAttribute("aria-label", t(dark ? "theme.light" : "theme.dark"));
    };
    draw();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
    const languages = get("languages");
    const skip = h("button", { class: "btn skip", onclick: () => { set("view", "songs"); document.querySelector("sb-library input")?.focus(); } }, t("app.skip"));
    this.append(skip, h("div", { class: "brand" }, bloom({ name: "songbloom", key: 4, tempo: 120, size: 34 }), h("h1", {}, t("app.name"), h("span", { class: "hide-small" }, ` ${t("app.edition")}`))),
      h("div", { class: "row" }, readiness(),
        menu(h("button", { class: "btn plain tiny", type: "button", "aria-label": `${t("language.choose")}: ${t("language.name")}` }, icon("globe", 18), h("span", { class: "hide-small" }, t("language.name"))), () => Object.entries(languages).map(([code, name]) => ({ text: name, aside: code === language ? "✓" : "", run: () => chooseLanguage(code) }))),
        theme,
        get("signed") ? h("button", { class: "btn plain tiny", type: "button", onclick: async () => { await fetch("/studio/logout", { method: "POST" }); location.reload(); } }, icon("key", 16), h("span", { class: "hide-small" }, t("login.out"))) : null));
  }
}

customElements.define("sb-header", Header);

/** On small screens one sees either what one writes or one's songs. */
class Nav extends HTMLElement {
  connectedCallback() {
    if (this.started) return;
    this.started = true;
    this.setAttribute("role", "navigation");
    this.setAttribute("aria-label", t("nav.title"));
    this.buttons = [["create", "pen"], ["songs", "list"]].map(([view, picture]) => h("button", { type: "button", "data-view": view, onclick: () => this.show(view) }, icon(picture, 22), h("span", {}, t(`nav.${view}`))));
    this.append(...this.buttons);
    this.show("create", false);
  }

  show(view, scroll = true) {
    document.body.dataset.view = view;
    this.buttons.forEach((button) => button.setAttribute("aria-current", button.dataset.view === view ? "page" : "false"));
    if (scroll) scrollTo(0, 0);
  }
}

customElements.define("sb-nav", Nav);
