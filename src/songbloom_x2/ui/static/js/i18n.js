// The interface in a language: a language is a JSON file in languages/, the texts by name.

let texts = {};
let spare = {};
export let language = "en";

/** Load the texts of the language that was chosen before, else of the browser's, else English. */
export async function loadLanguage(names) {
  const wished = localStorage.getItem("sb.language") ?? navigator.language.slice(0, 2);
  language = names.includes(wished) ? wished : "en";
  const load = async (name) => (await fetch(`/studio/languages/${name}.json`)).json();
  spare = await load("en");
  texts = language === "en" ? spare : await load(language);
  document.documentElement.lang = texts["language.tag"];
}

/** The text of a name, with `{n}` and the like filled in. */
export function t(name, values = {}) {
  const text = texts[name] ?? spare[name] ?? name;
  return text.replace(/\{(\w+)\}/g, (whole, key) => (key in values ? String(values[key]) : whole));
}

/** Whether there is a text of that name. */
export const has = (name) => name in texts || name in spare;

/** Choose another language: the page is drawn anew; lyrics and settings are kept. */
export function chooseLanguage(name) {
  localStorage.setItem("sb.language", name);
  location.reload();
}
