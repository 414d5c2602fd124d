// Another take of a song: what stays, what is drawn anew, and how freely.
import { h } from "./dom.js";
import { clock } from "./format.js";
import { t } from "./i18n.js";
import { partsOf } from "./mix_text.js";
import { choice, slider, songForm } from "./song_form.js";
import { get } from "./store.js";

/** Ask how a song shall be varied; `found` is what the server tells of it. */
export function vary({ song, manifest }) {
  const block = get("models").find((model) => model.name === song.model)?.block_seconds ?? 1;
  const blocks = Math.floor(song.seconds / block), sampling = manifest.sampling ?? {};
  const takes = slider("option.samples", "option.samples.help", { low: 1, high: get("limits").max_samples, step: 1, usual: 1 });
  const keep = choice("vary.keep", "vary.keep.help", ["nothing", "sketch", ...(blocks > 1 ? ["start"] : [])].map((what) => [what, t(`vary.keep.${what}`)]));
  const start = slider("vary.start", null, { low: 1, high: Math.max(1, blocks - 1), step: 1, usual: Math.max(1, Math.round(blocks / 2)), tell: (count) => t("vary.start.value", { time: clock(count * block) }) });
  const seed = choice("option.seed", "vary.seed.help", [["new", t("vary.seed.new")], ["own", t("vary.seed.own", { seed: song.seed })]]);
  const free = slider("option.temperature", "option.temperature.help", { low: 0, high: 2, step: 0.05, usual: sampling.temperature ?? 0.9 });
  const guided = slider("option.cfg_diff", "option.cfg_diff.help", { low: 0, high: 5, step: 0.05, usual: sampling.cfg_diff ?? 1.5 });
  // A mix has weights of its own to change; a song without a style has nothing to strengthen.
  const strength = manifest.style && !partsOf(song.style) ? slider("vary.strength", "vary.strength.help", { low: 0, high: 2, step: 0.05, usual: 1 }) : null;
  const same = h("p", { class: "note warn", hidden: true }, t("vary.same"));
  const shown = () => {
    start.box.hidden = keep.value() !== "start";
    free.box.hidden = keep.value() === "sketch";
    same.hidden = seed.value() === "new" || keep.value() === "start" || takes.now() > 1 || [free, guided, strength].some((one) => one && !one.box.hidden && one.value() !== null);
  };
  const fields = h("div", { class: "stack wide-gap", oninput: shown }, keep.box, start.box, seed.box, same, strength?.box, free.box, guided.box, takes.box);
  shown();
  songForm(t("rework.vary"), [fields], () => ({
    kind: "variations",
    samples: takes.now(),
    request: {
      song: song.id, seed: seed.value() === "own" ? song.seed : null, temperature: free.box.hidden ? null : free.value(), guidance: guided.value(), style_strength: strength?.value() ?? null,
      keep_sketch: keep.value() === "sketch", keep_blocks: keep.value() === "start" ? start.now() : 0,
    },
  }));
}
