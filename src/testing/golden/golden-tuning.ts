// Reads the golden gradients of training an adapter: `tuning.json` and `tuning.f32` in the golden package's folder, or in the one that
// PERSONA_PLUG_GOLDEN_TUNING names. Node only.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { adapterKinds } from '../../adapter/adapter-kind.ts';
import { goldenFolder } from './golden-models.ts';

const tensorSchema = v.object({ offset: v.number(), shape: v.array(v.number()) });

const schema = v.object({
  languageModel: v.string(),
  rank: v.number(),
  alpha: v.number(),
  cases: v.array(
    v.object({
      name: v.string(),
      kind: v.picklist(adapterKinds),
      segments: v.array(v.union([v.object({ ids: v.array(v.number()) }), v.object({ rows: v.number() })])),
      answer: v.array(v.number()),
      loss: v.number(),
      gradients: v.record(v.string(), tensorSchema),
    }),
  ),
});

export type GoldenTuningCase = v.InferOutput<typeof schema>['cases'][number];

export interface GoldenTuning {
  /** Fingerprint of the model that the numbers were computed with. */
  readonly languageModel: string;
  readonly rank: number;
  readonly alpha: number;
  readonly cases: readonly GoldenTuningCase[];
  tensor(reference: v.InferOutput<typeof tensorSchema>): Float32Array;
}

/** Null where there are none, with a warning on the console. */
export function openGoldenTuning(): GoldenTuning | null {
  const folder = process.env['PERSONA_PLUG_GOLDEN_TUNING'] ?? goldenFolder();
  if (!existsSync(join(folder, 'tuning.json'))) {
    console.warn(`SKIPPED, golden gradients: ${folder} has no tuning.json. Make it with training.golden.gradients.`);
    return null;
  }
  const golden = v.parse(schema, JSON.parse(readFileSync(join(folder, 'tuning.json'), 'utf8')));
  const bytes = Uint8Array.from(readFileSync(join(folder, 'tuning.f32')));
  const floats = new Float32Array(bytes.buffer);
  return {
    ...golden,
    tensor: ({ offset, shape }) => floats.slice(offset, offset + shape.reduce((product, size) => product * size, 1)),
  };
}
