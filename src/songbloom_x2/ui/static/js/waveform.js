// A waveform to look at, to move through and to choose a stretch of: by pointer, by touch and by keyboard.
import { fresh, h } from "./dom.js";
import { clock } from "./format.js";
import { t } from "./i18n.js";

const STEP = 1, SMALL = 0.1, SHORTEST = 0.4, NARROW = 0.09;

/**
 * `new Wave({label, onseek(seconds), selecting, onselect([from, to] | null)})`, then `show(peaks, seconds, sections)`.
 * `element` is what goes into the page. Peaks are pairs of lowest and highest, -1 to 1.
 */
export class Wave {
  constructor({ label, onseek = null, selecting = false, onselect = null }) {
    Object.assign(this, { peaks: [], seconds: 0, sections: [], at: 0, span: null, onseek, selecting, onselect });
    this.canvas = h("canvas", { "aria-hidden": "true" });
    this.range = h("div", { class: "wave-span", hidden: true });
    this.edges = [0, 1].map((side) => h("div", { class: `wave-edge ${side ? "to" : "from"}`, role: "slider", tabindex: "0", hidden: true,
      "aria-label": t(side ? "wave.to" : "wave.from"), onkeydown: (event) => this.edgeKey(event, side), onpointerdown: (event) => this.edgeDown(event, side) }));
    this.image = h("img", { class: "spectrogram", alt: "", hidden: true, draggable: "false" });
    this.scale = h("div", { class: "wave-scale", "aria-hidden": "true", hidden: true }, ["10 kHz", "1 kHz", "100 Hz"].map((mark) => h("span", {}, mark)));
    this.area = h("div", { class: "wave-area", role: onseek ? "slider" : "img", tabindex: onseek ? "0" : null, "aria-label": label, "aria-valuemin": onseek ? "0" : null }, this.image, this.scale, this.canvas, this.range);
    this.marks = h("div", { class: "wave-marks", "aria-hidden": "true" });
    this.element = h("div", { class: "wave" }, this.marks, h("div", { class: "wave-box" }, this.area, this.edges));
    this.area.addEventListener("pointerdown", (event) => this.down(event));
    this.area.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.draw()).observe(this.area);
    this.name = fresh("wave");
  }

  show(peaks, seconds, sections = []) {
    Object.assign(this, { peaks, seconds, sections });
    this.marks.replaceChildren(...sections.map((section) => h("span", { class: section.kind, title: section.name,
      style: { left: `${(100 * section.start) / seconds}%`, width: `${(100 * (section.end - section.start)) / seconds}%` } },
    // A name that would be cut says less than none.
    (section.end - section.start) / seconds < NARROW ? "" : section.name)));
    this.marks.hidden = !sections.length;
    this.area.setAttribute("aria-valuemax", seconds.toFixed(1));
    this.draw();
    this.select(this.span, true);
  }

  /** Show the spectrogram at an address behind marks, stretch and place in the sound; none: the waveform again. */
  picture(address) {
    if (address && !this.image.getAttribute("src")) this.image.src = address;
    this.image.hidden = this.scale.hidden = !address;
    this.area.classList.toggle("pictured", Boolean(address));
    this.draw();
  }

  /** Where the sound is now. */
  move(seconds) {
    if (Math.abs(seconds - this.at) * 800 < this.seconds) return;
    this.at = seconds;
    this.draw();
  }

  /** Choose a stretch, or none. */
  select(span, quiet = false) {
    this.span = span && this.seconds ? [Math.max(0, span[0]), Math.min(this.seconds, span[1])] : null;
    this.range.hidden = !this.span;
    this.edges.forEach((edge, side) => {
      edge.hidden = !this.span;
      if (!this.span) return;
      const at = this.span[side];
      edge.style.left = `${(100 * at) / this.seconds}%`;
      for (const [name, value] of [["valuemin", 0], ["valuemax", this.seconds.toFixed(1)], ["valuenow", at.toFixed(1)]]) edge.setAttribute(`aria-${name}`, value);
      edge.setAttribute("aria-valuetext", t("wave.second", { n: at.toFixed(1) }));
    });
    if (this.span) {
      this.range.style.left = `${(100 * this.span[0]) / this.seconds}%`;
      this.range.style.width = `${(100 * (this.span[1] - this.span[0])) / this.seconds}%`;
    }
    if (!quiet) this.onselect?.(this.span);
  }

  where(event) {
    const box = this.area.getBoundingClientRect();
    return Math.max(0, Math.min(1, (event.clientX - box.left) / box.width)) * this.seconds;
  }

  follow(moved, ended) {
    const stop = (event) => { removeEventListener("pointermove", moved); removeEventListener("pointerup", stop); removeEventListener("pointercancel", stop); ended?.(event); };
    addEventListener("pointermove", moved);
    addEventListener("pointerup", stop);
    addEventListener("pointercancel", stop);
  }

  down(event) {
    if (event.button || !this.seconds) return;
    const began = this.where(event), x = event.clientX;
    let dragged = false;
    this.follow((move) => {
      if (!this.selecting || (!dragged && Math.abs(move.clientX - x) < 5)) return;
      dragged = true;
      this.select([began, this.where(move)].sort((a, b) => a - b), true);
    }, () => {
      if (dragged) this.select(this.span[1] - this.span[0] < SHORTEST ? null : this.span);
      else if (this.onseek) this.onseek(began);
    });
  }

  edgeDown(event, side) {
    event.preventDefault();
    event.stopPropagation();
    this.edges[side].focus();
    this.follow((move) => this.edgeTo(side, this.where(move), true), () => this.select(this.span));
  }

  edgeTo(side, seconds, quiet = false) {
    const span = [...this.span];
    span[side] = side ? Math.max(seconds, span[0] + SHORTEST) : Math.min(seconds, span[1] - SHORTEST);
    this.select(span, quiet);
  }

  edgeKey(event, side) {
    const step = { ArrowLeft: -SMALL, ArrowRight: SMALL, ArrowDown: -STEP, ArrowUp: STEP, PageDown: -5, PageUp: 5 }[event.key];
    if (event.key === "Escape" || event.key === "Delete") { if (this.onseek) { event.preventDefault(); event.stopPropagation(); this.select(null); this.area.focus(); } return; }
    if (!step) return;
    event.preventDefault();
    this.edgeTo(side, this.span[side] + step);
  }

  key(event) {
    if (!this.onseek) return;
    const step = { ArrowLeft: -STEP, ArrowRight: STEP, PageDown: -5, PageUp: 5 }[event.key];
    if (event.key === "Home") this.onseek(0);
    else if (step) this.onseek(Math.max(0, Math.min(this.seconds, this.at + step)));
    else if (event.key === "s" && this.selecting) { this.select([this.at, Math.min(this.seconds, this.at + 4)]); this.edges[0].focus(); }
    else return;
    event.preventDefault();
  }

  draw() {
    const { width, height } = this.area.getBoundingClientRect();
    if (!width) return;
    const scale = devicePixelRatio || 1, canvas = this.canvas;
    canvas.width = width * scale;
    canvas.height = height * scale;
    const paint = canvas.getContext("2d"), style = getComputedStyle(this.area);
    paint.scale(scale, scale);
    const color = (name) => style.getPropertyValue(`--${name}`).trim();
    const bars = this.image.hidden ? Math.floor(width / 3) : 0, loudest = Math.max(0.05, ...this.peaks.map(([low, high]) => Math.max(-low, high)));
    for (let bar = 0; bar < bars && this.peaks.length; bar++) {
      const second = ((bar + 0.5) / bars) * this.seconds;
      const from = Math.floor((bar / bars) * this.peaks.length), to = Math.max(from + 1, Math.floor(((bar + 1) / bars) * this.peaks.length));
      let high = 0;
      for (let n = from; n < to; n++) high = Math.max(high, this.peaks[n][1], -this.peaks[n][0]);
      const tall = Math.max(2, (high / loudest) * (height - 6)), played = second <= this.at;
      const section = this.sections.find((one) => second >= one.start && second < one.end);
      paint.fillStyle = played ? color(section?.kind ?? "accent") : color("wave");
      paint.beginPath();
      paint.roundRect(bar * 3, (height - tall) / 2, 2, tall, 1);
      paint.fill();
    }
    if (this.onseek && this.at > 0) {
      paint.fillStyle = this.image.hidden ? color("ink") : "#fff";
      paint.fillRect((this.at / this.seconds) * width - 0.75, 0, 1.5, height);
    }
    this.area.setAttribute("aria-valuenow", this.at.toFixed(1));
    this.area.setAttribute("aria-valuetext", `${clock(this.at)} / ${clock(this.seconds)}`);
  }
}
