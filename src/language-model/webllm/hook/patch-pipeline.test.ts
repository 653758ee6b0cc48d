import { describe, expect, test } from 'vitest';
import { formatMarker } from './marker.ts';
import { patchPipeline } from './patch-pipeline.ts';
import { asChatPipeline, type ChatPipeline, type Tensor } from './pipeline-access.ts';
import { createSoftPromptSlots } from './soft-prompt-slots.ts';

/** A tensor whose values can be read: rows of numbers. */
interface FakeTensor extends Tensor {
  values: number[][];
  scope: number;
}

interface FakeOptions {
  readonly dtype?: string;
  readonly inputs?: string;
  readonly error?: Error;
}

function move(tensor: Tensor, scope: number): Tensor {
  return Object.assign(tensor, { scope });
}

/** A pipeline of hidden size 2 in which token t has the row [t, t / 2]; scopes are counted. */
function createFake({ dtype = 'float32', inputs, error }: FakeOptions = {}) {
  let depth = 1;
  const tensor = (values: number[][]): FakeTensor => ({
    values,
    scope: depth,
    dtype,
    shape: [values.length, 2],
    copyFromRawBytes(bytes) {
      const { buffer, byteOffset } = bytes;
      const numbers: ArrayLike<number> =
        dtype === 'float16'
          ? new Uint16Array(buffer, byteOffset, bytes.byteLength / 2)
          : new Float32Array(buffer, byteOffset, bytes.byteLength / 4);
      this.values = values.map((_, row) => [numbers[2 * row] ?? Number.NaN, numbers[2 * row + 1] ?? Number.NaN]);
      return this;
    },
  });
  const embed = (ids: number[]): Tensor => {
    if (error !== undefined && ids.includes(99)) throw error;
    return tensor(ids.map((id) => [id, id / 2]));
  };
  const pipeline = {
    device: {},
    fullVocabSize: 100,
    contextWindowSize: 32,
    prefillChunkSize: 8,
    tokenizer: { encode: (text: string) => Int32Array.from(text, (letter) => letter.charCodeAt(0)) },
    tvm: {
      beginScope: () => void depth++,
      endScope: () => void depth--,
      empty: (shape: readonly number[]) => tensor(Array.from({ length: shape[0] ?? 0 }, () => [])),
      concatEmbeddings: (parts: readonly Tensor[]) => tensor(parts.flatMap((part) => (part as FakeTensor).values)),
      detachFromCurrentScope: (moved: Tensor) => move(moved, 0),
      attachToCurrentScope: (moved: Tensor) => move(moved, depth),
    },
    getTokensEmbeddings: embed,
    ...(inputs === undefined ? {} : { artifact: { generation: { inputs } }, getArtifactTextEmbeddings: embed }),
  };
  return { pipeline, depth: () => depth };
}

function read(tensor: Tensor): { values: number[][]; scope: number } {
  const { values, scope } = tensor as FakeTensor;
  return { values, scope };
}

function setUp(options: FakeOptions = {}) {
  const { pipeline: fake, depth } = createFake(options);
  const pipeline: ChatPipeline = asChatPipeline(fake);
  const slots = createSoftPromptSlots();
  const facts = patchPipeline(pipeline, slots, 'h');
  const { serial, tokenIds } = slots.add([{ kind: 'rows', rows: new Float32Array([10, 11, 20, 21]), count: 2 }]);
  return { pipeline, depth, slots, facts, serial, tokenIds, marker: formatMarker({ hook: 'h', serial }) };
}

describe('a patched pipeline', () => {
  test('reports the facts of the model', () => {
    const { facts, depth } = setUp();
    expect(facts).toEqual({
      hiddenSize: 2,
      dtype: 'float32',
      vocabularySize: 100,
      contextWindow: 32,
      prefillChunkLength: 8,
      gpuDevice: null,
    });
    expect(depth()).toBe(1);
  });

  test('encodes text as before, and markers as virtual ids between the texts', () => {
    const { pipeline, marker, tokenIds } = setUp();
    expect([...pipeline.tokenizer.encode('ab')]).toEqual([97, 98]);
    expect([...pipeline.tokenizer.encode(`a${marker}b`)]).toEqual([97, ...tokenIds, 98]);
  });

  test('embeds mixed ids in order, and leaves the result to the caller', () => {
    const { pipeline, tokenIds, depth } = setUp();
    const [first = 0, second = 0] = tokenIds;
    expect(read(pipeline.getTokensEmbeddings([4, 6, first, second, 8, second]))).toEqual({
      values: [
        [4, 2],
        [6, 3],
        [10, 11],
        [20, 21],
        [8, 4],
        [20, 21],
      ],
      scope: 1,
    });
    expect(read(pipeline.getTokensEmbeddings([second])).values).toEqual([[20, 21]]);
    expect(depth()).toBe(1);
  });

  test('hands rows to a float16 model as float16', () => {
    const { pipeline, tokenIds } = setUp({ dtype: 'float16' });
    expect(read(pipeline.getTokensEmbeddings([...tokenIds])).values).toEqual([
      [0x4900, 0x4980],
      [0x4d00, 0x4d40],
    ]);
  });

  test('replaces the embeddings of a model with a manifest where that reads them', () => {
    const { pipeline, tokenIds } = setUp({ inputs: 'embeds' });
    const embeddings = pipeline.getArtifactTextEmbeddings?.([1, ...tokenIds]);
    expect(embeddings && read(embeddings).values).toEqual([
      [1, 0.5],
      [10, 11],
      [20, 21],
    ]);
  });

  test('refuses another width before anything is opened', () => {
    const { pipeline, slots, depth } = setUp();
    const { serial, tokenIds } = slots.add([{ kind: 'rows', rows: new Float32Array(3), count: 1 }]);
    const error = expect.objectContaining({ code: 'invalid-prompt', details: { expected: 2, found: 3 } });
    expect(() => pipeline.tokenizer.encode(formatMarker({ hook: 'h', serial }))).toThrowError(error);
    expect(() => pipeline.getTokensEmbeddings([...tokenIds])).toThrowError(error);
    expect(depth()).toBe(1);
  });

  test('refuses a slot that was released, is unknown, or belongs to another hook', () => {
    const { pipeline, slots, serial, marker, tokenIds, depth } = setUp();
    slots.release(serial);
    expect(() => pipeline.tokenizer.encode(marker)).toThrowError(expect.objectContaining({ code: 'closed' }));
    expect(() => pipeline.getTokensEmbeddings([...tokenIds])).toThrowError(expect.objectContaining({ code: 'closed' }));
    for (const name of [
      { hook: 'h', serial: 77 },
      { hook: 'other', serial },
    ]) {
      expect(() => pipeline.tokenizer.encode(formatMarker(name))).toThrowError(
        expect.objectContaining({ code: 'not-found' }),
      );
    }
    expect(depth()).toBe(1);
  });

  test('closes its scope when the model fails', () => {
    const error = new Error('no embedding');
    const { pipeline, tokenIds, depth } = setUp({ error });
    expect(() => pipeline.getTokensEmbeddings([...tokenIds, 99])).toThrow(error);
    expect(depth()).toBe(1);
  });
});

const refused = (named: string) =>
  expect.objectContaining({ code: 'model-mismatch', message: expect.stringContaining(named) });

describe('a pipeline that is not as expected', () => {
  test('is refused by name', () => {
    const { pipeline } = createFake();
    const { concatEmbeddings: _, ...tvm } = pipeline.tvm;
    expect(() => asChatPipeline({ ...pipeline, tvm })).toThrow(refused('tvm.concatEmbeddings'));
    expect(() => asChatPipeline({ ...pipeline, tokenizer: {} })).toThrow(refused('tokenizer.encode'));
    expect(() => asChatPipeline(undefined)).toThrow(refused(''));
  });

  test('is refused when its prefill reads token ids too, or its embeddings are of another type', () => {
    expect(() => setUp({ inputs: 'embeds_and_token_ids' })).toThrow(refused('embeds_and_token_ids'));
    expect(() => setUp({ dtype: 'bfloat16' })).toThrow(refused('bfloat16'));
  });
});
