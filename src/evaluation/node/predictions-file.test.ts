import { appendFileSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { Prediction } from '../prediction.ts';
import { openPredictions } from './predictions-file.ts';

const folder = (): string => mkdtempSync(path.join(tmpdir(), 'predictions-'));
const prediction = (query: string): Prediction => ({
  task: 'own',
  user: 'ann',
  query,
  method: 'none',
  nll: 1.5,
  tokens: 2,
  answer: null,
  historySize: 0,
});

test('a second run finds the predictions of the first, without a line that was cut off', () => {
  const place = folder();
  const first = openPredictions(place, { seed: 0 });
  expect(first.earlier).toEqual([]);
  first.append(prediction('a'));
  first.append(prediction('b'));
  appendFileSync(path.join(place, 'predictions.jsonl'), '{"task":"own","us');
  const second = openPredictions(place, { seed: 0 });
  expect(second.earlier).toEqual([prediction('a'), prediction('b')]);
  second.append(prediction('c'));
  expect(openPredictions(place, { seed: 0 }).earlier.map(({ query }) => query)).toEqual(['a', 'b', 'c']);
});

test('other settings are refused with both values, and a setting that only one run has is no conflict', () => {
  const place = folder();
  openPredictions(place, { seed: 0, 'plug.plug': 'abc' });
  expect(() => openPredictions(place, { seed: 1, 'plug.plug': 'abc' })).toThrow(
    expect.objectContaining({ code: 'invalid-argument', message: expect.stringMatching(/seed was 0 .* 1.*--out/u) }),
  );
  openPredictions(place, { seed: 0, 'plug.other': 'def' });
  expect(JSON.parse(readFileSync(path.join(place, 'run.json'), 'utf8'))).toEqual({
    seed: 0,
    'plug.plug': 'abc',
    'plug.other': 'def',
  });
  expect(() => openPredictions(place, { seed: 0, 'plug.plug': 'xyz' })).toThrow(
    expect.objectContaining({ code: 'invalid-argument', details: { folder: place, settings: 'plug.plug' } }),
  );
});

test('a damaged line is named', () => {
  const place = folder();
  writeFileSync(path.join(place, 'predictions.jsonl'), `${JSON.stringify(prediction('a'))}\n{"task":1}\n`);
  const file = path.join(place, 'predictions.jsonl');
  expect(() => openPredictions(place, { seed: 0 })).toThrow(
    expect.objectContaining({
      code: 'invalid-import',
      details: { file, line: 2 },
      message: expect.stringContaining(`${file}, line 2,`),
    }),
  );
});
