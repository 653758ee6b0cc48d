// The browser's half of bench/decoder.mjs: loads one decoder on wasm, times it, and compares it with its golden cases.
import { onnxLanguageModel } from '../../src/language-model/onnx/onnx-language-model.ts';
import type { LanguageModel } from '../../src/language-model/language-model.ts';
import { createUrlModelSource } from '../../src/model-package/url-model-source.ts';
import { openGoldenFiles } from '../../src/testing/golden/golden-files.ts';
import { compareWithGolden, type ParityResult } from '../../src/testing/golden/golden-parity.ts';

const models = createUrlModelSource('/models/');
let model: LanguageModel | null = null;
let answer: AsyncGenerator | null = null;

function loaded(): LanguageModel {
  if (model === null) throw new Error('load() comes first');
  return model;
}

const bench = {
  /** From opening the package to a model that answers. */
  async load(name: string): Promise<void> {
    model = await onnxLanguageModel(await models.open(name, 'language-model'), { device: 'wasm' });
  },
  /** Runs a prompt, up to its first token. */
  async prompt(length: number): Promise<void> {
    await answer?.return(undefined);
    const ids = Array.from({ length }, (_, index) => 100 + ((index * 37) % 400));
    answer = loaded().generate([{ kind: 'ids', ids }], { maximumNewTokens: 500 });
    await answer.next();
  },
  /** So many more tokens. */
  async tokens(count: number): Promise<void> {
    for (let token = 0; token < count; token++) {
      if ((await answer?.next())?.done !== false) throw new Error('The answer ended early: take another prompt.');
    }
  },
  async parity(name: string): Promise<ParityResult[]> {
    const results: ParityResult[] = [];
    for (const golden of await (await openGoldenFiles(models, `${name}-golden`)).languageModelCases()) {
      results.push(await compareWithGolden(loaded(), golden));
    }
    return results;
  },
};

declare global {
  var decoderBench: typeof bench;
}
globalThis.decoderBench = bench;
