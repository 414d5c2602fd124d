// A mix of styles: two to four, each with a weight; the weights are shares of the whole.
import { fill, fresh, h, icon } from "./dom.js";
import { t } from "./i18n.js";
import { draft, set } from "./store.js";

const MOST = 4;

/** The request's form of a mix: "soul-cora:0.7 pop-edie:0.3". */
export const mixText = (mix) => mix.parts.map((part) => `${part.style}:${part.weight.toFixed(2)}`).join(" ");

/** The elements of the mixer. */
export function mixer(styles, nameOf) {
  const names = styles.map((style) => style.id);
  if (names.length < 2) return [h("p", { class: "soft" }, t("styles.mix.none"))];
  let parts = draft.mix.get()?.parts.filter((part) => names.includes(part.style)) ?? [];
  if (parts.length < 2) parts = [{ style: draft.style.get()?.id ?? names[0], weight: 0.5 }].concat({ style: names.find((name) => name !== (draft.style.get()?.id ?? names[0])), weight: 0.5 });
  const rows = h("div", { class: "stack" });
  const keep = () => {
    draft.mix.set({ parts });
    set("style.picked");
    rows.closest("sb-styles")?.drawPicked();
  };
  const draw = () => {
    const total = parts.reduce((sum, part) => sum + part.weight, 0) || 1;
    parts.forEach((part) => { part.weight = Math.round((part.weight / total) * 100) / 100; });
    fill(rows, parts.map((part, index) => {
      const pick = fresh("mix"), share = h("output", { class: "num small share" }, `${Math.round(part.weight * 100)} %`);
      const slide = h("input", { class: "slide", type: "range", min: 0.05, max: 0.95, step: 0.05, value: part.weight, "aria-label": t("styles.mix.weight", { name: nameOf(part.style) }),
        style: { "--fill": `${part.weight * 100}%` }, oninput: () => {
          const rest = parts.reduce((sum, other) => sum + (other === part ? 0 : other.weight), 0) || 1, left = 1 - Number(slide.value);
          parts.forEach((other) => { other.weight = other === part ? Number(slide.value) : (other.weight / rest) * left; });
          [...rows.querySelectorAll("input.slide")].forEach((one, at) => { one.value = parts[at].weight; one.style.setProperty("--fill", `${parts[at].weight * 100}%`); });
          [...rows.querySelectorAll("output")].forEach((one, at) => { one.textContent = `${Math.round(parts[at].weight * 100)} %`; });
          keep();
        } });
      return h("div", { class: "mix-part" },
        h("label", { class: "sr", for: pick }, t("styles.mix.part", { n: index + 1 })),
        h("select", { class: "input", id: pick, onchange: (event) => { part.style = event.target.value; draw(); keep(); } }, styles.map((style) => h("option", { value: style.id, selected: style.id === part.style }, nameOf(style)))),
        slide, share,
        parts.length > 2 ? h("button", { class: "btn plain round tiny", type: "button", "aria-label": t("styles.mix.remove", { name: nameOf(part.style) }), onclick: () => { parts.splice(index, 1); draw(); keep(); } }, icon("close", 14)) : h("span"));
    }));
    add.hidden = parts.length >= MOST;
  };
  const add = h("button", { class: "btn tiny", type: "button", onclick: () => {
    parts.push({ style: names.find((name) => !parts.some((part) => part.style === name)) ?? names[0], weight: 1 / (parts.length + 1) });
    draw();
    keep();
  } }, icon("plus", 14), t("styles.mix.add"));
  draw();
  const use = h("button", { class: "btn tiny", type: "button", onclick: () => { keep(); set("toast", { text: t("styles.mix.used") }); } }, t("styles.mix.use"));
  return [h("p", { class: "small soft" }, t("styles.mix.note")), rows, h("div", { class: "row wrap" }, add, draft.mix.get() ? null : use)];
}
