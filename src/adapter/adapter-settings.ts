// How a tuning was asked for, and with which models: what outlives a forgotten item, and what trains it again. Nothing in it follows
// from a text, not even a loss.
import * as v from 'valibot';
import { PersonaPlugError } from '../lib/errors.ts';
import type { AdapterBase } from '../tuning/personal-items.ts';
import { checkTrainingOptions, type TrainingOptions, type TrainingOptionsInput } from './training-options.ts';

const schema = v.object({
  version: v.literal(1),
  base: v.picklist(['persona', 'instruction', 'none']),
  /** Fingerprints. */
  plug: v.string(),
  languageModel: v.string(),
  options: v.unknown(),
  /** Milliseconds since 1970; null where an earlier version of this package did not write it down. */
  startedAt: v.nullable(v.number()),
});

/** Where a tuning came from, beside its items: enough to make it again. */
export interface AdapterSettings {
  readonly base: AdapterBase;
  readonly plug: string;
  readonly languageModel: string;
  /** The seed among them. */
  readonly options: TrainingOptions;
  readonly startedAt: number | null;
}

export function writeAdapterSettings(settings: AdapterSettings): string {
  return JSON.stringify({ version: 1, ...settings } satisfies v.InferOutput<typeof schema>);
}

/** @throws PersonaPlugError `storage-failed` when another version of this package wrote them. */
export function parseAdapterSettings(json: string): AdapterSettings {
  const result = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), json);
  if (!result.success) {
    throw new PersonaPlugError(
      'storage-failed',
      `The settings of the stored tuning cannot be read: ${result.issues[0].message}. Delete it and train anew.`,
    );
  }
  const { version: _, options, ...settings } = result.output;
  return { ...settings, options: checkTrainingOptions(readOptions(options)) };
}

/** The border: what was stored is checked in full by `checkTrainingOptions`. */
function readOptions(stored: unknown): TrainingOptionsInput {
  return stored as TrainingOptionsInput;
}
