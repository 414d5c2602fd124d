// A mix of styles as requests name it ("soul-cora:0.7 pop-edie:0.3"), and as people read it.

/** The request's form of the parts of a mix: [{style, weight}]. */
export const mixText = (parts) => parts.map((part) => `${part.style}:${part.weight.toFixed(2)}`).join(" ");

/** The parts of a mix that is written as a request names it; null for what is none. */
export function partsOf(text) {
  const parts = [...(text ?? "").matchAll(/(\S.*?):(\d+(?:\.\d+)?(?:e-?\d+)?)(?=\s|$)/g)].map(([, style, weight]) => ({ style, weight: Number(weight) }));
  const total = parts.reduce((sum, part) => sum + part.weight, 0);
  return parts.length < 2 || total <= 0 ? null : parts.map((part) => ({ ...part, weight: part.weight / total }));
}

/** The parts for people: "Soul · Cora 70 % + Pop · Edie 30 %". `nameOf` names one style. */
export const mixName = (parts, nameOf) => parts.map((part) => `${nameOf(part.style)} ${Math.round(part.weight * 100)} %`).join(" + ");
