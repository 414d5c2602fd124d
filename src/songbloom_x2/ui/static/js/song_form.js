// A window that asks how a song shall be made of another: its fields, what it takes here, and the asking.
import { ask } from "./api.js";
import { create } from "./create.js";
import { dialog, fresh, h, icon } from "./dom.js";
import { lasting } from "./format.js";
import { t } from "./i18n.js";
import { set } from "./store.js";

/** Show fields (elements); `what()` gives the kind, request and samples that they stand for. */
export function songForm(title, fields, what) {
  const wrong = h("p", { class: "note bad", role: "alert", hidden: true }), told = h("p", { class: "small soft grow", role: "status" });
  const go = h("button", { class: "btn main", type: "button", onclick: async () => {
    go.disabled = true;
    try {
      await create(what(), false);
      box.close();
      set("toast", { text: t("create.queued") });
      set("view", "songs");
    } catch (error) {
      wrong.textContent = error.message;
      wrong.hidden = false;
      go.disabled = false;
    }
  } }, icon("note", 18), t("create.go"));
  let waiting = 0, number = 0;
  const estimate = async () => {
    const mine = ++number;
    // Create says what is wrong.
    const { seconds } = await ask("estimate", what()).catch(() => ({ seconds: null }));
    if (mine === number) told.textContent = seconds ? t("create.time", { time: lasting(seconds) }) : "";
  };
  const box = dialog(title, [...fields, wrong], [told, go], { closeText: t("close") });
  box.addEventListener("input", () => { wrong.hidden = true; clearTimeout(waiting); waiting = setTimeout(estimate, 300); });
  estimate();
}

const named = (label, input, help, beside = null) => h("div", { class: "field" }, h("div", { class: "row spread" }, h("label", { for: input.id }, t(label)), beside), input, help ? h("p", { class: "help" }, t(help)) : null);

/** Lines of text. */
export function area(label, help, placeholder = "") {
  const input = h("textarea", { class: "input", id: fresh("words"), rows: 4, maxlength: 5000, placeholder });
  return { box: named(label, input, help), value: () => input.value.trim() };
}

/** A number that may be left out. */
export function number(label, help, { low, high = null } = {}) {
  const input = h("input", { class: "input num", id: fresh("number"), type: "number", inputmode: "decimal", min: low, max: high, step: "any" });
  return { box: named(label, input, help), value: () => (Number.isFinite(input.valueAsNumber) ? input.valueAsNumber : null) };
}

/** A slider; `value()` is null while it stands where it stood. `tell` writes a value for people. */
export function slider(label, help, { low, high, step, usual, tell = (value) => value }) {
  const out = h("output", { class: "num small" });
  const input = h("input", { class: "slide", id: fresh("slide"), type: "range", min: low, max: high, step, value: usual, "aria-valuetext": tell(usual), oninput: () => draw() });
  const draw = () => {
    const now = Number(input.value);
    out.textContent = tell(now);
    input.setAttribute("aria-valuetext", tell(now));
    input.style.setProperty("--fill", `${high > low ? (100 * (now - low)) / (high - low) : 0}%`);
  };
  draw();
  // The slider's own steps may not meet the value exactly.
  const first = input.value;
  return { box: named(label, input, help, out), now: () => Number(input.value), value: () => (input.value === first ? null : Number(input.value)) };
}

/** One of a few: `choices` are values with their texts. */
export function choice(label, help, choices) {
  const input = h("select", { class: "input", id: fresh("choice") }, choices.map(([value, text]) => h("option", { value }, text)));
  return { box: named(label, input, help), input, value: () => input.value };
}
