// Reads the golden package: what training computed for fixed inputs, and every runtime must give.
import * as v from 'valibot';
import type { LowRankAdapter } from '../../adapter/weight-adapter.ts';
import type { PromptSegment } from '../../language-model/language-model.ts';
import type { ModelPackage, ModelSource } from '../../model-package/model-source.ts';

/** Where a float32 tensor is in golden.f32; the offset is counted in floats. */
export const tensorSchema = v.object({ offset: v.number(), shape: v.array(v.number()) });
export type GoldenTensor = v.InferOutput<typeof tensorSchema>;

const embedderSchema = v.object({
  cases: v.array(v.object({ text: v.string(), ids: v.array(v.number()), vector: tensorSchema })),
});

const longTextSchema = v.object({
  cases: v.array(
    v.object({
      name: v.string(),
      text: v.string(),
      tokens: v.number(),
      chunks: v.array(v.array(v.number())),
      vector: tensorSchema,
    }),
  ),
});

const languageModelSchema = v.object({
  cases: v.array(
    v.object({
      name: v.string(),
      segments: v.array(v.union([v.object({ ids: v.array(v.number()) }), v.object({ rows: tensorSchema })])),
      adapter: v.optional(
        v.object({ rank: v.number(), scale: v.number(), matrices: v.record(v.string(), tensorSchema) }),
      ),
      tokens: v.array(v.number()),
      margins: v.array(v.number()),
      logits: tensorSchema,
    }),
  ),
});

type AdapterJson = NonNullable<v.InferOutput<typeof languageModelSchema>['cases'][number]['adapter']>;

export interface GoldenEmbedderCase {
  readonly text: string;
  readonly ids: readonly number[];
  /** float32 model, length 1. */
  readonly vector: Float32Array;
}

/** A text that is longer than the embedder's window, or just fits. */
export interface GoldenLongTextCase {
  readonly name: string;
  readonly text: string;
  /** Without `[CLS]` and `[SEP]`. */
  readonly tokens: number;
  /** Ids of each chunk, `[CLS]` and `[SEP]` included. */
  readonly chunks: readonly (readonly number[])[];
  /** float32 model, length 1. */
  readonly vector: Float32Array;
}

export interface GoldenLanguageModelCase {
  readonly name: string;
  readonly prompt: readonly PromptSegment[];
  /** What the model answers with; null: as it is. */
  readonly adapter: LowRankAdapter | null;
  /** Greedy continuation, perhaps with the end token as its last. */
  readonly tokens: readonly number[];
  /** Distance of the two largest logits, one a token. */
  readonly margins: readonly number[];
  /** Of the first steps, each `[vocabulary]`. */
  readonly logits: readonly Float32Array[];
}

/** The golden values of one package. */
export interface GoldenFiles {
  embedderCases(): Promise<GoldenEmbedderCase[]>;
  longTextCases(): Promise<GoldenLongTextCase[]>;
  languageModelCases(): Promise<GoldenLanguageModelCase[]>;
  /** A JSON file of the package, not checked. */
  json(path: string): Promise<unknown>;
  tensor(reference: GoldenTensor): Float32Array;
}

/** Opens a package of golden values. */
export async function openGoldenFiles(source: ModelSource, packageName = 'golden'): Promise<GoldenFiles> {
  const modelPackage = await source.open(packageName, 'golden');
  const tensor = await tensorsOf(modelPackage, 'golden.f32');
  const lowRankAdapter = ({ rank, scale, matrices }: AdapterJson): LowRankAdapter => ({
    kind: 'lora',
    id: packageName,
    rank,
    scale,
    matrices: new Map(
      Object.entries(matrices).map(([name, matrix]) => [name, { shape: matrix.shape, data: tensor(matrix) }]),
    ),
  });
  return {
    tensor,
    json: (path) => modelPackage.json(path),
    async embedderCases() {
      const { cases } = v.parse(embedderSchema, await modelPackage.json('embedder.json'));
      return cases.map(({ text, ids, vector }) => ({ text, ids, vector: tensor(vector) }));
    },
    async longTextCases() {
      const { cases } = v.parse(longTextSchema, await modelPackage.json('long-texts.json'));
      const read = await tensorsOf(modelPackage, 'long-texts.f32');
      return cases.map(({ vector, ...rest }) => ({ ...rest, vector: read(vector) }));
    },
    async languageModelCases() {
      const { cases } = v.parse(languageModelSchema, await modelPackage.json('language-model.json'));
      return cases.map(({ name, segments, adapter, tokens, margins, logits }) => ({
        name,
        tokens,
        margins,
        adapter: adapter === undefined ? null : lowRankAdapter(adapter),
        prompt: segments.map((segment): PromptSegment =>
          'ids' in segment
            ? { kind: 'ids', ids: segment.ids }
            : { kind: 'rows', rows: tensor(segment.rows), count: segment.rows.shape[0] ?? 0 },
        ),
        logits: rowsOf(tensor(logits), logits.shape[0] ?? 0),
      }));
    },
  };
}

/** Reads the arrays of a file by their addresses. */
async function tensorsOf(
  modelPackage: ModelPackage,
  path: string,
): Promise<(reference: GoldenTensor) => Float32Array<ArrayBuffer>> {
  const bytes = await modelPackage.bytes(path);
  const floats = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  return ({ offset, shape }) => floats.slice(offset, offset + shape.reduce((product, length) => product * length, 1));
}

function rowsOf(values: Float32Array, count: number): Float32Array[] {
  const width = values.length / count;
  return Array.from({ length: count }, (_, row) => values.slice(row * width, (row + 1) * width));
}
