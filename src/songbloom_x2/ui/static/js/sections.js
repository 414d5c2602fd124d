// Where the sections of a song are, from its lines and the times of their words.

/** Where each section begins and ends in a song of so many seconds: {tag, start, end}. Empty where no times are known. */
export function sectionsOf(lines, seconds) {
  const sections = [];
  for (const line of lines) {
    if (line.section) sections.push({ tag: line.section });
    else if (line.words.length) {
      if (!sections.length) sections.push({ tag: "" });
      const last = sections.at(-1);
      last.start ??= line.words[0].start;
      last.end = line.words.at(-1).end;
    }
  }
  if (!sections.some((section) => section.start !== undefined)) return [];
  const marks = [];
  let at = 0;
  for (let n = 0; n < sections.length;) {
    const { tag, start, end } = sections[n];
    if (start === undefined) {
      // Music between words: sections without any share what is free.
      let after = n;
      while (after < sections.length && sections[after].start === undefined) after++;
      const to = after < sections.length ? sections[after].start : seconds, each = (to - at) / (after - n);
      for (; n < after; n++, at += each) marks.push({ tag: sections[n].tag, start: at, end: at + each });
    } else {
      const next = sections[n + 1], to = !next ? seconds : next.start ?? end;
      marks.push({ tag, start: at, end: to });
      at = to;
      n++;
    }
  }
  return marks.filter((mark) => mark.end - mark.start > 0.3);
}
