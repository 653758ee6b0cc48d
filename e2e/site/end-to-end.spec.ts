// The main job in a real browser: import, SIGKILL, reopen, ask; the answers are those that training computed.
import { expect, test } from '@playwright/test';
import type { PersonaPlugDemo } from '../../site/script-interface.ts';
import { DemoBrowser, type GoldenCase, goldenCases, type OpenOptions, toJsonl } from './demo-browser.ts';
import { ask, exportWithVectors, importText } from './page-calls.ts';

declare const personaPlugDemo: PersonaPlugDemo;

const cases = await goldenCases();

interface Path {
  readonly name: string;
  readonly options: OpenOptions;
  readonly runtime: 'webllm' | 'onnx';
  readonly device: 'webgpu' | 'wasm';
  readonly cases: readonly GoldenCase[];
}

const paths: readonly Path[] = [
  {
    name: 'WebGPU forced',
    options: { webgpu: 'software', query: 'embedder=webgpu&llm=webgpu' },
    runtime: 'webllm',
    device: 'webgpu',
    // The software adapter embeds a text in seconds.
    cases: cases.filter(({ history }) => history.length <= 3),
  },
  {
    name: 'wasm, WebGPU off',
    options: { webgpu: 'off', query: '' },
    runtime: 'onnx',
    device: 'wasm',
    cases: cases.filter(({ history }) => history.length >= 20),
  },
];

test('training left cases for both paths, and answers that differ by the persona', () => {
  for (const { cases: own } of paths) {
    expect(own.length).toBeGreaterThan(0);
    expect(own.some(({ answers }) => answers.none !== answers.persona)).toBe(true);
  }
});

for (const { name, options, runtime, device, cases: own } of paths) {
  for (const [index, golden] of own.entries()) {
    // Once for each path is enough to know that the history lies on the disk.
    const isKilled = index === 0;
    test(`${name}: ${golden.name}${isKilled ? ', after SIGKILL' : ''}`, async () => {
      test.setTimeout(300_000);
      await using browser = await DemoBrowser.create();
      let { page, status } = await browser.open(options);
      await importText(page, toJsonl(golden.history));
      const imported = await exportWithVectors(page);
      expect(imported.trimEnd().split('\n')).toHaveLength(golden.history.length);
      if (isKilled) {
        await browser.kill();
        ({ page, status } = await browser.open(options));
        expect(await exportWithVectors(page)).toBe(imported);
      }
      expect(status.languageModel).toMatchObject({ runtime, device: { kind: device } });
      expect(status.embedder).toMatchObject({ device: { kind: device }, selfTestPassed: true });

      const { none, persona, explanation } = await ask(page, {
        task: golden.task,
        input: golden.input,
        at: golden.at,
      });
      expect({ none: none.text, persona: persona.text }).toEqual(golden.answers);
      // The answers stand on the page as they were streamed.
      await expect(page.locator('#answer-none')).toHaveText(golden.answers.none);
      await expect(page.locator('#answer-persona')).toHaveText(golden.answers.persona);
      // 8-bit vectors of another kernel move the gate a little (WebGPU: cosine .999 to the reference).
      expect(explanation?.gate).toBeCloseTo(golden.gate, 1);
      expect(explanation?.items).toHaveLength(golden.history.length);
      // Unigram adaptation counts where the answer is free text, and the page says which.
      const words = (explanation?.words ?? []).map(({ text }) => text);
      if (golden.task === 'news_category') expect(words).toEqual([]);
      else {
        expect(words.length).toBeGreaterThan(0);
        const written = golden.history.flatMap(({ output }) => output.match(/[\p{L}\p{N}]+/gu) ?? []);
        expect(written).toEqual(expect.arrayContaining(words));
        const card = page.getByRole('article').filter({ has: page.locator('#answer-persona') });
        await expect(card).toContainText(words.slice(0, 6).join(', '));
      }
      const { foreign } = await page.evaluate(() => personaPlugDemo.requests());
      expect(foreign).toEqual([]);
      const weights = explanation?.items.map(({ weight }) => weight) ?? [];
      expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 5);
      expect(weights).toEqual(weights.toSorted((a, b) => b - a));
    });
  }
}
