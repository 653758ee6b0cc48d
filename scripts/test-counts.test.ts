import { expect, it } from 'vitest';
import { countVitest, playwrightCounts, vitestCounts } from './test-counts.mjs';

function spec(title: string, status: string, description?: string) {
  const annotations = description === undefined ? [] : [{ type: 'skip', description }];
  return { title, file: 'a.spec.ts', tags: [], tests: [{ status, annotations }] };
}

const result = {
  suites: [
    {
      specs: [spec('one', 'expected'), spec('two', 'unexpected'), spec('three', 'flaky')],
      suites: [{ specs: [spec('logits on WebGPU', 'skipped'), spec('data', 'skipped', 'PERSONA_PLUG_DATA is unset')] }],
    },
  ],
};

it('counts a skipped WebGPU test as failed, and says which', () => {
  const messages: string[] = [];
  expect(playwrightCounts(result, false, (message) => messages.push(message))).toEqual({
    passed: 1,
    failed: 3,
    skipped: 1,
  });
  expect(messages).toEqual([expect.stringContaining('logits on WebGPU')]);
});

it('counts it as skipped where skips are allowed', () => {
  expect(playwrightCounts(result, true, () => undefined)).toEqual({ passed: 1, failed: 2, skipped: 2 });
});

it('counts what vitest reports, and a run that broke as a failure', async () => {
  const report = { numPassedTests: 5, numFailedTests: 1, numPendingTests: 2, numTodoTests: 1 };
  expect(vitestCounts(report)).toEqual({ passed: 5, failed: 1, skipped: 3 });
  expect(await countVitest('/there/is/no/report.json', 1)).toEqual({ passed: 0, failed: 1, skipped: 0 });
});
