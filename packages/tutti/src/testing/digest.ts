/** Folds a plain value into 32 bits, so that two runs whose messages differ have different traces. */
export function digestOf(value: unknown): number {
  return fold(0x811c9dc5, value, 0);
}

/** Deeper parts do not count; no message of the cluster's own is that deep. */
const DEPTH_MAX = 24;

function fold(seed: number, value: unknown, depth: number): number {
  if (typeof value === 'number') return foldNumber(seed, value);
  if (typeof value === 'string') return foldText(seed, value);
  if (typeof value === 'object' && value !== null && depth <= DEPTH_MAX)
    return foldObject(seed, value, depth);
  return foldText(seed, String(value));
}

function foldNumber(seed: number, value: number): number {
  const whole = Math.trunc(value);
  const low = Math.imul(seed ^ (whole | 0), 0x01000193);
  return Math.imul(low ^ ((value - whole) * 0x7fffffff) ^ (whole / 2 ** 32), 0x85ebca6b);
}

function foldText(seed: number, text: string): number {
  let hash = Math.imul(seed ^ text.length, 0x01000193);
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash;
}

function foldObject(seed: number, value: object, depth: number): number {
  let hash = seed;
  if (ArrayBuffer.isView(value)) {
    const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
    return hash;
  }
  if (Array.isArray(value)) {
    for (const item of value) hash = fold(hash, item, depth + 1);
    return Math.imul(hash ^ value.length, 0x01000193);
  }
  for (const [key, item] of Object.entries(value)) hash = fold(foldText(hash, key), item, depth + 1);
  return hash;
}
