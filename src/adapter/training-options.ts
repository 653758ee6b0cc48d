// What can be asked of a training, and what is allowed.
import * as v from 'valibot';
import { PersonaPlugError } from '../lib/errors.ts';
import { type AdapterKind, adapterKinds } from './adapter-kind.ts';

/** OPPU's settings (arXiv 2402.04401, appendix), but for rate, passes and batch: those were looked for on development users (docs/tuning.md). */
export interface TrainingOptions {
  /** What is trained. */
  readonly kind: AdapterKind;
  /** Passes over the items, at most: training ends earlier when the held-out loss no longer falls. @defaultValue 2 */
  readonly passes?: number;
  /** Items whose gradients make one step. @defaultValue 1 */
  readonly batchSize?: number;
  /** Rows move in units of embeddings, LoRA in units of weights, (IA)³ in shares of activations. @defaultValue 0.03 of a prompt, 0.001 of LoRA, 0.01 of (IA)³ */
  readonly rate?: number;
  /** Decoupled, as AdamW has it. @defaultValue 0.01 */
  readonly weightDecay?: number;
  /** Share of the steps in which the rate rises. @defaultValue 0.1 */
  readonly warmUpShare?: number;
  /** Gradients longer than this are shortened to it. @defaultValue 0.3 */
  readonly maximumNorm?: number;
  /** Share of the newest items that tell when to stop, and are learned last; at least one item. @defaultValue 0.1 */
  readonly heldOutShare?: number;
  /** The share of `rate` with which the held-out items are learned in the end; 0: they are not. @defaultValue 0.5 */
  readonly heldOutRate?: number;
  /** Passes without a better held-out loss after which training stops. @defaultValue 2 */
  readonly patience?: number;
  /** Of the order of items and of LoRA's start. @defaultValue 0 */
  readonly seed?: number;
  /** Rank of LoRA, 1 to 64. @defaultValue 8 */
  readonly rank?: number;
  /** α of LoRA: its change is scaled by α / rank. @defaultValue 8 */
  readonly alpha?: number;
}

const count = v.pipe(v.number(), v.integer(), v.minValue(1));
const positive = v.pipe(v.number(), v.finite(), v.gtValue(0));
const share = v.pipe(v.number(), v.minValue(0), v.ltValue(1));

const schema = v.strictObject({
  kind: v.picklist(adapterKinds),
  passes: v.optional(count, 2),
  batchSize: v.optional(count, 1),
  rate: v.optional(positive),
  weightDecay: v.optional(v.pipe(v.number(), v.finite(), v.minValue(0)), 0.01),
  warmUpShare: v.optional(share, 0.1),
  maximumNorm: v.optional(positive, 0.3),
  heldOutShare: v.optional(share, 0.1),
  heldOutRate: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1)), 0.5),
  patience: v.optional(count, 2),
  seed: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), 0),
  rank: v.optional(v.pipe(count, v.maxValue(64)), 8),
  alpha: v.optional(positive, 8),
});

const defaultRates = { prompt: 0.03, lora: 1e-3, ia3: 1e-2 } as const satisfies Record<AdapterKind, number>;

/** The options with their defaults filled in. @throws PersonaPlugError `invalid-argument` naming the option. */
export function checkTrainingOptions(options: TrainingOptions): Required<TrainingOptions> {
  const result = v.safeParse(schema, options);
  if (result.success) return { ...result.output, rate: result.output.rate ?? defaultRates[result.output.kind] };
  const [issue] = result.issues;
  throw new PersonaPlugError(
    'invalid-argument',
    `The training option ${v.getDotPath(issue) ?? '(all)'} is wrong: ${issue.message}. Leave it out for its default.`,
  );
}
