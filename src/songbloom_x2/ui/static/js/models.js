// The model panel: what can be used, what is in memory, what was chosen for this machine and why, and licences.
import { ask } from "./api.js";
import { dialog, fill, h, icon, refill } from "./dom.js";
import { bytes, clock } from "./format.js";
import { t } from "./i18n.js";
import { get, on, set } from "./store.js";

/** Open the panel. */
export function modelPanel() {
  const models = h("div", { class: "stack" }), plan = h("div", { class: "stack" }), machine = h("div", { class: "stack" });
  const draw = () => {
    refill(models, get("models"), () => get("models").map(card));
    const about = get("machine"), workers = get("health")?.workers ?? [];
    refill(plan, about?.plan, () => about?.plan?.length ? [h("h3", { class: "sb-title" }, t("models.plan")), h("p", { class: "small soft" }, t("models.plan.note")),
      h("div", { class: "table", tabindex: "0", role: "region", "aria-label": t("models.plan") }, h("table", {}, h("tbody", {}, about.plan.map((line) => h("tr", {}, h("th", { scope: "row" }, line.name), h("td", { class: "num" }, line.value), h("td", { class: "soft" }, line.why))))))] : null);
    refill(machine, workers, () => [h("h3", { class: "sb-title" }, t("models.workers")), workers.map((worker) => h("div", { class: "row wrap small" }, h("span", { class: "chip" }, t(`worker.${worker.state}`)), h("span", {}, worker.model ?? t("models.none-loaded")), worker.memory ? h("span", { class: "soft num" }, t("models.memory", { n: bytes(worker.memory) })) : null))]);
  };
  const act = async (button, name, args) => {
    button.disabled = true;
    try { await ask(name, args); await refresh(); } catch (error) { set("toast", { text: error.message, bad: true }); }
    button.disabled = false;
  };
  const card = (model) => h("article", { class: "model card" },
    h("div", { class: "row spread wrap" }, h("div", { class: "row wrap" }, h("strong", {}, model.name), model.default ? h("span", { class: "chip accent" }, t("models.default")) : null, h("span", { class: `chip ${model.loaded ? "good" : ""}` }, t(model.loaded ? "models.loaded" : model.problem ? "models.not-here" : "models.ready"))),
      model.problem ? null : h("button", { class: "btn tiny", type: "button", onclick: (event) => act(event.currentTarget, model.loaded ? "unload_model" : "load_model", { name: model.name }) }, t(model.loaded ? "models.unload" : "models.load"))),
    h("p", { class: "small" }, model.about),
    model.problem ? h("p", { class: "note small" }, model.problem) : null,
    h("dl", { class: "facts" }, [
      [t("models.licence"), model.licence],
      model.longest_seconds ? [t("models.longest"), clock(model.longest_seconds)] : null,
      model.sample_rate ? [t("models.rate"), `${model.sample_rate / 1000} kHz`] : null,
      model.styles ? [t("models.styles"), model.styles] : null,
      model.real_time_factor ? [t("detail.rtf"), t("detail.rtf.value", { n: model.real_time_factor.toFixed(2) })] : null,
    ].filter(Boolean).map(([name, value]) => [h("dt", {}, name), h("dd", { class: "num" }, value)])));
  const ends = [on("models", draw), on("health", draw), on("machine", draw)];
  const ticking = setInterval(() => refresh().catch(() => {}), 2500);
  dialog(t("models.title"), [models, plan, machine], [], { wide: true, closeText: t("close"), onclose: () => { clearInterval(ticking); ends.forEach((end) => end()); } });
  draw();
  refresh().catch(() => {});
}

async function refresh() {
  const found = await ask("models");
  set("models", found.models);
  set("health", found.health);
  set("machine", found.machine);
}

/** A chip that says whether songs can be made now; it opens the panel. */
export function readiness() {
  const button = h("button", { class: "btn plain tiny ready", type: "button", onclick: modelPanel });
  const draw = () => {
    const health = get("health"), waiting = get("jobs").filter((job) => job.state === "queued").length;
    const loaded = get("models").some((model) => model.loaded), working = health?.workers?.some((worker) => worker.state === "working");
    const state = !get("online") ? "offline" : !health ? "starting" : health.problems.length ? "problem" : working ? "working" : loaded ? "ready" : health.ready ? "cold" : "starting";
    const kind = { ready: "good", working: "accent", cold: "good", starting: "warn", problem: "bad", offline: "bad" }[state];
    fill(button, h("span", { class: `lamp ${kind}` }), h("span", {}, t(`ready.${state === "cold" ? "ready" : state}`)), state === "cold" ? h("span", { class: "soft hide-small" }, t("ready.cold")) : null, waiting ? h("span", { class: "soft hide-small" }, t("ready.waiting", { n: waiting })) : null);
    button.title = health?.problems?.join("; ") ?? "";
  };
  on(["health", "models", "jobs", "online"], draw);
  draw();
  return button;
}
