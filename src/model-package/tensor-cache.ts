// `tensor-cache.json`: where each stored tensor lies in the shards. WebLLM's name and form, read by every runtime.
import * as v from 'valibot';
import { PersonaPlugError } from '../lib/errors.ts';

const size = v.pipe(v.number(), v.integer(), v.minValue(0));

const tensorCacheSchema = v.object({
  records: v.array(
    v.object({
      dataPath: v.string(),
      records: v.array(
        v.object({
          name: v.string(),
          shape: v.array(size),
          dtype: v.optional(v.string()),
          format: v.string(),
          nbytes: size,
          byteOffset: size,
        }),
      ),
    }),
  ),
});

export interface TensorRecord {
  readonly name: string;
  readonly shape: readonly number[];
  readonly format: string;
  readonly nbytes: number;
  /** In the shard. */
  readonly byteOffset: number;
  /** The shard's path in the package. */
  readonly shard: string;
}

export interface TensorCache {
  /** Paths of the shards, in the file's order. */
  readonly shards: readonly string[];
  readonly records: ReadonlyMap<string, TensorRecord>;
}

/** @throws PersonaPlugError `model-mismatch` that names the field. */
export function parseTensorCache(json: unknown, packageName: string): TensorCache {
  const result = v.safeParse(tensorCacheSchema, json, { abortEarly: true });
  if (!result.success) {
    const [issue] = result.issues;
    throw new PersonaPlugError(
      'model-mismatch',
      `tensor-cache.json of model package "${packageName}" is not valid: ${v.getDotPath(issue) ?? 'the document'}: ${issue.message}. Export the package again.`,
      { details: { package: packageName } },
    );
  }
  const shards = result.output.records;
  return {
    shards: shards.map(({ dataPath }) => dataPath),
    records: new Map(
      shards.flatMap(({ dataPath, records }) =>
        records.map((record) => [record.name, { ...record, shard: dataPath }] as const),
      ),
    ),
  };
}
