// A mix of styles with weights, which are shares of the whole; or songs on the way from one style to another.
import { fill, fresh, h, icon } from "./dom.js";
import { t } from "./i18n.js";
import { mixName, mixText } from "./mix_text.js";
import { toggle } from "./sound.js";
import { draft, get, kept, set } from "./store.js";

const MOST = 4;
const saved = kept("mixes", []);

/** The elements of the mixer, for what is chosen now. */
export function mixer(styles, nameOf) {
  const names = styles.map((style) => style.id);
  if (names.length < 2) return [h("p", { class: "soft" }, t("styles.mix.none"))];
  const { way = false, steps = 5, parts: before = [] } = draft.mix.get() ?? {};
  const mix = { way, steps, parts: before.filter((part) => names.includes(part.style)).map((part) => ({ ...part })) };
  const unused = () => names.find((name) => !mix.parts.some((part) => part.style === name)) ?? names[0];
  if (mix.parts.length < 2) {
    const first = names.includes(draft.style.get()?.id) ? draft.style.get().id : names[0];
    mix.parts = [{ style: first, weight: 0.5 }];
    mix.parts.push({ style: unused(), weight: 0.5 });
  }
  const panel = h("div", { class: "stack" });
  const keep = () => {
    draft.mix.set({ ...mix, parts: mix.way ? mix.parts.slice(0, 2) : mix.parts });
    set("style.picked");
  };
  const modes = [false, true].map((on) => h("button", { type: "button", onclick: () => { mix.way = on; draw(); keep(); } }, t(on ? "styles.way" : "styles.mix.one")));
  const styleField = (part, index) => {
    const pick = fresh("mix");
    return [h("button", { class: "play tiny", type: "button", "data-style": part.style, "aria-label": t("styles.hear", { name: nameOf(part.style) }), onclick: () => toggle({ kind: "style", id: part.style, title: nameOf(part.style) }) }, icon("play", 16)),
      h("label", { class: "sr", for: pick }, t("styles.mix.part", { n: index + 1 })),
      h("select", { class: "input", id: pick, onchange: (event) => { part.style = event.target.value; draw(); keep(); } }, styles.map((style) => h("option", { value: style.id, selected: style.id === part.style }, nameOf(style))))];
  };
  const share = () => {
    const total = mix.parts.reduce((sum, part) => sum + part.weight, 0) || 1;
    mix.parts.forEach((part) => { part.weight = Math.max(0.01, Math.round((part.weight / total) * 100) / 100); });
  };
  const weighed = () => {
    share();
    const slides = mix.parts.map((part, index) => h("input", { class: "slide", type: "range", min: 0.05, max: 0.95, step: 0.05, value: part.weight, "aria-label": t("styles.mix.weight", { name: nameOf(part.style) }), oninput: () => {
      const rest = mix.parts.reduce((sum, other) => sum + (other === part ? 0 : other.weight), 0) || 1, left = 1 - Number(slides[index].value);
      mix.parts.forEach((other) => { other.weight = other === part ? Number(slides[index].value) : (other.weight / rest) * left; });
      tell();
      keep();
    } }));
    const shares = mix.parts.map(() => h("output", { class: "num small share" }));
    const tell = () => mix.parts.forEach((part, index) => {
      slides[index].value = part.weight;
      slides[index].style.setProperty("--fill", `${part.weight * 100}%`);
      shares[index].textContent = `${Math.round(part.weight * 100)} %`;
    });
    tell();
    const rows = mix.parts.map((part, index) => h("div", { class: "mix-part" }, styleField(part, index), slides[index], shares[index],
      mix.parts.length > 2 ? h("button", { class: "btn plain round tiny", type: "button", "aria-label": t("styles.mix.remove", { name: nameOf(part.style) }), onclick: () => { mix.parts.splice(index, 1); draw(); keep(); } }, icon("close", 14)) : h("span")));
    const add = mix.parts.length < MOST ? h("button", { class: "btn tiny", type: "button", onclick: () => { mix.parts.push({ style: unused(), weight: 1 / (mix.parts.length + 1) }); draw(); keep(); } }, icon("plus", 14), t("styles.mix.add")) : null;
    const save = h("button", { class: "btn tiny", type: "button", onclick: () => {
      saved.set([mix.parts.map((part) => ({ ...part })), ...saved.get().filter((other) => mixText(other) !== mixText(mix.parts))].slice(0, 20));
      draw();
    } }, icon("heart", 14), t("styles.mix.save"));
    return [h("p", { class: "small soft" }, t("styles.mix.note")), rows, h("div", { class: "row wrap" }, add, save), shelf()];
  };
  /** Mixes that were saved in this browser. */
  const shelf = () => (saved.get().length ? h("ul", { class: "row wrap", "aria-label": t("styles.mix.saved") }, saved.get().map((parts, index) => h("li", { class: "saved-mix" },
    h("button", { class: "btn tiny cut", type: "button", onclick: () => { mix.parts = parts.map((part) => ({ ...part })); draw(); keep(); } }, mixName(parts, nameOf)),
    h("button", { class: "btn plain round tiny", type: "button", "aria-label": t("styles.mix.forget", { name: mixName(parts, nameOf) }), onclick: () => { saved.set(saved.get().filter((_, at) => at !== index)); draw(); } }, icon("close", 12))))) : null);
  const between = () => {
    const name = fresh("steps"), out = h("output", { class: "num small" }), most = Math.max(2, get("limits").max_samples);
    mix.steps = Math.min(mix.steps, most);
    const slide = h("input", { class: "slide", id: name, type: "range", min: 2, max: most, step: 1, value: mix.steps, oninput: () => { mix.steps = Number(slide.value); tell(); keep(); } });
    const tell = () => { out.textContent = mix.steps; slide.style.setProperty("--fill", `${(100 * (mix.steps - 2)) / Math.max(1, most - 2)}%`); };
    tell();
    return [h("p", { class: "small soft" }, t("styles.way.note")), mix.parts.slice(0, 2).map((part, index) => h("div", { class: "mix-part way" }, styleField(part, index))),
      h("div", { class: "field" }, h("div", { class: "row spread" }, h("label", { for: name }, t("styles.way.steps")), out), slide, h("p", { class: "help" }, t("styles.way.steps.help")))];
  };
  const draw = () => {
    modes.forEach((button, index) => button.setAttribute("aria-pressed", String(mix.way === (index === 1))));
    const inputs = () => [...panel.querySelectorAll("button, select, input")], at = inputs().indexOf(document.activeElement);
    fill(panel, mix.way ? between() : weighed());
    if (at >= 0) inputs()[Math.min(at, inputs().length - 1)].focus();
  };
  draw();
  if (!draft.mix.get()) keep();
  return [get("kinds").includes("interpolate") ? h("div", { class: "seg", role: "group", "aria-label": t("styles.mix.kind") }, modes) : null, panel];
}
