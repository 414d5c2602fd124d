// A/B: two takes in step at equal loudness; switching changes only which of both is heard.
import { ask, audioOf, peaksOf } from "./api.js";
import { dialog, fill, fresh, h, icon } from "./dom.js";
import { clock } from "./format.js";
import { t } from "./i18n.js";
import { titleOf } from "./library.js";
import { loudnessOf, RATE } from "./loudness.js";
import { audio } from "./sound.js";
import { get, on, set } from "./store.js";
import { Wave } from "./waveform.js";

/** Plays two sounds in step. */
class Pair {
  constructor() {
    this.context = new AudioContext({ sampleRate: RATE });
    this.sides = [null, null];
    this.wanted = [null, null];
    this.heard = 0;
    this.at = 0;
    this.running = false;
  }

  async load(side, song) {
    this.wanted[side] = song.id;
    const reply = await fetch(audioOf(song.id, "flac"));
    if (!reply.ok) throw new Error(t("error.status", { n: reply.status }));
    const buffer = await this.context.decodeAudioData(await reply.arrayBuffer());
    const gain = new GainNode(this.context, { gain: 0 }), loudness = await loudnessOf(buffer);
    // Another song may have been chosen for this side meanwhile.
    if (this.wanted[side] !== song.id) return;
    gain.connect(this.context.destination);
    this.sides[side]?.source?.disconnect();
    this.sides[side] = { song, buffer, gain, loudness, source: null };
    this.level();
    if (this.running) { this.pause(); this.play(); }
  }

  /** The louder one comes down to the quieter: nothing can clip. */
  level() {
    const both = this.sides.filter(Boolean), target = Math.min(...both.map((side) => side.loudness));
    for (const side of both) side.factor = Number.isFinite(target) ? 10 ** ((target - side.loudness) / 20) : 1;
    this.hear(this.heard);
  }

  hear(which) {
    this.heard = which;
    this.sides.forEach((side, index) => side?.gain.gain.setTargetAtTime(index === which ? side.factor : 0, this.context.currentTime, 0.008));
  }

  get length() { return Math.max(0, ...this.sides.filter(Boolean).map((side) => side.buffer.duration)); }

  get position() { return this.running ? Math.min(this.length, this.context.currentTime - this.began) : this.at; }

  play() {
    if (this.at >= this.length - 0.05) this.at = 0;
    this.context.resume();
    const when = this.context.currentTime + 0.03;
    this.began = when - this.at;
    for (const side of this.sides.filter(Boolean)) {
      side.source = new AudioBufferSourceNode(this.context, { buffer: side.buffer });
      side.source.connect(side.gain);
      if (this.at < side.buffer.duration) side.source.start(when, this.at);
    }
    this.running = true;
  }

  pause() {
    this.at = this.position;
    for (const side of this.sides) { side?.source?.disconnect(); if (side) side.source = null; }
    this.running = false;
  }

  seek(seconds) {
    const running = this.running;
    if (running) this.pause();
    this.at = seconds;
    if (running) this.play();
  }

  close() { this.context.close(); }
}

/** Open the comparison with a song as A; B is the other take of its job, else the next song. */
export async function compare(song) {
  audio.pause();
  const page = await ask("songs", {}).catch(() => ({ songs: get("songs") }));
  const songs = page.songs.some((one) => one.id === song.id) ? page.songs : [song, ...page.songs];
  if (songs.length < 2) { set("toast", { text: t("compare.one") }); return; }
  const other = songs.find((one) => one.id !== song.id && one.job === song.job) ?? songs.find((one) => one.id !== song.id && titleOf(one) === titleOf(song)) ?? songs.find((one) => one.id !== song.id);
  const pair = new Pair(), chosen = [song, other], letters = ["A", "B"];
  const told = [0, 1].map(() => h("span", { class: "small soft num" }));
  const waves = letters.map((letter) => new Wave({ label: t("compare.wave", { letter }), onseek: (seconds) => { pair.seek(seconds); draw(); } }));
  const switches = letters.map((letter, side) => h("button", { type: "button", class: "ab", onclick: () => { pair.hear(side); draw(); } }, letter));
  const play = h("button", { class: "play big", type: "button", disabled: true, onclick: () => { if (pair.running) pair.pause(); else pair.play(); draw(); } }, icon("play", 24));
  const time = h("span", { class: "num soft" });
  const sides = letters.map((letter, side) => {
    const name = fresh("side");
    const pick = h("select", { class: "input", id: name, onchange: () => load(side, songs.find((one) => one.id === pick.value)) }, songs.map((one) => h("option", { value: one.id, selected: one.id === chosen[side].id }, `${titleOf(one)} · ${t("song.seed")} ${one.seed} · ${clock(one.seconds)}`)));
    return h("div", { class: "compare-side" }, h("div", { class: "row" }, h("label", { class: "letter", for: name }, letter), pick), waves[side].element, told[side]);
  });
  async function load(side, one) {
    chosen[side] = one;
    told[side].textContent = t("compare.loading");
    try {
      const [peaks] = await Promise.all([peaksOf(one.id), pair.load(side, one)]);
      if (chosen[side] === one) waves[side].show(peaks, one.seconds);
    } catch (error) {
      told[side].textContent = error.message;
      return;
    }
    draw();
  }
  function draw() {
    play.disabled = !pair.sides.every(Boolean);
    fill(play, icon(pair.running ? "pause" : "play", 24));
    play.setAttribute("aria-label", t(pair.running ? "play.pause" : "play.play", { name: "A / B" }));
    switches.forEach((button, side) => button.setAttribute("aria-pressed", String(pair.heard === side)));
    sides.forEach((box, side) => box.classList.toggle("heard", pair.heard === side));
    pair.sides.forEach((side, index) => {
      if (side) told[index].textContent = t("compare.level", { lufs: side.loudness.toFixed(1), gain: (20 * Math.log10(side.factor)).toFixed(1) });
    });
  }
  let ticking = 0;
  const tick = () => {
    time.textContent = `${clock(pair.position)} / ${clock(pair.length)}`;
    waves.forEach((wave) => wave.move(pair.position));
    if (pair.running && pair.position >= pair.length) { pair.pause(); pair.at = 0; draw(); }
    ticking = requestAnimationFrame(tick);
  };
  const box = dialog(t("compare.title"), [h("p", { class: "soft small" }, t("compare.note")), ...sides,
    h("div", { class: "compare-foot" }, play, time, h("div", { class: "abs", role: "group", "aria-label": t("compare.heard") }, switches))], [], { wide: true, closeText: t("close"), onclose: () => { cancelAnimationFrame(ticking); pair.pause(); pair.close(); } });
  box.addEventListener("keydown", (event) => {
    if (event.target.matches("select, input")) return;
    const key = event.key.toLowerCase();
    if (key === "a" || key === "b") { pair.hear(key === "a" ? 0 : 1); draw(); }
    if (key === "x") { pair.hear(1 - pair.heard); draw(); }
  });
  box.pair = pair;
  tick();
  await Promise.all([load(0, chosen[0]), load(1, chosen[1])]);
}

on("compare", (song) => compare(song));
