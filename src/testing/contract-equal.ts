// Equality for contract cases, which also run where there is no test runner.

/** Throws when two values are not equal; vectors by their exact numbers, object keys in any order. */
export function equal(found: unknown, expected: unknown): void {
  const [a, b] = [canonical(found), canonical(expected)];
  if (a !== b) throw new Error(`expected ${b}, found ${a}`);
}

/** Equal texts for equal values. */
function canonical(value: unknown): string {
  if (value instanceof Float32Array) return `float32[${Array.from(value).join()}]`;
  if (value instanceof Uint8Array) return `uint8[${Array.from(value).join()}]`;
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'undefined';
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([key, field]) => `${key}:${canonical(field)}`).join()}}`;
}
