// The settings of a tuning, and what is allowed.
import * as v from 'valibot';
import { adapterKinds } from './adapter-record.ts';
import { PersonaPlugError } from '../lib/errors.ts';

const count = v.pipe(v.number(), v.integer(), v.minValue(1));
const positive = v.pipe(v.number(), v.finite(), v.gtValue(0));
const share = v.pipe(v.number(), v.minValue(0), v.ltValue(1));

/** OPPU's settings (arXiv 2402.04401, appendix), but for rate, passes and batch: those were looked for on development users (docs/tuning.md). */
const schema = v.strictObject({
  /** What is trained. */
  kind: v.picklist(adapterKinds),
  /** Passes over the items, at most: training ends earlier when the held-out loss no longer falls. */
  passes: v.optional(count, 2),
  /** Items whose gradients make one step. */
  batchSize: v.optional(count, 1),
  rate: v.optional(positive),
  weightDecay: v.optional(v.pipe(v.number(), v.finite(), v.minValue(0)), 0.01),
  /** Share of the steps in which the rate rises. */
  warmUpShare: v.optional(share, 0.1),
  /** Gradients longer than this are shortened to it. */
  maximumNorm: v.optional(positive, 0.3),
  /** Share of the newest items that tell when to stop, and are learned last; at least one item. */
  heldOutShare: v.optional(share, 0.1),
  /** The share of `rate` with which the held-out items are learned in the end; 0: they are not. */
  heldOutRate: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1)), 0.5),
  /** Passes without a better held-out loss after which training stops. */
  patience: v.optional(count, 2),
  seed: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), 0),
  /** Rank of LoRA. */
  rank: v.optional(v.pipe(count, v.maxValue(64)), 8),
  /** α of LoRA: its change is scaled by α / rank. */
  alpha: v.optional(positive, 8),
});

export type TrainingOptionsInput = v.InferInput<typeof schema>;
export type TrainingOptions = v.InferOutput<typeof schema> & { readonly rate: number };

/** Rows move in units of embeddings, LoRA in units of weights, (IA)³ in shares of activations. */
const defaultRates = { prompt: 0.03, lora: 1e-3, ia3: 1e-2 } as const;

/** @throws PersonaPlugError `invalid-argument` naming the setting. */
export function checkTrainingOptions(input: TrainingOptionsInput): TrainingOptions {
  const result = v.safeParse(schema, input);
  if (result.success) return { ...result.output, rate: result.output.rate ?? defaultRates[result.output.kind] };
  const [issue] = result.issues;
  throw new PersonaPlugError(
    'invalid-argument',
    `The tuning option ${v.getDotPath(issue) ?? '(all)'} is wrong: ${issue.message}. Leave it out for its default.`,
  );
}
