// `onnx-weights.json`: which ranges of the graph's external file are computed from which stored tensors.
import * as v from 'valibot';
import { PersonaPlugError } from '../../lib/errors.ts';
import type { TensorCache } from '../../model-package/tensor-cache.ts';
import { bytesPerRow, columnStep, type StoredRows } from './quantized-weights.ts';

const count = v.pipe(v.number(), v.integer(), v.minValue(1));
const offset = v.pipe(v.number(), v.integer(), v.minValue(0));

const source = {
  form: v.picklist(['q4_1', 'q8_0', 'bfloat16', 'float32']),
  values: v.string(),
  scales: v.exactOptional(v.string()),
  columns: count,
  firstRow: offset,
  lastRow: count,
};

const tableSchema = v.object({
  schemaVersion: v.literal(1),
  file: v.string(),
  bytes: count,
  embedding: v.object(source),
  tensors: v.array(v.object({ ...source, offset, length: count, isTransposed: v.boolean() })),
});

/** The file's content. */
export type WeightTableJson = v.InferOutput<typeof tableSchema>;

type Source = WeightTableJson['embedding'];

/** A float32 tensor of the graph: where it would lie in the external file, and what it is computed from. */
export interface WeightRange {
  readonly name: string;
  /** Bytes. */
  readonly offset: number;
  readonly length: number;
  /** Whether the graph wants `[columns, rows]`. */
  readonly isTransposed: boolean;
  readonly stored: StoredRows;
}

export interface WeightTable {
  /** The name under which the graph asks for its weights. No such file exists. */
  readonly file: string;
  /** Bytes that the file would have: all weights of the graph as float32. */
  readonly bytes: number;
  readonly embedding: StoredRows;
  readonly tensors: readonly WeightRange[];
}

/** @throws PersonaPlugError `model-mismatch` that names the field. */
export function parseWeightTable(json: unknown, packageName: string): WeightTableJson {
  const result = v.safeParse(tableSchema, json, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw mismatch(packageName, `${v.getDotPath(issue) ?? 'the document'}: ${issue.message}`);
}

/**
 * Joins the table with the shards that it speaks of.
 *
 * @throws PersonaPlugError `model-mismatch` when the records do not hold what the table says.
 */
export function openWeightTable(
  { file, bytes, embedding, tensors }: WeightTableJson,
  { records }: TensorCache,
  shards: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
  packageName: string,
): WeightTable {
  /** The bytes of a record, with the length that its form needs. */
  function recordBytes(name: string, needed: number): Uint8Array<ArrayBuffer> {
    const record = records.get(name);
    const shard = record === undefined ? undefined : shards.get(record.shard);
    if (record === undefined || shard === undefined)
      throw mismatch(packageName, `tensor-cache.json has no record ${name}, or its shard was not read`);
    const end = record.byteOffset + record.nbytes;
    if (record.nbytes < needed || end > shard.byteLength)
      throw mismatch(
        packageName,
        `${name} has ${record.nbytes} bytes up to byte ${end} of a shard of ${shard.byteLength}, but ${needed} are needed`,
      );
    const part = shard.subarray(record.byteOffset, end);
    // Typed arrays of words need alignment; a copy has it.
    return part.byteOffset % 4 === 0 ? part : part.slice();
  }

  function storedRows({ form, values, scales, columns, firstRow, lastRow }: Source): StoredRows {
    if (lastRow <= firstRow || columns % columnStep(form) !== 0)
      throw mismatch(
        packageName,
        `${values}: rows ${firstRow} to ${lastRow} of ${columns} columns are not of form ${form}`,
      );
    const row = bytesPerRow(form, columns);
    if ((scales === undefined) !== (row.scales === 0))
      throw mismatch(packageName, `${values}: form ${form} has ${row.scales === 0 ? 'no' : 'a record of'} scales`);
    return {
      form,
      columns,
      firstRow,
      lastRow,
      values: recordBytes(values, lastRow * row.values),
      scales: scales === undefined ? new Uint8Array(0) : recordBytes(scales, lastRow * row.scales),
    };
  }

  return {
    file,
    bytes,
    embedding: storedRows(embedding),
    tensors: tensors.map((entry) => {
      const { length, isTransposed } = entry;
      if (length !== 4 * (entry.lastRow - entry.firstRow) * entry.columns || entry.offset + length > bytes)
        throw mismatch(
          packageName,
          `the range of ${entry.values} at ${entry.offset} has ${length} bytes, which is not its size`,
        );
      return { name: entry.values, offset: entry.offset, length, isTransposed, stored: storedRows(entry) };
    }),
  };
}

function mismatch(packageName: string, reason: string): PersonaPlugError {
  return new PersonaPlugError(
    'model-mismatch',
    `The weight table of model package "${packageName}" is not valid: ${reason}. Export the package again with training/.`,
    { details: { package: packageName } },
  );
}
