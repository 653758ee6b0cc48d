import { describe, expect, test } from 'vitest';
import { computeFingerprint, parseManifest } from './parse-manifest.ts';

const hash = 'ab'.repeat(32);

const plug = {
  schemaVersion: 1,
  kind: 'plug',
  name: 'plug',
  version: '0.1.0',
  licence: 'Apache-2.0',
  description: '',
  files: [{ path: 'plug.safetensors', bytes: 10, sha256: hash, role: 'weights' }],
  fingerprint: hash,
  trainingData: [],
  results: {},
  plug: {
    embedder: hash,
    languageModel: hash,
    dim: 384,
    hiddenSize: 256,
    projectorWidth: 256,
    personaRows: 4,
    instructionRows: 4,
    tasks: ['news_category'],
    gateThreshold: 0.5,
    weights: 'plug.safetensors',
  },
};

describe('parseManifest', () => {
  test('accepts a valid manifest', () => {
    expect(parseManifest(plug, 'plug')).toMatchObject({ kind: 'plug', plug: { personaRows: 4 } });
  });

  test.each([
    ['another schema version', { ...plug, schemaVersion: 2 }, /schemaVersion/],
    ['an unknown kind', { ...plug, kind: 'pluck' }, /kind/],
    ['a hash in upper case', { ...plug, fingerprint: hash.toUpperCase() }, /fingerprint/],
    ['a path out of the folder', { ...plug, files: [{ ...plug.files[0], path: '../secret' }] }, /files\.0\.path/],
    ['an absolute path', { ...plug, files: [{ ...plug.files[0], path: '/etc/passwd' }] }, /files\.0\.path/],
    ['a URL as path', { ...plug, files: [{ ...plug.files[0], path: 'https://example.org/x' }] }, /files\.0\.path/],
    ['weights that files does not list', { ...plug, files: [] }, /plug\.safetensors/],
    ['a path listed twice', { ...plug, files: [plug.files[0], plug.files[0]] }, /plug\.safetensors/],
    ['a text', 'hello', /"plug"/],
  ])('refuses %s and names the field or file', (_, manifest, named) => {
    expect(() => parseManifest(manifest, 'plug')).toThrow(
      expect.objectContaining({ code: 'model-mismatch', message: expect.stringMatching(named) }),
    );
  });
});

const languageModel = {
  hiddenSize: 4,
  vocabularySize: 8,
  layers: 1,
  heads: 1,
  kvHeads: 1,
  headDim: 4,
  contextWindow: 16,
  endTokens: [0],
  tokenizer: 'tokenizer.json',
  promptTemplate: [],
};
const model = (onnx: object) => ({
  ...plug,
  kind: 'language-model',
  files: ['tokenizer.json', 'model.onnx', 'shard.bin', 'table.json', 'cache.json'].map((path) => ({
    ...plug.files[0],
    path,
  })),
  languageModel: { ...languageModel, onnx },
});

describe('the forms of an ONNX language model', () => {
  const causal = { graph: 'model.onnx', externalData: ['shard.bin'], externalDtype: 'bfloat16' };
  const decoder = { form: 'decoder', graph: 'model.onnx', weightTable: 'table.json', tensorCache: 'cache.json' };

  test.each([
    ['without a form, as older packages are', causal],
    ['causal', { ...causal, form: 'causal' }],
    ['decoder', { ...decoder, adapters: ['lora'] }],
  ])('takes %s', (_, onnx) => {
    expect(parseManifest(model(onnx), 'model')).toMatchObject({ languageModel: { onnx } });
  });

  test.each([
    ['another form', { ...decoder, form: 'encoder' }, /onnx\.form/],
    ['a decoder without its table', { form: 'decoder', graph: 'model.onnx', tensorCache: 'cache.json' }, /weightTable/],
    ['a decoder whose table is not listed', { ...decoder, weightTable: 'other.json' }, /does not list other\.json/],
  ])('refuses %s', (_, onnx, reason) => {
    expect(() => parseManifest(model(onnx), 'model')).toThrow(reason);
  });
});

const file = (path: string, role: 'weights' | 'graph' | 'tokenizer' | 'card', digit: string) =>
  ({ path, role, bytes: 1, sha256: digit.repeat(64) }) as const;

describe('computeFingerprint', () => {
  const files = [
    file('w', 'weights', '1'),
    file('g', 'graph', '2'),
    file('t', 'tokenizer', '3'),
    file('c', 'card', '4'),
  ];

  test('does not depend on the order of files', async () => {
    expect(await computeFingerprint({ kind: 'embedder', files })).toBe(
      await computeFingerprint({ kind: 'embedder', files: files.toReversed() }),
    );
  });

  test('counts the graph of an embedder, not that of an LLM, and never a card', async () => {
    const changed = (index: number) =>
      files.map((entry, at) => (at === index ? { ...entry, sha256: '9'.repeat(64) } : entry));
    const print = (kind: 'embedder' | 'language-model', list: typeof files) =>
      computeFingerprint({ kind, files: list });
    expect(await print('embedder', changed(1))).not.toBe(await print('embedder', files));
    expect(await print('language-model', changed(1))).toBe(await print('language-model', files));
    expect(await print('language-model', changed(2))).not.toBe(await print('language-model', files));
    expect(await print('embedder', changed(3))).toBe(await print('embedder', files));
  });
});
