// An adapter's way through an export and an import: whole with its items, without its parameters where anything of it is missing.
import { expect, test } from 'vitest';
import { writeSafetensors } from '../model-package/write-safetensors.ts';
import { exportHistory } from '../history/export-history.ts';
import type { HistoryItem } from '../history/history-item.ts';
import { parseHistory } from '../history/parse-history.ts';
import type { AdapterRecord } from './adapter-record.ts';
import { exportAdapters, parseAdapters } from './adapter-lines.ts';

const item = (id: string): HistoryItem => ({ id, date: null, task: 'notes', input: `in ${id}`, output: `out ${id}` });
const items = [item('a'), item('b')];
const ready: AdapterRecord = {
  task: 'notes',
  kind: 'prompt',
  state: 'ready',
  run: 'one',
  items: ['a', 'b'],
  settings: '{"version":1,"options":{"seed":7},"startedAt":5}',
  description: '{"loss":1}',
  tensors: writeSafetensors(new Map([['prompt', { shape: [1, 2], data: Float32Array.of(0.5, -0) }]])),
};
const now = 1000;

async function fileOf(records: readonly AdapterRecord[], includeVectors: boolean, held = items): Promise<string> {
  const lines = exportHistory(
    held.map((one) => ({ item: one, vectors: null })),
    { includeVectors },
  );
  return lines + (await exportAdapters(records, held, { includeVectors }));
}

async function read(text: string): Promise<AdapterRecord[]> {
  const parsed = await parseHistory(text);
  return await parseAdapters(
    text,
    parsed.map((entry) => entry.item),
    now,
  );
}

test('with vectors it comes back bit for bit, provenance and all', async () => {
  const text = await fileOf([ready], true);
  expect(await read(text)).toEqual([ready]);
  expect(await fileOf(await read(text), true)).toBe(text);
});

test('without vectors its provenance comes back, to be trained again', async () => {
  const text = await fileOf([ready], false);
  expect(text).toContain('"seed":7');
  expect(await read(text)).toEqual([
    {
      ...ready,
      state: 'stale',
      description: '',
      tensors: new Uint8Array(0),
      stale: { reason: 'imported', at: now },
    },
  ]);
});

test('a stale one comes back as it was, and what is under way stays behind', async () => {
  const stale: AdapterRecord = {
    ...ready,
    state: 'stale',
    items: ['b'],
    description: '',
    tensors: new Uint8Array(0),
    stale: { reason: 'changed', at: 12 },
  };
  const text = await fileOf([stale, { ...ready, kind: 'lora', state: 'running' }], true);
  expect(await read(text)).toEqual([stale]);
});

test('an item that was taken out of the file, or edited in it, takes the parameters along', async () => {
  const text = await fileOf([ready], true);
  const [, ...without] = text.split('\n');
  expect(await read(without.join('\n'))).toMatchObject([
    { state: 'stale', items: ['b'], tensors: new Uint8Array(0), stale: { reason: 'forgotten' } },
  ]);
  expect(await read(text.replace('"out a"', '"edited"'))).toMatchObject([
    { state: 'stale', tensors: new Uint8Array(0), stale: { reason: 'changed' } },
  ]);
});

test('broken lines are named', async () => {
  const text = await fileOf([ready], true);
  await expect(read(text.replace('"kind":"prompt"', '"kind":"spell"'))).rejects.toMatchObject({
    code: 'invalid-import',
    details: { line: 3, reason: expect.stringContaining('tuning.kind') },
  });
  await expect(read(text.replace(/"parameters":"[^"]{8}/u, '"parameters":"'))).rejects.toMatchObject({
    code: 'invalid-import',
    details: { line: 3, reason: expect.stringContaining('safetensors') },
  });
});
