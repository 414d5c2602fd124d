// The button: what it will take here, and the asking.
import { ask } from "./api.js";
import { fill, h, icon } from "./dom.js";
import { clock, lasting } from "./format.js";
import { t } from "./i18n.js";
import { requestOf } from "./options.js";
import { draft, get, kept, on, set } from "./store.js";
import { mixText } from "./mix_text.js";

const along = kept("along", true);

/** The style as a request names it. */
function styleOf() {
  const mix = draft.mix.get(), style = draft.style.get();
  return mix ? mixText(mix.parts) : style?.words ?? style?.id ?? null;
}

/** The song that the page would ask for now. */
export function asked() {
  const { request, ...beside } = requestOf(draft.options.get()), mix = draft.mix.get();
  const quiet = Boolean(draft.options.get().instrumental);
  const song = { ...request, lyrics: quiet ? "" : draft.lyrics.get(), title: draft.title.get().trim() || null };
  if (mix?.way) return { kind: "interpolate", request: { ...song, first: mix.parts[0].style, second: mix.parts[1].style, steps: mix.steps } };
  return { kind: "generate", request: { ...song, style: styleOf() }, ...beside };
}

/** Ask for a song; gives the job. Throws where it was refused, which is said at the foot of the page unless `aloud` is false. */
export async function create(what, aloud = true) {
  try {
    const job = await ask("create", what);
    set("jobs", [job, ...get("jobs").filter((one) => one.id !== job.id)]);
    set("created", { id: job.id, at: Date.now() });
    if (along.get()) set("listen", job.song_ids[0]);
    return job;
  } catch (error) {
    if (aloud) set("toast", { text: error.message, bad: true });
    throw error;
  }
}

class Create extends HTMLElement {
  connectedCallback() {
    if (this.button) return;
    this.classList.add("card", "stack");
    this.button = h("button", { class: "btn main create", type: "button", onclick: () => this.go() }, icon("note"), t("create.go"));
    this.told = h("p", { class: "small soft told", role: "status" });
    this.wrong = h("p", { class: "note bad", role: "alert", hidden: true });
    const listening = h("input", { class: "check-box", type: "checkbox", role: "switch", checked: along.get(), onchange: () => along.set(listening.checked) });
    this.append(this.wrong, this.button, h("div", { class: "row spread" }, this.told, h("label", { class: "check small" }, listening, h("span", {}, t("create.along")))));
    on(["lyrics.seconds", "options.changed", "options.set", "style.picked", "models", "health", "online"], () => this.estimateSoon());
    addEventListener("keydown", (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !document.querySelector("dialog[open]")) this.go(); });
    this.estimateSoon();
  }

  estimateSoon() {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.estimate(), 300);
  }

  async estimate() {
    const what = asked(), mine = (this.number = (this.number ?? 0) + 1);
    if (!what.request.lyrics.trim() && !what.request.instrumental) { this.tell([t("create.write")]); return; }
    try {
      const { seconds } = await ask("estimate", what);
      if (mine !== this.number) return;
      const length = this.length(what.request);
      const many = what.samples ?? what.request.steps ?? 1;
      this.tell([seconds === null || seconds === undefined ? t("create.unknown", { length: clock(length) })
        : t(many > 1 ? "create.takes.many" : "create.takes", { n: many, length: clock(length), time: lasting(seconds) })]);
    } catch (error) {
      if (mine === this.number) this.tell([error.offline ? "" : error.message]);
    }
  }

  /** How long the song is likely to be. */
  length({ instrumental, duration }) {
    if (instrumental) return duration ?? get("instrumental_seconds");
    return Math.min(get("lyrics.seconds") ?? 0, duration ?? Infinity);
  }

  tell(words) {
    if (this.told.textContent !== words.join("")) fill(this.told, words);
  }

  async go() {
    const what = asked();
    this.wrong.hidden = true;
    if (!what.request.lyrics.trim() && !what.request.instrumental) {
      this.wrong.textContent = t("create.no-words");
      this.wrong.hidden = false;
      document.querySelector("sb-lyrics textarea")?.focus();
      return;
    }
    this.button.disabled = true;
    try {
      await create(what, false);
      set("toast", { text: t("create.queued") });
      set("view", "songs");
    } catch (error) {
      this.wrong.textContent = error.message;
      this.wrong.hidden = false;
    } finally {
      this.button.disabled = false;
    }
  }
}

customElements.define("sb-create", Create);
