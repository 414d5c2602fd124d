// A picture for a style or a song: petals by tempo, hue by key, turned by a name or a seed. The same thing looks the same.

function mixed(text) {
  let value = 2166136261;
  for (const char of String(text)) value = Math.imul(value ^ char.codePointAt(0), 16777619) >>> 0;
  return value;
}

/** An <svg> of a blossom. `key` is 2 * root + minor, `tempo` in beats a minute; either may be unknown. */
export function bloom({ name = "", key = null, tempo = null, size = 56 }) {
  const seed = mixed(name);
  const draw = (n) => ((seed >>> n) & 255) / 255;
  // Neighbours in the circle of fifths have neighbouring colours.
  const hue = key === null || key === undefined ? seed % 360 : (((Math.floor(key / 2) * 7) % 12) * 30 + 340) % 360;
  const minor = key !== null && key % 2 === 1;
  const petals = tempo ? Math.max(5, Math.min(12, Math.round(tempo / 15))) : 5 + (seed % 6);
  const light = minor ? 42 : 58;
  const width = 9 + 7 * draw(3), long = 26 + 8 * draw(9), turn = 360 * draw(5);
  const layers = [];
  for (const [count, scale, shift, glow] of [[petals, 1, 0, 0], [petals, 0.66, 180 / petals, 14]]) {
    for (let index = 0; index < count; index++) {
      const angle = turn + shift + (360 / count) * index;
      layers.push(`<ellipse cx="50" cy="${50 - (long * scale) / 1.25}" rx="${width * scale}" ry="${(long * scale) / 1.6}" transform="rotate(${angle.toFixed(1)} 50 50)" fill="hsl(${hue + glow} 70% ${light + glow}% / 62%)"/>`);
    }
  }
  const holder = document.createElement("template");
  holder.innerHTML = `<svg class="bloom" width="${size}" height="${size}" viewBox="0 0 100 100" preserveAspectRatio="xMidYMid slice" aria-hidden="true"><rect width="100" height="100" fill="hsl(${hue} ${minor ? 28 : 38}% ${minor ? 17 : 22}%)"/>${layers.join("")}<circle cx="50" cy="50" r="7" fill="hsl(${(hue + 50) % 360} 85% 74%)"/></svg>`;
  return holder.content.firstChild;
}
