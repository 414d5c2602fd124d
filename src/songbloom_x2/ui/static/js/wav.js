// A sound in the browser's memory as a WAV file, so that the server gets a format it can read whatever was recorded.

/** 16-bit WAV of seconds `from` to `to` of an AudioBuffer. */
export function wavOf(buffer, from = 0, to = buffer.duration) {
  const rate = buffer.sampleRate, channels = Math.min(buffer.numberOfChannels, 2);
  const first = Math.round(from * rate), count = Math.max(0, Math.min(buffer.length, Math.round(to * rate)) - first);
  const view = new DataView(new ArrayBuffer(44 + count * channels * 2));
  const text = (at, word) => [...word].forEach((char, index) => view.setUint8(at + index, char.charCodeAt(0)));
  text(0, "RIFF"); view.setUint32(4, 36 + count * channels * 2, true); text(8, "WAVEfmt ");
  view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, channels, true); view.setUint32(24, rate, true);
  view.setUint32(28, rate * channels * 2, true); view.setUint16(32, channels * 2, true); view.setUint16(34, 16, true);
  text(36, "data"); view.setUint32(40, count * channels * 2, true);
  const sides = Array.from({ length: channels }, (_, channel) => buffer.getChannelData(channel));
  for (let n = 0, at = 44; n < count; n++)
    for (const side of sides) { view.setInt16(at, Math.max(-1, Math.min(1, side[first + n])) * 32767, true); at += 2; }
  return new Blob([view.buffer], { type: "audio/wav" });
}

/** Peaks of an AudioBuffer: `count` pairs of lowest and highest. */
export function peaksIn(buffer, count) {
  const samples = buffer.getChannelData(0), each = samples.length / count;
  return Array.from({ length: count }, (_, index) => {
    let low = 0, high = 0;
    for (let n = Math.floor(index * each); n < Math.floor((index + 1) * each); n += 4) { low = Math.min(low, samples[n]); high = Math.max(high, samples[n]); }
    return [low, high];
  });
}
