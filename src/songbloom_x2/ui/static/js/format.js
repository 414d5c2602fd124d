// Numbers and times as people read them.
import { language, t } from "./i18n.js";

/** Seconds as 1:07. */
export function clock(seconds) {
  if (!Number.isFinite(seconds)) return "–:––";
  const whole = Math.max(0, Math.floor(seconds + 1e-6));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** A length of time in words: "12 s", "3 min". */
export function lasting(seconds) {
  if (seconds < 100) return t("time.seconds", { n: Math.max(1, Math.round(seconds)) });
  return t("time.minutes", { n: Math.round(seconds / 60) });
}

/** How long ago a moment (seconds since 1970, or ISO text) was. */
export function ago(moment) {
  const then = typeof moment === "number" ? moment * 1000 : Date.parse(moment);
  const seconds = (then - Date.now()) / 1000;
  const form = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
  for (const [unit, size] of [["day", 86400], ["hour", 3600], ["minute", 60]])
    if (Math.abs(seconds) >= size) return form.format(Math.round(seconds / size), unit);
  return form.format(Math.round(Math.min(seconds, 0)), "second");
}

/** Bytes as GB or MB. */
export const bytes = (count) => (count > 1e9 ? `${(count / 1e9).toFixed(1)} GB` : `${Math.round(count / 1e6)} MB`);

/** The notes of a key: 2 * root + minor. */
export function keyName(key) {
  if (key === null || key === undefined) return "";
  const root = ["C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B"][Math.floor(key / 2)];
  return t(key % 2 ? "key.minor" : "key.major", { root });
}
