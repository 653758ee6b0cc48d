// Reads the golden loss curves of training an adapter: `tuning-curves.json` in the golden package's folder, or in the one that
// PERSONA_PLUG_GOLDEN_TUNING names. Node only.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { adapterKinds } from '../../adapter/adapter-kind.ts';
import { goldenFolder } from './golden-models.ts';

const itemSchema = v.object({ id: v.string(), input: v.string(), output: v.string() });

const schema = v.object({
  languageModel: v.string(),
  reference: v.string(),
  task: v.string(),
  items: v.array(itemSchema),
  heldOut: itemSchema,
  /** Indices of `items`, one a step. */
  order: v.array(v.number()),
  rank: v.number(),
  alpha: v.number(),
  promptRows: v.number(),
  warmUpShare: v.number(),
  maximumNorm: v.number(),
  cases: v.array(
    v.object({
      kind: v.picklist(adapterKinds),
      rate: v.number(),
      weightDecay: v.number(),
      /** Of each step, before it: nats a token. */
      losses: v.array(v.number()),
    }),
  ),
});

export type GoldenCurves = v.InferOutput<typeof schema>;
export type GoldenCurve = GoldenCurves['cases'][number];

/** Null where there are none, with a warning on the console. */
export function openGoldenCurves(): GoldenCurves | null {
  const folder = process.env['PERSONA_PLUG_GOLDEN_TUNING'] ?? goldenFolder();
  const file = join(folder, 'tuning-curves.json');
  if (existsSync(file)) return v.parse(schema, JSON.parse(readFileSync(file, 'utf8')));
  console.warn(`SKIPPED, golden loss curves: there is no ${file}. Make it with training.golden.loss_curves.`);
  return null;
}
