// What the page knows, in one place; parts of the page are told when a piece of it changes.

const state = { jobs: [], songs: [], styles: [], models: [], health: null, limits: {}, options: null, online: true };
const listeners = new Map();

/** The value of a piece. */
export const get = (name) => state[name];

/** Set a piece and tell who listens. */
export function set(name, value) {
  state[name] = value;
  for (const listener of [...(listeners.get(name) ?? [])]) listener(value);
}

/** Call `listener(value)` now and at every change of the pieces; gives a function that ends it. */
export function on(names, listener) {
  const all = [names].flat();
  for (const name of all) listeners.set(name, (listeners.get(name) ?? new Set()).add(listener));
  return () => all.forEach((name) => listeners.get(name).delete(listener));
}

/** What the user wrote and chose lives through a reload: a value in the browser's own storage. */
export function kept(name, otherwise) {
  const key = `sb.${name}`;
  let value = otherwise;
  try { value = JSON.parse(localStorage.getItem(key)) ?? otherwise; } catch { /* Written by hand, or by an older page. */ }
  return {
    get: () => value,
    set: (now) => { value = now; localStorage.setItem(key, JSON.stringify(now)); },
  };
}

/** The draft of the next song. */
export const draft = {
  lyrics: kept("lyrics", ""), title: kept("title", ""), style: kept("style", null), mix: kept("mix", null),
  options: kept("options", {}), mode: kept("mode", "simple"),
};
