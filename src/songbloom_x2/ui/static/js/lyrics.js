// Where lyrics are written: sections to insert, findings and lengths as one types, examples, and cleaning up.
import { ask } from "./api.js";
import { diffLines } from "./diff.js";
import { dialog, fill, fresh, h, icon, menu } from "./dom.js";
import { lasting } from "./format.js";
import { t } from "./i18n.js";
import { draft, get, on, set } from "./store.js";

const TAGS = ["intro", "verse", "chorus", "bridge", "inst", "outro"];
const PAUSE = 350;

/** Kinds of section by colour; what the model knows as other instruments looks like those. */
export const kindOf = (tag) => (["verse", "chorus", "bridge"].includes(tag) ? tag : "other");

/** The name of a section's tag in the interface's language. */
export const sectionName = (tag) => t(TAGS.includes(tag) ? `section.${tag}` : "section.none");

class Lyrics extends HTMLElement {
  connectedCallback() {
    if (this.text) return;
    const label = fresh("lyrics"), found = fresh("findings"), title = fresh("title");
    this.name = h("input", { class: "input", id: title, maxlength: 200, value: draft.title.get(), placeholder: t("create.title.example"), oninput: () => draft.title.set(this.name.value) });
    this.text = h("textarea", {
      class: "input", id: label, rows: 12, spellcheck: "true", value: draft.lyrics.get(), maxlength: 20000,
      placeholder: t("lyrics.placeholder"), "aria-describedby": found, oninput: () => this.typed(),
    });
    this.shape = h("div", { class: "shape" });
    this.total = h("span", { class: "small soft num" });
    this.findings = h("ul", { class: "findings", id: found, "aria-label": t("lyrics.findings") });
    this.sum = h("p", { class: "sr", role: "status" });
    const words = (instrumental) => h("button", { type: "button", onclick: () => this.instrumental(instrumental) },
      t(instrumental ? "lyrics.instrumental" : "lyrics.words"));
    this.kinds = [words(false), words(true)];
    this.writing = h("div", { class: "stack" },
      h("div", { class: "row wrap tags", role: "group", "aria-label": t("lyrics.insert") },
        TAGS.map((tag) => h("button", { class: `btn tiny tag-${kindOf(tag)}`, type: "button", onclick: () => this.insert(tag), "aria-label": t("lyrics.insert.one", { section: sectionName(tag) }) },
          sectionName(tag)))),
      this.text, this.shape,
      h("div", { class: "row spread wrap" }, this.total,
        h("div", { class: "row" },
          menu(h("button", { class: "btn plain tiny", type: "button" }, icon("book", 16), t("lyrics.examples")), () => this.examples()),
          h("button", { class: "btn plain tiny", type: "button", onclick: () => this.clean() }, icon("brush", 16), t("lyrics.clean")))),
      this.findings, this.sum);
    this.quiet = h("p", { class: "note", hidden: true }, t("lyrics.instrumental.note"));
    this.classList.add("card", "stack");
    this.append(
      h("div", { class: "row spread wrap" }, h("h2", { class: "sb-title" }, h("label", { for: label }, t("lyrics.title"))),
        h("div", { class: "seg", role: "group", "aria-label": t("lyrics.kind") }, this.kinds)),
      h("div", { class: "title-row" }, h("label", { for: title, class: "small" }, t("create.title")), this.name), this.writing, this.quiet);
    on("options.changed", () => this.drawKind());
    on("title.set", () => { this.name.value = draft.title.get(); });
    on("lyrics", (text) => this.replace(text));
    this.drawKind();
    this.grow();
    this.check();
  }

  drawKind() {
    const quiet = Boolean(draft.options.get().instrumental);
    this.kinds.forEach((button, index) => button.setAttribute("aria-pressed", String(quiet === (index === 1))));
    this.writing.hidden = quiet;
    this.quiet.hidden = !quiet;
  }

  instrumental(quiet) {
    draft.options.set({ ...draft.options.get(), instrumental: quiet });
    set("options.changed");
    if (!quiet) this.check();
  }

  grow() {
    this.text.style.height = "auto";
    this.text.style.height = `${Math.min(Math.max(this.text.scrollHeight + 2, 200), Math.max(innerHeight * 0.42, 260))}px`;
  }

  typed() {
    draft.lyrics.set(this.text.value);
    this.grow();
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.check(), PAUSE);
  }

  replace(text) {
    this.text.value = text;
    this.typed();
  }

  /** Put a section's tag on a line of its own where the cursor is; undo takes it back. */
  insert(tag) {
    const { value, selectionStart: start } = this.text;
    const before = value.slice(0, start), lead = before === "" ? "" : before.endsWith("\n\n") ? "" : before.endsWith("\n") ? "\n" : "\n\n";
    this.text.focus();
    const put = `${lead}[${tag}]\n`;
    if (!document.execCommand("insertText", false, put)) this.text.setRangeText(put, start, this.text.selectionEnd, "end");
    this.typed();
  }

  examples() {
    return get("examples").flatMap((group) => [
      { head: group.name },
      ...group.examples.map((example) => ({ text: example.title, aside: example.kind, run: () => this.take(example.lyrics) })),
    ]);
  }

  take(text) {
    const before = this.text.value;
    this.replace(text);
    this.text.focus();
    if (before.trim() && before !== text) set("toast", { text: t("lyrics.replaced"), action: t("undo"), run: () => this.replace(before) });
  }

  async check() {
    const text = this.text.value, mine = (this.number = (this.number ?? 0) + 1);
    const { duration, model } = draft.options.get();
    if (!text.trim()) return this.draw(null);
    try {
      const report = await ask("check_lyrics", { text, model: model ?? null, duration: duration ?? null });
      if (mine === this.number) this.draw(report);
    } catch (error) {
      if (mine === this.number && !error.offline)
        this.draw({ sections: [], estimated_seconds: null, findings: [{ severity: "error", line: 1, column: 1, message: error.message }] });
    }
  }

  draw(report) {
    const sections = report?.sections ?? [], seconds = report?.estimated_seconds ?? 0;
    set("lyrics.seconds", seconds);
    this.total.textContent = seconds ? t("lyrics.length", { length: lasting(seconds) }) : "";
    fill(this.shape, sections.map((section) => {
      const name = sectionName(section.tag.replace(/[[\]]/g, ""));
      return h("button", { type: "button", class: `part ${kindOf(section.tag.replace(/[[\]]/g, ""))}`, style: { "flex-grow": Math.max(section.seconds, seconds / 20).toFixed(2) },
        title: `${name}: ${lasting(section.seconds)}`, onclick: () => this.go(section.line, 1) },
      h("span", { class: section.seconds < seconds / 11 ? "sr" : "cut" }, name), h("span", { class: "num" }, Math.round(section.seconds), h("span", { class: "sr" }, " s")));
    }));
    const findings = report?.findings ?? [];
    const remarks = new Map();
    for (const finding of findings) {
      const key = `${finding.severity} ${finding.message}`;
      remarks.set(key, [...(remarks.get(key) ?? []), finding]);
    }
    fill(this.findings, [...remarks.values()].slice(0, 40).map((same) => this.remark(same)));
    this.sum.textContent = findings.length ? t("lyrics.found", { n: findings.length }) : "";
  }

  /** The same remark on one or several lines, made once; each click leads to the next of them. */
  remark(same) {
    const { severity, message } = same[0], lines = [...new Set(same.map((one) => one.line))];
    let next = 0;
    return h("li", {}, h("button", { type: "button", class: `finding ${severity}`, onclick: () => { const { line, column } = same[next++ % same.length]; this.go(line, column); } },
      h("span", { class: "num where" }, t(lines.length > 1 ? "lyrics.lines" : "lyrics.line", { n: lines.length > 6 ? `${lines.slice(0, 5).join(", ")} …` : lines.join(", ") })),
      h("span", { class: "sr" }, t(`severity.${severity}`)), h("span", {}, message)));
  }

  go(line, column) {
    const lines = this.text.value.split("\n");
    const start = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
    this.text.focus();
    this.text.setSelectionRange(start + Math.max(column - 1, 0), start + (lines[line - 1]?.length ?? 0));
    this.text.scrollTop = Math.max(0, (line - 3) * 25);
  }

  async clean() {
    if (this.cleaning) return;
    this.cleaning = true;
    let before, after;
    try {
      // What was written while the answer was on its way is not thrown away: it is asked for anew.
      do {
        before = this.text.value;
        if (!before.trim()) return;
        after = (await ask("clean_lyrics", { text: before, model: draft.options.get().model ?? null })).text;
      } while (this.text.value !== before);
    } catch (error) {
      set("toast", { text: error.message, bad: true });
      return;
    } finally {
      this.cleaning = false;
    }
    const changes = diffLines(before.trimEnd(), after.trimEnd());
    if (changes.every((change) => change.kind === "same")) {
      set("toast", { text: t("lyrics.clean.nothing") });
      return;
    }
    const marks = { same: " ", gone: "−", new: "+" };
    const rows = changes.map((change) => h("div", { class: `line ${change.kind}` }, h("span", { "aria-hidden": "true" }, marks[change.kind]),
      change.kind === "same" ? null : h("span", { class: "sr" }, t(`diff.${change.kind}`)), h("span", {}, change.text || " ")));
    const box = dialog(t("lyrics.clean.title"), [h("p", { class: "soft" }, t("lyrics.clean.note")), h("div", { class: "diff", tabindex: "0", role: "region", "aria-label": t("lyrics.clean.title") }, rows)], [
      h("button", { class: "btn", type: "button", onclick: () => box.close() }, t("lyrics.clean.keep")),
      h("button", { class: "btn main", type: "button", onclick: () => { box.close(); this.take(after); } }, t("lyrics.clean.use")),
    ], { closeText: t("close") });
  }
}

customElements.define("sb-lyrics", Lyrics);
