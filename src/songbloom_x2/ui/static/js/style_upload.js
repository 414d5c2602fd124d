// A style of one's own: a file or the microphone, the stretch that is wanted, and a name.
import { sendStyle } from "./api.js";
import { dialog, fill, fresh, h, icon } from "./dom.js";
import { clock } from "./format.js";
import { t } from "./i18n.js";
import { isPlaying, silence, toggle } from "./sound.js";
import { on, set } from "./store.js";
import { Wave } from "./waveform.js";
import { peaksIn, wavOf } from "./wav.js";

const LONGEST = 30;
const USUAL = 10;

/** Choose a file; `done(style)` once the server has it. */
export function ownStyle(done) {
  const input = h("input", { type: "file", accept: "audio/*,.wav,.flac,.mp3,.ogg,.opus", class: "sr", "aria-label": t("styles.file"), onchange: () => input.files[0] && given(input.files[0]) });
  const drop = h("div", { class: "drop", ondragover: (event) => { event.preventDefault(); drop.classList.add("over"); }, ondragleave: () => drop.classList.remove("over"),
    ondrop: (event) => { event.preventDefault(); if (event.dataTransfer.files[0]) given(event.dataTransfer.files[0]); } },
  icon("upload", 30), h("p", {}, t("styles.drop")), h("button", { class: "btn", type: "button", onclick: () => input.click() }, t("styles.choose-file")), input,
  h("p", { class: "small soft" }, t("styles.drop.note")));
  const given = (file) => { box.close(); trim(file, file.name, done); };
  const box = dialog(t("styles.upload"), [drop], [], { closeText: t("close") });
}

/** Record with the microphone; `done(style)` once the server has it. */
export async function record(done) {
  let sound;
  try {
    sound = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
  } catch (error) {
    set("toast", { text: t(error.name === "NotFoundError" ? "styles.no-microphone" : "styles.microphone-refused"), bad: true });
    return;
  }
  const parts = [], recorder = new MediaRecorder(sound), began = performance.now();
  let keep = false;
  recorder.ondataavailable = (event) => parts.push(event.data);
  recorder.onstop = () => {
    clearInterval(ticking);
    sound.getTracks().forEach((track) => track.stop());
    if (keep) trim(new Blob(parts, { type: recorder.mimeType }), "", done);
  };
  const time = h("p", { class: "record-time num", role: "timer" }, "0:00");
  const stop = () => { keep = true; box.close(); };
  const box = dialog(t("styles.record"), [h("div", { class: "drop" }, h("span", { class: "dot" }), time, h("p", { class: "soft" }, t("styles.record.note")),
    h("button", { class: "btn main", type: "button", onclick: stop }, t("styles.record.stop")))], [], { closeText: t("close"), onclose: () => recorder.state !== "inactive" && recorder.stop() });
  const ticking = setInterval(() => {
    const seconds = (performance.now() - began) / 1000;
    time.textContent = clock(seconds);
    if (seconds > LONGEST) stop();
  }, 200);
  recorder.start();
}

/** Show the sound, let the stretch be chosen, send it. What the browser cannot read goes to the server as it is. */
async function trim(file, fileName, done) {
  let buffer = null;
  try {
    const context = new OfflineAudioContext(1, 1, 48000);
    buffer = await context.decodeAudioData(await file.arrayBuffer());
  } catch { /* The server will say what is wrong with it. */ }
  const name = fresh("name"), wrong = h("p", { class: "note bad", role: "alert", hidden: true });
  const title = h("input", { class: "input", id: name, maxlength: 60, value: fileName.replace(/\.\w+$/, "").slice(0, 60) || t("styles.recording") });
  let span = buffer ? [0, Math.min(USUAL, buffer.duration)] : null, address = null;
  const told = h("span", { class: "small soft num" });
  const hear = h("button", { class: "play", type: "button", "aria-label": t("styles.hear-part"), onclick: () => {
    if (!isPlaying("clip", "trim")) { if (address) URL.revokeObjectURL(address); address = URL.createObjectURL(wavOf(buffer, ...span)); silence(); }
    toggle({ kind: "clip", id: "trim", url: address, title: title.value });
  } }, icon("play"));
  const tell = () => { told.textContent = t("styles.part", { from: span[0].toFixed(1), to: span[1].toFixed(1), n: (span[1] - span[0]).toFixed(1) }); };
  let wave = null;
  if (buffer) {
    wave = new Wave({ label: t("styles.trim"), selecting: true, onselect: (chosen) => { if (chosen) { span = [chosen[0], Math.min(chosen[1], chosen[0] + LONGEST)]; tell(); } } });
    wave.show(peaksIn(buffer, 400), buffer.duration);
    wave.select(span);
    tell();
  }
  const send = h("button", { class: "btn main", type: "button", onclick: async () => {
    send.disabled = true;
    fill(send, t("styles.sending"));
    wrong.hidden = true;
    try {
      const style = await (buffer ? sendStyle(wavOf(buffer, ...span), "style.wav", title.value.trim()) : sendStyle(file, fileName || "recording", title.value.trim()));
      box.close();
      done(style);
    } catch (error) {
      wrong.textContent = error.message;
      wrong.hidden = false;
      send.disabled = false;
      fill(send, t("styles.save"));
    }
  } }, t("styles.save"));
  const ended = on("playing", () => fill(hear, icon(isPlaying("clip", "trim") ? "pause" : "play")));
  const box = dialog(t("styles.own"), [
    buffer ? h("div", { class: "stack" }, h("p", { class: "soft small" }, t("styles.trim.note")), wave.element, h("div", { class: "row" }, hear, told)) : h("p", { class: "note warn" }, t("styles.unreadable")),
    h("div", { class: "field" }, h("label", { for: name }, t("styles.name")), title), wrong], [send],
  { closeText: t("close"), onclose: () => { ended(); if (isPlaying("clip", "trim")) silence(); } });
}
