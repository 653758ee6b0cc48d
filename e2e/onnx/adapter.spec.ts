// Adapters as inputs of the ONNX graph, on both backends, against the losses that torch has with the same numbers.
import { expect, test } from '@playwright/test';
import { openGoldenTuning } from '../../src/testing/golden/golden-tuning.ts';

const address = `http://127.0.0.1:${process.env['PERSONA_PLUG_PAGES_PORT'] ?? '4300'}/e2e/onnx/`;

for (const device of ['wasm', 'webgpu'] as const) {
  for (const kind of ['lora', 'ia3'] as const) {
    test(`on ${device}, ${kind} gives torch's loss, and can be removed without a trace`, async ({ page }) => {
      const goldenCase = openGoldenTuning()?.cases.find((found) => found.kind === kind);
      if (goldenCase === undefined)
        throw new Error(`research-models/golden holds no gradients of ${kind}: export it again`);
      await page.goto(address);
      await page.waitForFunction(() => 'onnxTestPage' in globalThis);
      await page.evaluate(async (chosen) => await onnxTestPage.loadLanguageModel(chosen), device);
      const ids = goldenCase.segments.flatMap((segment) => ('ids' in segment ? segment.ids : []));
      const losses = await page.evaluate(
        async ({ kind: chosen, prompt, answer }) => await onnxTestPage.adapterLosses(chosen, prompt, answer),
        { kind, prompt: ids, answer: goldenCase.answer },
      );
      if (losses === null) throw new Error('the graph of the models folder takes no adapter: export it again');
      const [before = 0, tuned = 0, after = 0] = losses;
      expect(Math.abs(tuned - goldenCase.loss)).toBeLessThan(2e-3);
      expect(Math.abs(before - tuned)).toBeGreaterThan(0.01);
      expect(after).toBe(before);
    });
  }
}
