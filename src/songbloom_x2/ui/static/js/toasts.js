// Short messages at the foot of the page; one with an action (undo) stays longer.
import { h } from "./dom.js";
import { t } from "./i18n.js";
import { on } from "./store.js";

class Toasts extends HTMLElement {
  connectedCallback() {
    this.setAttribute("role", "status");
    this.setAttribute("aria-live", "polite");
    this.end = on("toast", (toast) => this.show(toast));
  }

  disconnectedCallback() {
    this.end?.();
  }

  show({ text, action, run, bad }) {
    const box = h("div", { class: `toast ${bad ? "bad" : ""}` }, h("span", {}, text),
      action ? h("button", { type: "button", onclick: () => { box.remove(); run(); } }, action) : null,
      h("button", { type: "button", "aria-label": t("close"), onclick: () => box.remove() }, "×"));
    this.append(box);
    while (this.children.length > 3) this.firstChild.remove();
    setTimeout(() => box.remove(), action || bad ? 12000 : 5000);
  }
}

customElements.define("sb-toasts", Toasts);
