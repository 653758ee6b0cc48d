import { expect, test } from 'vitest';
import { createProgressMeter } from './progress-meter.ts';
import type { Progress } from './progress.ts';

test('reports the first, the last, and one in every interval, with the time left at the mean rate', () => {
  const reports: Progress[] = [];
  let time = 0;
  const meter = createProgressMeter({
    stage: 'download',
    label: 'model.onnx',
    total: 1000,
    unit: 'bytes',
    onProgress: (progress) => reports.push(progress),
    now: () => time,
  });
  for (let done = 0; done <= 1000; done += 10) {
    meter.update(done);
    time += 10;
  }
  expect(reports).toHaveLength(11);
  expect(reports[0]).toEqual({
    stage: 'download',
    label: 'model.onnx',
    done: 0,
    total: 1000,
    unit: 'bytes',
    millisecondsLeft: null,
  });
  expect(reports[5]).toMatchObject({ done: 500, millisecondsLeft: 500 });
  expect(reports.at(-1)).toMatchObject({ done: 1000, millisecondsLeft: 0 });
});

test('has no estimate of the time left while the total is unknown', () => {
  const reports: Progress[] = [];
  let time = 0;
  const meter = createProgressMeter({
    stage: 'download',
    label: 'index.json',
    total: null,
    unit: 'bytes',
    onProgress: (progress) => reports.push(progress),
    now: () => (time += 400),
  });
  for (const done of [0, 10, 20]) meter.update(done);
  expect(reports.map(({ millisecondsLeft }) => millisecondsLeft)).toEqual([null, null, null]);
});
