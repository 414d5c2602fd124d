// Short messages at the foot of the page; one with an action (undo) stays longer, and any for as long as one is at it.
import { h } from "./dom.js";
import { t } from "./i18n.js";
import { on } from "./store.js";

const SHORT = 5000, BAD = 12000, ACTION = 30000;

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
    let going = 0;
    const go = () => { clearTimeout(going); going = setTimeout(() => box.remove(), action ? ACTION : bad ? BAD : SHORT); };
    for (const name of ["pointerenter", "focusin"]) box.addEventListener(name, () => clearTimeout(going));
    for (const name of ["pointerleave", "focusout"]) box.addEventListener(name, go);
    go();
  }
}

customElements.define("sb-toasts", Toasts);
