// How loud a sound is, as ITU-R BS.1770-4 measures it: K-weighting, blocks of 400 ms, two gates.

// Both filters at 48 kHz, from the recommendation's tables 1 and 2.
const SHELF = [[1.53512485958697, -2.69169618940638, 1.19839281085285], [1, -1.69065929318241, 0.73248077421585]];
const HIGH_PASS = [[1, -2, 1], [1, -1.99004745483398, 0.99007225036621]];
export const RATE = 48000;

/** Integrated loudness of an AudioBuffer at 48 kHz in LUFS; -Infinity for silence. */
export async function loudnessOf(buffer) {
  const context = new OfflineAudioContext(buffer.numberOfChannels, buffer.length, RATE);
  const source = new AudioBufferSourceNode(context, { buffer });
  source.connect(new IIRFilterNode(context, { feedforward: SHELF[0], feedback: SHELF[1] }))
    .connect(new IIRFilterNode(context, { feedforward: HIGH_PASS[0], feedback: HIGH_PASS[1] })).connect(context.destination);
  source.start();
  const weighted = await context.startRendering();
  return gated(blockPowers(Array.from({ length: weighted.numberOfChannels }, (_, n) => weighted.getChannelData(n))));
}

/** Mean squares of 400 ms every 100 ms, channels summed. */
export function blockPowers(channels) {
  const hop = RATE / 10, hops = Math.floor(channels[0].length / hop);
  const sums = new Float64Array(hops);
  for (const samples of channels) for (let n = 0; n < hops * hop; n++) sums[Math.floor(n / hop)] += samples[n] ** 2;
  return Array.from({ length: Math.max(0, hops - 3) }, (_, n) => (sums[n] + sums[n + 1] + sums[n + 2] + sums[n + 3]) / (4 * hop));
}

/** Loudness of block powers over the absolute gate and the relative one. */
export function gated(powers) {
  const level = (power) => -0.691 + 10 * Math.log10(power);
  const mean = (all) => all.reduce((sum, power) => sum + power, 0) / all.length;
  const heard = powers.filter((power) => level(power) > -70);
  if (!heard.length) return -Infinity;
  const gate = level(mean(heard)) - 10;
  return level(mean(heard.filter((power) => level(power) > gate)));
}
