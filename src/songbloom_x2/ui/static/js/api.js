// The way to the server: one function for what the page asks of it, and the addresses of sounds and pictures.
import { t } from "./i18n.js";

let server = null;

/** What the server refused, in its own words; `offline` where it did not answer at all. */
export class Refusal extends Error {
  constructor(message, offline = false) {
    super(message);
    this.offline = offline;
  }
}

/** Use Gradio's way to the Python functions of the page. */
export const connect = (through) => { server = through; };

/** Ask the page's Python side for something by name. Throws a Refusal whose message is for people. */
export async function ask(name, args = {}) {
  let reply;
  try {
    reply = await server.ask({ name, args });
  } catch {
    throw new Refusal(t("error.offline"), true);
  }
  if (reply === null || typeof reply !== "object") throw new Refusal(t("error.offline"), true);
  if (reply.error) throw new Refusal(reply.error);
  return reply.value;
}

/** Send a sound as a new style; gives its record. */
export async function sendStyle(blob, file, name) {
  const form = new FormData();
  form.append("file", blob, file);
  form.append("name", name);
  let reply;
  try {
    reply = await fetch("/v1/styles", { method: "POST", body: form });
  } catch {
    throw new Refusal(t("error.offline"), true);
  }
  const told = await reply.json().catch(() => ({}));
  if (!reply.ok) throw new Refusal(told.detail ?? t("error.status", { n: reply.status }));
  return told;
}

const at = (id) => `/v1/songs/${encodeURIComponent(id)}`;
export const audioOf = (id, format = "flac") => `${at(id)}/audio?format=${format}`;
export const streamOf = (id) => `${at(id)}/stream`;
export const spectrogramOf = (id) => `${at(id)}/spectrogram.png`;
export const manifestOf = (id) => `${at(id)}/manifest`;
export const styleSound = (id) => `/studio/styles/${encodeURIComponent(id)}/sound`;

/** The peaks of a finished song: pairs of lowest and highest, from -1 to 1. */
export async function peaksOf(id) {
  const reply = await fetch(`${at(id)}/peaks`);
  if (!reply.ok) throw new Refusal(t("error.status", { n: reply.status }));
  const { low, high } = await reply.json();
  return low.map((value, index) => [value, high[index]]);
}
