// What has changed between two texts, line by line.

/** Changes in order: {kind: "same" | "gone" | "new", text}. The longest common lines stay. */
export function diffLines(before, after) {
  const a = before.split("\n"), b = after.split("\n");
  const common = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      common[i][j] = a[i] === b[j] ? common[i + 1][j + 1] + 1 : Math.max(common[i + 1][j], common[i][j + 1]);
  const changes = [];
  let i = 0, j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) changes.push({ kind: "same", text: a[i++] }), j++;
    else if (j >= b.length || (i < a.length && common[i + 1][j] >= common[i][j + 1])) changes.push({ kind: "gone", text: a[i++] });
    else changes.push({ kind: "new", text: b[j++] });
  }
  return changes;
}
