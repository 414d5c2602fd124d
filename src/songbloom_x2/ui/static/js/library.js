// Jobs under way and songs that are done: one list, the newest first, with search and favourites.
import { ask, audioOf } from "./api.js";
import { bloom } from "./bloom.js";
import { create } from "./create.js";
import { arrange, dialog, fill, fresh, h, icon, menu, menuOpen } from "./dom.js";
import { ago, clock, lasting } from "./format.js";
import { t } from "./i18n.js";
import { partsOf } from "./mix_text.js";
import { extend } from "./rework.js";
import { isPlaying, silence, toggle } from "./sound.js";
import { get, kept, on, set } from "./store.js";
import { styleName } from "./styles.js";
import { vary } from "./vary.js";

const dismissed = kept("dismissed", []);
const OPEN = ["queued", "running"];
/** Milliseconds after a menu was closed until what it held back is drawn: the press that closed it has ended where it began. */
export const AFTER_MENU = 300;

/** What to call a song or a job. */
export const titleOf = (thing) => thing.title || thing.request?.title || firstLine(thing.lyrics ?? thing.request?.lyrics) || t("song.untitled");
const firstLine = (lyrics) => (lyrics ?? "").split(/\n|\. /).map((line) => line.replace(/\[[^\]]*\]/g, "").replace(/^[\s,]+/, "").trim()).find(Boolean)?.slice(0, 48);

/** The picture of a song: its style's colours, turned by its own id. */
export function cover(style, seed, size) {
  // A mix looks like the style it has most of.
  const most = partsOf(style)?.reduce((best, part) => (part.weight > best.weight ? part : best)).style ?? style;
  const known = get("styles").find((one) => one.id === most);
  return bloom({ name: `${style ?? ""}${seed}`, key: known?.key ?? null, tempo: known?.tempo ?? null, size });
}

/** A button that plays and pauses something and shows which of both; `draw` shows a title that has changed. */
export function playButton(what, size = "") {
  const button = h("button", { class: `play ${size}`, type: "button", onclick: (event) => { event.stopPropagation(); toggle(what); } });
  const draw = () => {
    const on_ = isPlaying(what.kind, what.id);
    fill(button, icon(on_ ? "pause" : "play", 18));
    button.setAttribute("aria-label", t(on_ ? "play.pause" : "play.play", { name: what.title }));
  };
  button.draw = draw;
  draw();
  return button;
}

class Library extends HTMLElement {
  connectedCallback() {
    if (this.list) return;
    const search = fresh("search");
    this.query = h("input", { class: "input", type: "search", id: search, placeholder: t("songs.search"), oninput: () => { clearTimeout(this.waiting); this.waiting = setTimeout(() => this.load(), 250); } });
    this.loved = h("button", { class: "btn tiny", type: "button", "aria-pressed": "false", onclick: () => { this.only = !this.only; this.loved.setAttribute("aria-pressed", String(this.only)); this.loved.classList.toggle("on", this.only); this.load(); } }, icon("heart", 16), t("songs.favourites"));
    this.queue = h("ul", { class: "stack", "aria-label": t("queue.title") });
    this.list = h("ul", { class: "songs", "aria-label": t("songs.title") });
    this.more = h("button", { class: "btn", type: "button", hidden: true, onclick: () => this.load(true) }, t("songs.more"));
    this.none = h("div", { class: "empty" });
    this.append(h("div", { class: "row spread wrap library-head" }, h("h2", { class: "sb-title" }, t("songs.title")),
      h("div", { class: "row grow search" }, h("label", { class: "sr", for: search }, t("songs.search")), this.query, this.loved)),
    this.queue, this.list, this.none, this.more);
    on("jobs", () => this.drawQueue());
    on("songs", () => this.drawSongs());
    on("selected", () => this.mark());
    on("playing", () => this.querySelectorAll("button.play").forEach((button) => button.draw?.()));
    on(["songs.stale", "styles"], () => this.load());
    // What came while a menu was open.
    this.addEventListener("menuclose", () => setTimeout(() => { this.drawQueue(); this.drawSongs(); }, AFTER_MENU));
    this.load();
  }

  async load(more = false) {
    const known = get("songs"), mine = (this.number = (this.number ?? 0) + 1);
    const wanted = { search: this.query.value.trim() || null, favourite: this.only ? true : null }, name = JSON.stringify(wanted);
    try {
      const page = await ask("songs", { ...wanted, before: more ? known.at(-1)?.id ?? null : null });
      if (mine !== this.number) return;
      // The answer may be older than a title that was changed meanwhile.
      if (!more && get("songs") !== known) { this.load(); return; }
      // Older songs that were asked for before stay below the newest ones.
      const last = name === this.shown ? known.findIndex((song) => song.id === page.songs.at(-1)?.id) : -1;
      const older = page.more && last >= 0 ? known.slice(last + 1) : [];
      if (more || !older.length) this.more.hidden = !page.more;
      this.shown = name;
      set("songs", more ? [...get("songs"), ...page.songs] : [...page.songs, ...older]);
    } catch (error) {
      if (!error.offline) set("toast", { text: error.message, bad: true });
    }
  }

  drawQueue() {
    const shown = get("jobs").filter((job) => OPEN.includes(job.state) || (["failed", "cancelled"].includes(job.state) && !dismissed.get().includes(job.id) && Date.now() / 1000 - job.finished < 86400));
    const before = new Map([...this.queue.children].map((row) => [row.dataset.job, row]));
    const active = document.activeElement, focused = active?.closest?.("[data-job]")?.dataset.job;
    const rows = shown.map((job) => {
      let row = before.get(job.id);
      if (!row || OPEN.includes(row.dataset.state) !== OPEN.includes(job.state)) row = this.jobRow(job);
      row.update(job);
      return row;
    });
    if (menuOpen(this)) return;
    arrange(this.queue, rows);
    this.queue.hidden = !rows.length;
    // A row that is drawn anew keeps the keyboard where it was.
    if (focused && !document.activeElement?.closest("[data-job]")) {
      const buttons = (which) => this.queue.querySelector(`[data-job="${focused}"] ${which}`);
      (buttons(active.matches(".stop") ? ".stop" : ".listen") ?? buttons(".btn"))?.focus();
    }
  }

  jobRow(job) {
    const name = titleOf(job), style = job.request.style;
    const line = h("span", { class: "small soft num" }), bar = h("i"), chip = h("span", { class: "chip" });
    const blocks = h("div", { class: "bar blocks", role: "progressbar", "aria-label": t("queue.progress", { name }), "aria-valuemin": "0", "aria-valuemax": "100" }, bar);
    const listen = job.song_ids.map((id, index) => {
      const what = { kind: "live", id, title: name, style };
      const button = h("button", { class: "btn tiny listen", type: "button", disabled: true, onclick: () => toggle(what) });
      button.draw = () => fill(button, icon(isPlaying("live", id) ? "pause" : "play", 15), job.song_ids.length > 1 ? t("queue.take", { n: index + 1 }) : t("queue.listen"));
      button.draw();
      return button;
    });
    const open = OPEN.includes(job.state);
    const stop = h("button", { class: "btn tiny stop", type: "button", onclick: async () => {
      stop.disabled = true;
      try { await ask("cancel", { id: job.id }); } catch (error) { set("toast", { text: error.message, bad: true }); stop.disabled = false; }
    } }, icon("close", 15), t("queue.cancel"));
    const away = () => { dismissed.set([job.id, ...dismissed.get()].slice(0, 200)); this.drawQueue(); };
    const row = h("li", { class: "job card", "data-job": job.id },
      h("div", { class: "row" }, cover(style, job.song_ids[0], 52),
        h("div", { class: "grow" }, h("div", { class: "row" }, h("strong", { class: "cut" }, name), chip), line)),
      open ? blocks : null,
      job.error ? h("p", { class: "note bad" }, job.error) : null,
      h("div", { class: "row wrap" }, open ? [listen, stop] : [
        h("button", { class: "btn tiny", type: "button", onclick: () => { away(); create({ kind: job.kind, request: asked(job.kind, job.request), samples: job.samples }).catch(() => {}); } }, icon("again", 15), t("queue.again")),
        h("button", { class: "btn plain tiny", type: "button", onclick: away }, t("queue.dismiss"))]));
    row.update = (now) => {
      row.dataset.state = now.state;
      const share = now.blocks_expected ? Math.min(1, now.blocks_done / now.blocks_expected) : 0;
      chip.textContent = t(`state.${now.cancel_requested && now.state === "running" ? "cancelling" : now.state}`);
      chip.className = `chip ${{ running: "accent", failed: "bad", cancelled: "" }[now.state] ?? ""}`;
      line.textContent = now.state === "queued" ? t("queue.position", { n: (now.position ?? 0) + 1 })
        : now.state === "running" ? [now.blocks_done ? t("queue.blocks", { n: now.blocks_done, of: now.blocks_expected }) : t("queue.preparing"), now.seconds_made ? t("queue.made", { time: clock(now.seconds_made) }) : "", now.eta ? t("queue.eta", { time: lasting(now.eta) }) : ""].filter(Boolean).join(" · ")
          : now.finished ? ago(now.finished) : "";
      blocks.hidden = now.state === "queued";
      listen.forEach((button) => { button.hidden = now.state === "queued"; });
      bar.style.width = `${share * 100}%`;
      blocks.style.setProperty("--blocks", Math.max(1, now.blocks_expected));
      blocks.setAttribute("aria-valuenow", Math.round(share * 100));
      listen.forEach((button) => { button.disabled = now.seconds_made <= 0 && !isPlaying("live", now.song_ids[0]); });
      stop.disabled = now.cancel_requested;
    };
    return row;
  }

  drawSongs() {
    if (menuOpen(this)) return;
    const songs = get("songs"), before = [...this.list.children], rows = new Map(before.map((row) => [row.dataset.song, row]));
    const focused = before.findIndex((row) => row.contains(document.activeElement));
    arrange(this.list, songs.map((song) => {
      const row = rows.get(song.id) ?? this.songRow(song.id);
      row.update(song);
      return row;
    }));
    // The keyboard goes on beside a row that is gone.
    if (focused >= 0 && !this.list.contains(document.activeElement)) this.list.children[Math.min(focused, songs.length - 1)]?.querySelector(".open").focus();
    fill(this.none, songs.length ? null : this.only || this.query.value ? t("songs.none.found") : [icon("note", 34), h("p", {}, t("songs.none"))]);
    this.none.hidden = songs.length > 0;
    this.mark();
  }

  mark() {
    for (const row of this.list.children) {
      const selected = row.dataset.song === get("selected");
      row.classList.toggle("selected", selected);
      row.querySelector(".open").setAttribute("aria-current", String(selected));
    }
  }

  /** The row of a song, the same element for as long as the song is in the list; `update` writes what is known of it now. */
  songRow(id) {
    let song = null, styles = null;
    const what = { kind: "song", id }, play = playButton(what, "tiny"), art = h("div", { class: "cover" }, play);
    const name = h("strong", { class: "cut" }), about = h("span", { class: "small soft cut num" });
    const heart = h("button", { type: "button", onclick: () => favourite(song) }), more = h("button", { class: "btn plain round tiny", type: "button" }, icon("more", 18));
    const row = h("li", { class: "song", "data-song": id }, art, h("button", { class: "open grow", type: "button", onclick: () => set("selected", id) }, name, about), heart, menu(more, () => songMenu(song)));
    row.update = (now) => {
      song = now;
      Object.assign(what, { title: titleOf(song), style: song.style, seconds: song.seconds });
      if (styles !== get("styles")) arrange(art, [cover(song.style, id, 56), play]);
      styles = get("styles");
      play.draw();
      name.textContent = what.title;
      about.textContent = [clock(song.seconds), styleName(song.style), song.kind === "generate" ? "" : t(`kind.${song.kind}`), ago(song.created)].filter(Boolean).join(" · ");
      heart.className = `btn plain round tiny ${song.favourite ? "loved" : ""}`;
      heart.setAttribute("aria-pressed", String(song.favourite));
      heart.setAttribute("aria-label", t("song.favourite", { name: what.title }));
      fill(heart, icon(song.favourite ? "loved" : "heart", 18));
      more.setAttribute("aria-label", t("song.more", { name: what.title }));
    };
    return row;
  }
}

/** Kinds of songs that start from nothing. */
const NEW = ["generate", "mix", "interpolate"];

/** A stored request as it may be asked for again: only a new song names its model, the others are made by their song's. */
function asked(kind, { model, ...request }) {
  return NEW.includes(kind) ? { ...request, model } : request;
}

/** A finished song as a request for another: one of several on the way between two styles stands for itself. */
function anotherOf(song, request) {
  if (song.kind === "generate" || !NEW.includes(song.kind)) return { kind: song.kind, request: { ...asked(song.kind, request), seed: null } };
  const { first, second, steps, styles, method, spherical, ...rest } = request;
  return { kind: "generate", request: { ...rest, style: song.style, seed: null } };
}

/** What `recipe.use` takes of a song: its request with the style that it was made in. */
export const recipe = ({ song, request }) => ({ request: { ...request, style: song.style }, seed: song.seed });

/** Whether a song can be asked for again by its recipe. */
export const isNew = (song) => NEW.includes(song.kind);

/** What can be done with a song, for a menu. */
export function songMenu(song) {
  const name = titleOf(song), offers = (kind) => get("kinds").includes(kind);
  const known = (then) => ask("song", { id: song.id }).then(then).catch((error) => set("toast", { text: error.message, bad: true }));
  return [
    { head: t("song.download") },
    ...["flac", "wav", "mp3"].map((format) => ({ icon: "down", text: format.toUpperCase(), aside: t(`format.${format}`), href: audioOf(song.id, format), download: `${name}.${format}` })),
    { head: t("song.make") },
    NEW.includes(song.kind) ? { icon: "again", text: t("song.same-seed"), run: () => known((found) => set("recipe.use", recipe(found))) } : null,
    { icon: "plus", text: t("song.another"), run: () => known(({ request }) => create(anotherOf(song, request), false)) },
    offers("variations") ? { icon: "dice", text: t("rework.vary"), run: () => known(vary) } : null,
    offers("extend") ? { icon: "right", text: t("rework.extend"), run: () => extend(song, null) } : null,
    { icon: "compare", text: t("song.compare"), run: () => set("compare", song) },
    { icon: "pen", text: t("song.rename"), run: () => rename(song) },
    { icon: "trash", text: t("song.delete"), danger: true, run: () => remove(song) },
  ].filter(Boolean);
}

/** Mark as a favourite, or no longer. */
export async function favourite(song) {
  try {
    const now = await ask("favourite", { id: song.id, favourite: !song.favourite });
    changed(now);
  } catch (error) {
    set("toast", { text: error.message, bad: true });
  }
}

function changed(song) {
  set("songs", get("songs").map((one) => (one.id === song.id ? song : one)));
  if (get("selected") === song.id) set("selected", song.id);
}

/** Ask for another title. */
export function rename(song) {
  const name = fresh("rename"), input = h("input", { class: "input", id: name, maxlength: 200, value: song.title });
  const save = async (event) => {
    event.preventDefault();
    box.close();
    try { changed(await ask("rename", { id: song.id, title: input.value.trim() })); } catch (error) { set("toast", { text: error.message, bad: true }); }
  };
  const box = dialog(t("song.rename"), [h("form", { class: "stack", onsubmit: save }, h("div", { class: "field" }, h("label", { for: name }, t("create.title")), input), h("div", { class: "row" }, h("button", { class: "btn main", type: "submit" }, t("save"))))], [], { closeText: t("close") });
  input.select();
}

/** Put a song away; the message offers to bring it back. */
export async function remove(song) {
  try {
    await ask("delete", { id: song.id });
  } catch (error) {
    set("toast", { text: error.message, bad: true });
    return;
  }
  if (isPlaying("song", song.id)) silence();
  if (get("selected") === song.id) set("selected", null);
  set("songs", get("songs").filter((one) => one.id !== song.id));
  set("toast", { text: t("song.deleted", { name: titleOf(song) }), action: t("undo"), run: async () => {
    try { await ask("undelete", { id: song.id }); set("songs.stale"); } catch (error) { set("toast", { text: error.message, bad: true }); }
  } });
}

customElements.define("sb-library", Library);
