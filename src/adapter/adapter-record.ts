// An adapter as a history stores it beside the items. A run that is under way and a finished one were both made of items, and what
// was learned is erased with any one of them: a parameter that has seen a forgotten text still holds something of it. What was asked
// for stays, so that the training can be done again on the items that are left.
import * as v from 'valibot';
import { PersonaPlugError } from '../lib/errors.ts';
import type { Adapter, AdapterResult, AdapterState, StaleMark } from './adapter.ts';
import { adapterBases, type AdapterKind } from './adapter-kind.ts';
import { checkTrainingOptions, type TrainingOptions } from './training-options.ts';

/** One adapter of a task. There is at most one of each kind in each state. */
export interface AdapterRecord {
  readonly task: string;
  readonly kind: AdapterKind;
  /** `stale`: `description` and `tensors` are empty, erased by what made it stale. */
  readonly state: AdapterState;
  /** Names the run: a checkpoint that comes late must not bring back what was dropped or started anew meanwhile. */
  readonly run: string;
  /** The ids of the items that it is made of; of a stale one those that are left. */
  readonly items: readonly string[];
  /** JSON of what was asked for (`writeSettings`): nothing in it follows from a text, not even a loss. */
  readonly settings: string;
  /** JSON of what came out (`writeResult`); of a running one what the training needs to go on. */
  readonly description: string;
  /** Safetensors. */
  readonly tensors: Uint8Array<ArrayBuffer>;
  /** Only where it is stale. */
  readonly stale?: StaleMark;
}

/** What was asked for, and with which models: enough to train it again. */
type Settings = Pick<Adapter, 'base' | 'plug' | 'languageModel' | 'options' | 'startedAt'>;

const settingsSchema = v.object({
  version: v.literal(1),
  base: v.picklist(adapterBases),
  plug: v.string(),
  languageModel: v.string(),
  options: v.unknown(),
  startedAt: v.nullable(v.number()),
});

const resultSchema = v.object({
  version: v.literal(1),
  trainedItems: v.number(),
  heldOutItems: v.number(),
  startLoss: v.number(),
  loss: v.number(),
  pass: v.number(),
  loraScale: v.number(),
  finishedAt: v.number(),
});

/** The field `settings` of a record. */
export function writeSettings(settings: Settings): string {
  return JSON.stringify({ version: 1, ...settings } satisfies v.InferOutput<typeof settingsSchema>);
}

/** The field `description` of a record that is ready; it names base and models too. */
export function writeResult(
  { base, plug, languageModel }: Pick<Settings, 'base' | 'plug' | 'languageModel'>,
  result: AdapterResult,
): string {
  return JSON.stringify({ version: 1, base, plug, languageModel, ...result });
}

/** @throws PersonaPlugError `storage-failed` when another version of this package wrote the record. */
export function readAdapter(record: AdapterRecord): Adapter {
  const { task, kind, state, stale = null, items, tensors } = record;
  const { version: _, options, ...settings } = parse(settingsSchema, record, 'settings');
  return {
    task,
    kind,
    state,
    stale,
    ...settings,
    options: checkTrainingOptions(storedOptions(options)),
    itemIds: items,
    bytes: tensors.byteLength,
    result: state === 'ready' ? readResult(record) : null,
  };
}

function readResult(record: AdapterRecord): AdapterResult {
  const { version: _, ...result } = parse(resultSchema, record, 'description');
  return result;
}

function parse<S extends v.GenericSchema>(
  schema: S,
  { task, kind, ...record }: AdapterRecord,
  field: 'settings' | 'description',
): v.InferOutput<S> {
  const result = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), record[field]);
  if (result.success) return result.output;
  throw new PersonaPlugError(
    'storage-failed',
    `The ${field} of the stored ${kind} adapter of "${task}" cannot be read: ${result.issues[0].message}. Another version of this package wrote it: delete it and train anew.`,
    { details: { task, kind, field } },
  );
}

/** The border: what was stored is checked in full by `checkTrainingOptions`. */
function storedOptions(stored: unknown): TrainingOptions {
  return stored as TrainingOptions;
}
