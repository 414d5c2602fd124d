// The page begins here: texts, then what the server knows, then the parts; and from then on what changes there.
import { ask, connect } from "./api.js";
import { h } from "./dom.js";
import { loadLanguage, t } from "./i18n.js";
import { partsOf } from "./mix_text.js";
import { audio, current, finished, toggle } from "./sound.js";
import { draft, get, on, set } from "./store.js";

const OPEN = ["queued", "running"];

/** Called once by the page, with Gradio's way to its Python functions. */
export async function start(server) {
  if (window.songbloom) return;
  window.songbloom = { get, audio };
  connect(server);
  const shell = await (await fetch("/studio/shell.json")).json();
  set("languages", shell.languages);
  set("signed", shell.signed);
  await loadLanguage(Object.keys(shell.languages));
  document.title = `${t("app.name")} ${t("app.edition")}`;
  const examples = await (await fetch("/studio/examples.json")).json();
  set("examples", examples.sort((a, b) => (b.language === document.documentElement.lang.slice(0, 2)) - (a.language === document.documentElement.lang.slice(0, 2))));
  const { useTheme } = await import("./header.js");
  useTheme();
  await load();
  await Promise.all(["toasts", "lyrics", "styles", "options", "create", "library", "detail", "compare", "player"].map((part) => import(`./${part}.js`)));
  listen();
  document.body.dataset.ready = "yes";
}

/** What the server knows; asked again until it answers. */
async function load() {
  for (let wait = 400; ; wait = Math.min(wait * 1.6, 5000)) {
    try {
      const state = await ask("state");
      for (const [name, value] of Object.entries(state)) set(name, value);
      set("online", true);
      return;
    } catch (error) {
      if (!error.offline) throw error;
      set("online", false);
      await new Promise((go) => setTimeout(go, wait));
    }
  }
}

/** Jobs and health as the server tells them; the browser takes the line up again after it was cut. */
function listen() {
  const source = new EventSource("/studio/events");
  source.addEventListener("jobs", (event) => taken(JSON.parse(event.data)));
  source.addEventListener("health", (event) => {
    const health = JSON.parse(event.data), loaded = JSON.stringify(health.workers.map((worker) => worker.model));
    if (loaded !== listen.loaded) ask("models").then((found) => { set("models", found.models); set("machine", found.machine); }).catch(() => {});
    listen.loaded = loaded;
    set("health", health);
  });
  source.addEventListener("open", () => { if (!get("online")) { set("online", true); set("toast", { text: t("online.again") }); set("songs.stale"); } });
  source.addEventListener("error", () => {
    if (get("online")) { set("online", false); set("toast", { text: t("online.lost"), bad: true }); }
    // A line that was refused is not taken up by itself.
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
  });
  addEventListener("pagehide", () => source.close());
}

function taken(told) {
  const before = new Map(get("jobs").map((job) => [job.id, job]));
  // What was asked for a moment ago may be missing in news that were on their way already.
  const asked = get("created"), mine = asked && Date.now() - asked.at < 10000 ? before.get(asked.id) : null;
  const jobs = mine && !told.some((job) => job.id === mine.id) ? [mine, ...told] : told;
  set("jobs", jobs);
  let stale = false;
  for (const job of jobs) {
    const old = before.get(job.id);
    if (job.songs.length !== (old?.songs.length ?? (OPEN.includes(job.state) ? 0 : job.songs.length))) stale = true;
    if (old && old.state !== job.state && job.state === "failed") set("toast", { text: job.error ?? t("state.failed"), bad: true });
    for (const id of job.songs) if (!old?.songs.includes(id)) finished(id);
    if (wanted && job.song_ids.includes(wanted) && (job.seconds_made > 0.4 || job.songs.includes(wanted))) hear(job);
  }
  if (stale) set("songs.stale");
}

/** The song that shall play as soon as there is something to hear. */
let wanted = null;
on("listen", (id) => { wanted = current() && !audio.paused ? null : id; });

function hear(job) {
  const id = wanted;
  wanted = null;
  toggle({ kind: job.songs.includes(id) ? "song" : "live", id, title: job.request.title || job.request.lyrics.replace(/\[[^\]]*\]/g, " ").trim().split(/[.\n]/)[0].slice(0, 48) || t("song.untitled"), style: job.request.style });
}

on("view", (view) => document.querySelector("sb-nav")?.show(view));
on("recipe.use", ({ request, seed }) => {
  set("lyrics", request.lyrics);
  draft.title.set(request.title ?? "");
  const { sampling, machine, duration, preset, model, instrumental, bpm, key } = request;
  const chosen = { ...sampling, ...machine, seed };
  for (const [name, value] of Object.entries({ duration, preset, model, instrumental, bpm, key })) if (value) chosen[name] = value;
  draft.options.set(chosen);
  const { style } = request, parts = partsOf(style);
  draft.mix.set(parts ? { parts } : null);
  draft.style.set(!style || parts ? null : get("styles").some((one) => one.id === style) ? { id: style } : { words: style });
  for (const name of ["options.set", "options.changed", "style.changed", "title.set"]) set(name);
  set("view", "create");
  set("toast", { text: t("song.recipe-taken") });
});
