// Building the page's elements. Text is always text: nothing that a user or a model wrote is read as HTML.

/** An element: `h("button", {class: "btn", onclick: f, "aria-label": "…"}, child, …)`. Null children are left out. */
export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    // Gradio's style sheet draws every [type=button] its own way; outside of a form the word changes nothing else.
    if (tag === "button" && name === "type" && value === "button") continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style" && typeof value === "object") for (const [key, one] of Object.entries(value)) element.style.setProperty(key, one);
    else if (["value", "checked", "disabled", "selected", "muted", "htmlFor"].includes(name)) element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const SHAPES = {
  play: '<path d="M8 5.2v13.6a.8.8 0 0 0 1.2.7l10.6-6.8a.8.8 0 0 0 0-1.4L9.200 4.500A.8.8 0 0 0 8 5.200z" fill="currentColor" stroke="none"/>',
  pause: '<path d="M7 5h3.500v14H7zM13.500 5H17v14h-3.500z" fill="currentColor" stroke="none"/>',
  close: '<path d="m6 6 12 12M18 6 6 18"/>',
  heart: '<path d="M12 20s-7.500-4.600-7.500-10.200A4.300 4.300 0 0 1 12 7.200a4.300 4.300 0 0 1 7.500 2.600C19.500 15.400 12 20 12 20z"/>',
  loved: '<path d="M12 20s-7.500-4.600-7.500-10.200A4.300 4.300 0 0 1 12 7.200a4.300 4.300 0 0 1 7.500 2.600C19.500 15.400 12 20 12 20z" fill="currentColor"/>',
  down: '<path d="M12 4v11m0 0 4.500-4.500M12 15l-4.500-4.500M5 19.500h14"/>',
  more: '<circle cx="5.500" cy="12" r="1.600" fill="currentColor" stroke="none"/><circle cx="12" cy="12" r="1.600" fill="currentColor" stroke="none"/><circle cx="18.500" cy="12" r="1.600" fill="currentColor" stroke="none"/>',
  trash: '<path d="M5 7h14M10 7V4.500h4V7m3 0-.8 12.500H7.800L7 7m3.500 3.500v5.500m3-5.500v5.500"/>',
  again: '<path d="M5 12a7 7 0 0 1 12-5l2 2m0-4.500V9h-4.500M19 12a7 7 0 0 1-12 5l-2-2m0 4.500V15h4.500"/>',
  wand: '<path d="m5 19 9.500-9.500M13 5.500l.5-2M17.500 8l2-.8M16.500 12.500l1.500 1.500M10.500 6 9 4.500M14.500 9.500l2-2"/>',
  search: '<circle cx="11" cy="11" r="6"/><path d="m19.500 19.500-4-4"/>',
  mic: '<rect x="9" y="3.500" width="6" height="11" rx="3"/><path d="M5.500 11.500a6.500 6.500 0 0 0 13 0M12 18v3"/>',
  upload: '<path d="M12 15.500V5m0 0L7.500 9.500M12 5l4.500 4.500M5 19.500h14"/>',
  moon: '<path d="M19.500 14.500A8 8 0 0 1 9.500 4.500a8 8 0 1 0 10 10z"/>',
  sun: '<circle cx="12" cy="12" r="4"/><path d="M12 3v2m0 14v2m9-9h-2M5 12H3m15.400-6.400L17 7M7 17l-1.400 1.400m12.800 0L17 17M7 7 5.600 5.600"/>',
  back: '<path d="M19 12H5m0 0 6-6m-6 6 6 6"/>',
  right: '<path d="M4 12h15m-5.500-5.500L19 12l-5.500 5.500"/>',
  left: '<path d="m14.500 5-7 7 7 7"/>',
  chip: '<rect x="7" y="7" width="10" height="10" rx="2"/><path d="M10 7V3.500M14 7V3.500M10 20.500V17m4 3.500V17M7 10H3.500M7 14H3.500M20.500 10H17m3.500 4H17"/>',
  globe: '<circle cx="12" cy="12" r="8.500"/><path d="M3.500 12h17M12 3.500c5 5 5 12 0 17-5-5-5-12 0-17z"/>',
  compare: '<path d="M8 4v16M8 4 4.500 8M8 4l3.500 4M16 20V4m0 16-3.500-4m3.500 4 3.500-4"/>',
  note: '<path d="M9 18.500V6l10-2v12.500"/><circle cx="6.800" cy="18.500" r="2.300"/><circle cx="16.800" cy="16.500" r="2.300"/>',
  plus: '<path d="M12 5v14M5 12h14"/>',
  pen: '<path d="m5 19 1-4L16.500 4.500l3 3L9 18z"/>',
  brush: '<path d="M13.500 12.500 20 4l-8.500 6.500m-.500 0 2.500 2.500c.8 3.500-2.500 6.500-8.500 6 2-1.500 1.500-3 2-5 .4-1.800 2.400-3.200 4-3.500z"/>',
  list: '<path d="M9 6.500h11M9 12h11M9 17.500h11M4.500 6.500h.1M4.500 12h.1M4.500 17.500h.1" />',
  key: '<circle cx="8" cy="15.500" r="4"/><path d="m11 12.500 8.500-8.500m-3 3 2.500 2.500"/>',
  dice: '<rect x="4.500" y="4.500" width="15" height="15" rx="3"/><path d="M9 9h.1M15 9h.1M12 12h.1M9 15h.1M15 15h.1" stroke-width="2.400"/>',
  book: '<path d="M12 6.500C10 5 7.500 4.500 4.500 4.500v13c3 0 5.500.5 7.500 2 2-1.500 4.500-2 7.500-2v-13c-3 0-5.500.5-7.500 2zm0 0v13"/>',
};

/** One of the page's own line drawings, hidden from screen readers. */
export function icon(name, size = 20) {
  const holder = document.createElement("template");
  holder.innerHTML = `<svg width="${size}" height="${size}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${SHAPES[name]}</svg>`;
  return holder.content.firstChild;
}

/** Replace what an element holds. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/**
 * Replace what an element holds by `children()` where `from`, the plain values that it shows, has changed since the last
 * time. The keyboard stays at its place.
 */
export function refill(element, from, children) {
  const now = JSON.stringify(from);
  if (element.from === now) return;
  element.from = now;
  const reached = () => [...element.querySelectorAll("button, input, select")], at = reached().indexOf(document.activeElement);
  fill(element, children());
  if (at >= 0) reached()[Math.min(at, reached().length - 1)]?.focus();
}

/** Make rows the children of an element, in their order. Those that are there already stay in the page. */
export function arrange(element, rows) {
  const wanted = new Set(rows);
  for (const child of [...element.children]) if (!wanted.has(child)) child.remove();
  rows.forEach((row, index) => { if (element.children[index] !== row) element.insertBefore(row, element.children[index] ?? null); });
}

/** An id that no other element has. */
let last = 0;
export const fresh = (stem) => `${stem}-${++last}`;

/**
 * A button with a list that opens under it; `entries` is called when it opens. Escape and leaving it close it, which a
 * "menuclose" event tells.
 */
export function menu(button, entries, place = "") {
  const list = h("div", { class: `list ${place}`, role: "menu", hidden: true });
  const box = h("div", { class: "menu" }, button, list);
  button.setAttribute("aria-haspopup", "menu");
  const show = (open, back = true) => {
    if (open === !list.hidden) return;
    button.setAttribute("aria-expanded", String(open));
    list.hidden = !open;
    if (open) {
      fill(list, entries().map((entry) => item(entry, () => show(false))));
      list.querySelector("[role=menuitem]")?.focus();
      list.classList.remove("up");
      const edge = list.getBoundingClientRect();
      if (edge.bottom > innerHeight - 8 && button.getBoundingClientRect().top > edge.height + 70) list.classList.add("up");
      else list.scrollIntoView({ block: "nearest" });
      if (edge.left < 4) list.classList.add("left");
      if (edge.right > innerWidth - 4) list.classList.remove("left");
    } else {
      if (back) button.focus();
      box.dispatchEvent(new Event("menuclose", { bubbles: true }));
    }
  };
  button.setAttribute("aria-expanded", "false");
  button.addEventListener("click", (event) => { event.stopPropagation(); show(list.hidden); });
  box.addEventListener("keydown", (event) => {
    const items = [...list.querySelectorAll("[role=menuitem]")];
    const at = items.indexOf(document.activeElement);
    if (event.key === "Escape" && !list.hidden) { event.stopPropagation(); show(false); }
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) show(true);
      else items[(at + (event.key === "ArrowDown" ? 1 : items.length - 1)) % items.length]?.focus();
    }
  });
  box.addEventListener("focusout", (event) => { if (!box.contains(event.relatedTarget)) show(false, false); });
  list.addEventListener("pointerdown", (event) => event.preventDefault());
  return box;
}

/** Whether a menu inside an element is open: what it belongs to must not be drawn anew or move under the pointer. */
export const menuOpen = (element) => Boolean(element.querySelector(".menu > .list:not([hidden])"));

function item(entry, done) {
  if (entry.head) return h("div", { class: "head", role: "presentation" }, entry.head);
  const props = { class: `item ${entry.danger ? "danger" : ""}`, role: "menuitem", tabindex: "-1" };
  const inner = [entry.icon ? icon(entry.icon, 18) : null, h("span", { class: "grow" }, entry.text), entry.aside ? h("span", { class: "soft small" }, entry.aside) : null];
  if (entry.href) return h("a", { ...props, href: entry.href, download: entry.download ?? "", onclick: done }, ...inner);
  return h("button", { ...props, type: "button", onclick: () => { done(); entry.run(); } }, ...inner);
}

/** A modal window; gives its <dialog>. `body` and `foot` are lists of elements; closing removes it. */
export function dialog(title, body, foot = [], { wide = false, closeText = "×", onclose = null } = {}) {
  const name = fresh("dialog");
  const shut = () => box.close();
  const box = h("dialog", { class: `sb-layer ${wide ? "wide" : ""}`, "aria-labelledby": name },
    h("div", { class: "dialog-head" }, h("h2", { class: "sb-title", id: name }, title),
      h("button", { class: "btn plain round", type: "button", "aria-label": closeText, onclick: shut }, icon("close"))),
    h("div", { class: "dialog-body" }, ...body),
    foot.length ? h("div", { class: "dialog-foot" }, ...foot) : null);
  box.addEventListener("close", () => { box.remove(); onclose?.(); });
  box.addEventListener("pointerdown", (event) => { if (event.target === box) shut(); });
  document.body.append(box);
  box.showModal();
  return box;
}
