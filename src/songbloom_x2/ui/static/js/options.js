// Simple and Custom: every option with a line of help; what differs from the default is marked and can be put back.
import { fill, fresh, h, icon } from "./dom.js";
import { keyName } from "./format.js";
import { has, t } from "./i18n.js";
import { draft, get, on, set } from "./store.js";

/** What is known of the model that is chosen. */
const aboutModel = (chosen) => get("models").find((model) => model.name === (chosen.model ?? null)) ?? get("models").find((model) => model.default);

/** The default of an option: the preset's value for the chosen model, else the model's, else the program's. */
export function defaultOf(option, chosen) {
  if (option.name === "model") return get("models").find((model) => model.default)?.name;
  const about = aboutModel(chosen);
  if (option.name !== "preset" && option.sampling) {
    const preset = get("options")?.presets[about?.kind ?? "embedded"]?.[chosen.preset ?? ""] ?? {};
    if (option.name in preset) return preset[option.name];
    if (about?.sampling && option.name in about.sampling) return about.sampling[option.name];
  }
  return option.default;
}

/** The options that the chosen model knows. */
const fieldsOf = (chosen) => (get("options")?.fields ?? []).filter((option) => !option.told || aboutModel(chosen)?.told_tempo);

/** What of the chosen options goes into a request, and what beside it. */
export function requestOf(chosen) {
  const request = { sampling: {}, machine: {} }, beside = {};
  for (const option of fieldsOf(chosen)) {
    const value = chosen[option.name];
    if (value === undefined || value === null || value === defaultOf(option, chosen)) continue;
    if (option.sampling) request.sampling[option.name] = value;
    else if (option.machine) request.machine[option.name] = value;
    else if (option.beside) beside[option.name] = value;
    else request[option.name] = value;
  }
  return { request, ...beside };
}

/** Keys as requests name them, in the order of `keyName`. */
const KEYS = ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"].flatMap((root) => [`${root} major`, `${root} minor`]);

/** A value as people read it. */
function shown(option, value) {
  if (option.kind === "key") return keyName(KEYS.indexOf(value));
  if (option.kind === "switch") return t(value ? "option.on" : "option.off");
  const name = `option.${option.name}.${value}`;
  return has(name) ? t(name) : value;
}

class Options extends HTMLElement {
  connectedCallback() {
    if (this.body) return;
    this.classList.add("card", "stack");
    this.modes = ["simple", "custom"].map((mode) => h("button", { type: "button", onclick: () => { draft.mode.set(mode); this.draw(); } }, t(`options.${mode}`)));
    this.body = h("div", { class: "options" });
    this.changed = h("div", { class: "row wrap", role: "status" });
    this.append(h("div", { class: "row spread wrap" }, h("h2", { class: "sb-title" }, t("options.title")), h("div", { class: "seg", role: "group", "aria-label": t("options.mode") }, this.modes)),
      this.body, this.changed);
    on(["options", "models"], () => {
      // That a model was loaded changes nothing here: what one is just setting stays as it is.
      const told = JSON.stringify([get("options"), get("models").map((model) => [model.name, model.default, model.kind, model.sampling, model.told_tempo, model.problem])]);
      if (told !== this.told) { this.told = told; this.draw(); }
    });
    on(["options.changed", "style.picked", "style.changed"], () => this.drawMarks());
    on("options.set", () => this.draw());
    this.draw();
  }

  draw() {
    const custom = draft.mode.get() === "custom";
    const fields = fieldsOf(draft.options.get());
    const focused = [...this.parts ?? []].find(([, { box }]) => box.contains(document.activeElement))?.[0];
    this.modes.forEach((button, index) => button.setAttribute("aria-pressed", String(custom === (index === 1))));
    this.parts = new Map();
    const shown = fields.filter((option) => option.name !== "instrumental" && (custom || option.simple));
    const groups = [...new Set(shown.map((option) => option.group))];
    fill(this.body, groups.map((group) => h("fieldset", { class: "option-group" }, custom ? h("legend", {}, t(`group.${group}`)) : null,
      shown.filter((option) => option.group === group).map((option) => this.field(option)))));
    this.parts.get(focused)?.box.querySelector("input, select").focus();
    this.drawMarks();
  }

  set(option, value) {
    const chosen = { ...draft.options.get() };
    if (value === undefined || value === defaultOf(option, chosen)) delete chosen[option.name];
    else chosen[option.name] = value;
    draft.options.set(chosen);
    set("options.changed");
    if (option.name === "preset" || option.name === "model") this.draw();
  }

  field(option) {
    const name = fresh("option"), help = fresh("help"), chosen = draft.options.get(), usual = defaultOf(option, chosen);
    const value = chosen[option.name] ?? usual, words = t(`option.${option.name}`);
    const shared = { id: name, "aria-describedby": help };
    let input, show = (now) => { input.value = now ?? ""; };
    if (option.kind === "switch") {
      input = h("input", { ...shared, class: "check-box", type: "checkbox", role: "switch", checked: Boolean(value), onchange: () => this.set(option, input.checked) });
      show = (now) => { input.checked = Boolean(now); };
    } else if (["choice", "key"].includes(option.kind)) {
      const choices = option.name === "model" ? get("models").map((model) => model.name) : option.kind === "key" ? KEYS : option.choices;
      input = h("select", { ...shared, class: "input", onchange: () => this.set(option, input.value === "" ? undefined : input.value) },
        option.optional ? h("option", { value: "" }, t(`option.${option.name}.none`)) : null,
        choices.map((choice) => h("option", { value: choice, selected: choice === value, disabled: option.name === "model" && Boolean(get("models").find((model) => model.name === choice)?.problem) }, shown(option, choice))));
    } else if (option.kind === "slider") {
      const number = h("output", { class: "num", for: name });
      input = h("input", { ...shared, class: "slide", type: "range", min: option.low, max: option.high, step: option.step, value, oninput: () => { told(Number(input.value)); this.set(option, Number(input.value)); } });
      const told = (now) => { number.textContent = now; input.style.setProperty("--fill", `${(100 * (now - option.low)) / (option.high - option.low)}%`); };
      show = (now) => { input.value = now; told(Number(now)); };
      told(Number(value));
      input = Object.assign(input, { number });
    } else {
      input = h("input", { ...shared, class: "input num", type: "number", inputmode: "decimal", min: option.low, max: option.high, step: option.step ?? "any", value: value ?? "", placeholder: t(has(`option.${option.name}.none`) ? `option.${option.name}.none` : "option.none"),
        oninput: () => this.set(option, input.value === "" || !Number.isFinite(input.valueAsNumber) ? undefined : input.valueAsNumber) });
    }
    const back = h("button", { class: "btn plain tiny back", type: "button", hidden: true, "aria-label": t("options.reset", { name: words }), title: t("options.reset", { name: words }), onclick: () => { this.set(option, undefined); show(defaultOf(option, draft.options.get())); input.focus(); } }, icon("again", 14), t("options.default"));
    const box = h("div", { class: `field option ${option.kind}` },
      h("div", { class: "row spread" }, h("label", { for: name }, words), input.number ?? null, back),
      option.kind === "switch" ? h("label", { class: "check", for: name }, input, h("span", { class: "help", id: help }, t(`option.${option.name}.help`))) : input,
      option.kind === "switch" ? null : h("p", { class: "help", id: help }, t(`option.${option.name}.help`)));
    this.parts.set(option.name, { box, back, option });
    return box;
  }

  drawMarks() {
    const chosen = draft.options.get(), fields = fieldsOf(chosen);
    const changed = fields.filter((option) => option.name !== "instrumental" && chosen[option.name] !== undefined && chosen[option.name] !== defaultOf(option, chosen));
    for (const { box, back, option } of this.parts?.values() ?? []) {
      const differs = changed.includes(option);
      box.classList.toggle("differs", differs);
      back.hidden = !differs;
      // On the way between two styles, the styles say how many songs there are.
      if (option.name === "samples") box.hidden = Boolean(draft.mix.get()?.way);
    }
    fill(this.changed, changed.length ? [h("span", { class: "small soft" }, t("options.changed")), changed.map((option) => h("span", { class: "chip accent" }, `${t(`option.${option.name}`)}: ${shown(option, chosen[option.name])}`)),
      h("button", { class: "btn plain tiny", type: "button", onclick: () => { const { instrumental } = chosen; draft.options.set(instrumental ? { instrumental } : {}); set("options.changed"); this.draw(); } }, t("options.reset-all"))] : null);
  }
}

customElements.define("sb-options", Options);
