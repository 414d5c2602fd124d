// Everything that is heard goes through one <audio>: whatever starts playing stops what played before.
import { audioOf, streamOf, styleSound } from "./api.js";
import { get, set } from "./store.js";

export const audio = new Audio();
audio.preload = "auto";
audio.id = "sb-sound";

/** What is in the player: {kind: "song" | "live" | "style" | "clip", id, title, seconds}; none at first. */
let playing = null;

const tell = () => set("playing", playing);
for (const name of ["play", "pause", "ended", "waiting", "playing", "loadedmetadata", "error"]) audio.addEventListener(name, tell);

export const current = () => playing;
export const isPlaying = (kind, id) => playing?.kind === kind && playing.id === id && !audio.paused;

/** Play something, or pause it where it plays already. `from`: second to start at. */
export function toggle(what, from = null) {
  if (playing && playing.kind === what.kind && playing.id === what.id) {
    if (from !== null) audio.currentTime = from;
    if (audio.paused || from !== null) audio.play().catch(() => {});
    else audio.pause();
    return;
  }
  playing = what;
  audio.src = { song: () => audioOf(what.id), live: () => streamOf(what.id), style: () => styleSound(what.id), clip: () => what.url }[what.kind]();
  if (from) audio.addEventListener("loadedmetadata", () => { audio.currentTime = from; }, { once: true });
  audio.play().catch(() => {});
  tell();
}

/** A song that was heard while it was made is finished: from now on it is the finished one, at the same place. */
export function finished(id, seconds) {
  if (playing?.kind !== "live" || playing.id !== id) return;
  const { currentTime, paused } = audio;
  playing = { ...playing, kind: "song", seconds };
  audio.src = audioOf(id);
  audio.addEventListener("loadedmetadata", () => { audio.currentTime = Math.min(currentTime, audio.duration - 0.05); if (!paused) audio.play().catch(() => {}); }, { once: true });
  audio.load();
  tell();
}

/** Nothing is in the player any more. */
export function silence() {
  audio.pause();
  playing = null;
  tell();
}

/** The length of what plays: known for a song, growing while it is made. */
export function length() {
  if (playing?.kind === "live") return get("jobs").find((job) => job.song_ids.includes(playing.id))?.seconds_made ?? 0;
  return Number.isFinite(audio.duration) ? audio.duration : playing?.seconds ?? 0;
}
