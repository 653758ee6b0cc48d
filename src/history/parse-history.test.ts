import { expect, test } from 'vitest';
import { PersonaPlugError } from '../lib/errors.ts';
import { contentId } from './content-id.ts';
import { exportHistory } from './export-history.ts';
import { importLimits, parseHistory } from './parse-history.ts';

const line = (fields: Record<string, unknown> = {}): string =>
  JSON.stringify({ task: 'notes', input: 'in', output: 'out', ...fields });

/** A unit vector `[384]`. */
const unit = (seed: number): Float32Array<ArrayBuffer> => {
  const raw = Array.from({ length: 384 }, (_, index) => Math.sin(index * seed + 1));
  const norm = Math.hypot(...raw);
  return Float32Array.from(raw, (value) => value / norm);
};

const encode = (numbers: number[]): string => Buffer.from(Float32Array.from(numbers).buffer).toString('base64');

async function faultOf(text: string): Promise<PersonaPlugError> {
  try {
    await parseHistory(text);
  } catch (error) {
    if (PersonaPlugError.isInstance(error) && error.code === 'invalid-import') return error;
    throw error;
  }
  throw new Error('it was read');
}

test('reads lines with a byte order mark, CRLF, lone CR and blank lines', async () => {
  const text = `\uFEFF${line({ id: 'a' })}\r\n\r\n  \n${line({ id: 'b', date: '2024-02-29' })}\r${line({ id: 'c', date: null })}\n`;
  const parsed = await parseHistory(text);
  expect(parsed.map((entry) => [entry.item.id, entry.item.date, entry.line])).toEqual([
    ['a', null, 1],
    ['b', '2024-02-29', 4],
    ['c', null, 5],
  ]);
});

test('an item without an id gets the SHA-256 of its content', async () => {
  const [entry] = await parseHistory(line({ date: '2024-01-01' }));
  expect(entry?.item.id).toBe(await contentId({ task: 'notes', date: '2024-01-01', input: 'in', output: 'out' }));
  expect(entry?.item.id).toMatch(/^[0-9a-f]{64}$/u);
});

test('content ids distinguish the fields', async () => {
  const base = { task: 'notes', date: null, input: 'a', output: 'bc' };
  const ids = await Promise.all([
    contentId(base),
    contentId({ ...base, input: 'ab', output: 'c' }),
    contentId({ ...base, date: '2024-01-01' }),
    contentId({ ...base, task: 'note' }),
  ]);
  expect(new Set(ids).size).toBe(4);
  // Must never change: stored and exported histories contain these ids.
  expect(ids[0]).toBe('a13b6a94bf8bbbea2bf1dca3ecca4328bcf1258ed079e1fa8a548015975a4ba4');
});

test('a repeated line counts once', async () => {
  expect(await parseHistory(`${line()}\n${line()}`)).toHaveLength(1);
});

test.each([
  ['', null, /item/u],
  ['\n \n', null, /item/u],
  [`${line()}\n{"task"`, 2, /JSON/u],
  ['[]', 1, /JSON object/u],
  ['null', 1, /JSON object/u],
  ['{"task":"notes","input":"x"}', 1, /"output"/u],
  [line({ input: 3 }), 1, /"input"/u],
  [line({ task: ' ' }), 1, /"task"/u],
  [line({ date: '2023-02-29' }), 1, /"date".*YYYY-MM-DD/u],
  [line({ date: 20_240_101 }), 1, /"date"/u],
  [line({ id: '' }), 1, /"id"/u],
  [line({ id: 'x'.repeat(300) }), 1, /300 characters/u],
  [line({ input: 'x'.repeat(100_001) }), 1, /100001 characters/u],
  [`${line({ id: 'a' })}\n\n${line({ id: 'a', output: 'other' })}`, 3, /line 1/u],
  [line({ vectors: { embedder: 'aa11bb22' } }), 1, /vectors\.backend/u],
])('refuses %j at line %s', async (text, at, reason) => {
  const error = await faultOf(text);
  expect(error.details['line']).toBe(at ?? undefined);
  expect(error.details['reason']).toMatch(reason);
  if (at !== null) expect(error.message).toContain(`${at}`);
});

test('refuses more items than it can hold', async () => {
  const lines = Array.from({ length: importLimits.items + 1 }, (_, index) => line({ id: `i${index}` }));
  expect((await faultOf(lines.join('\n'))).details['reason']).toMatch(/50000/u);
});

test('an abort ends the reading', async () => {
  const text = Array.from({ length: 1000 }, (_, index) => line({ id: `i${index}` })).join('\n');
  const controller = new AbortController();
  const reading = parseHistory(text, { signal: controller.signal });
  const reason = new Error('enough');
  controller.abort(reason);
  await expect(reading).rejects.toBe(reason);
});

test('an export with vectors comes back bit-equal, special characters included', async () => {
  const vectors = { embedder: 'aa11bb22', backend: 'webgpu' as const, dim: 384, input: unit(1), output: unit(2) };
  const item = { id: 'ü\u2028"\n', date: '2024-01-01T10:00:00Z', task: 'notes', input: 'a\r\nb 😀', output: '<|end|>' };
  const undated = { ...item, id: 'u', date: null };
  const text = exportHistory(
    [
      { item, vectors },
      { item: undated, vectors: null },
    ],
    { includeVectors: true },
  );
  const parsed = await parseHistory(text);
  expect(parsed).toEqual([
    { item, vectors, line: 1 },
    { item: undated, vectors: null, line: 2 },
  ]);
  expect(exportHistory([{ item, vectors }], { includeVectors: false })).not.toContain('vectors');
});

test('refuses vectors that are cut, not finite or not of length 1', async () => {
  const withVectors = (input: string, dim = 2): string =>
    line({ vectors: { embedder: 'aa11bb22', backend: 'wasm', dim, input, output: encode([0, 1]) } });
  await expect(parseHistory(withVectors(encode([1, 0])))).resolves.toHaveLength(1);
  expect((await faultOf(withVectors(encode([1])))).details['reason']).toMatch(/base64 of 2/u);
  expect((await faultOf(withVectors('%%%'))).details['reason']).toMatch(/base64 of 2/u);
  expect((await faultOf(withVectors(encode([Number.NaN, 0])))).details['reason']).toMatch(/NaN/u);
  expect((await faultOf(withVectors(encode([100, 0])))).details['reason']).toMatch(/\b100\b/u);
});
