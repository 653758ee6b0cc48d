// What a stored tuning says of itself: with which models it was made, and how well it did.
import * as v from 'valibot';
import { PersonaPlugError } from '../lib/errors.ts';

const schema = v.object({
  version: v.literal(1),
  base: v.picklist(['persona', 'instruction', 'none']),
  /** Fingerprints. A tuning means nothing to other models. */
  plug: v.string(),
  languageModel: v.string(),
  /** Items of the passes, and those that were held out from them and learned last. */
  trainedItems: v.number(),
  heldOutItems: v.number(),
  /** Mean loss of the held-out items before and after, nats a token. */
  startLoss: v.number(),
  loss: v.number(),
  /** The pass that was the best. */
  pass: v.number(),
  /** α / r of LoRA. */
  loraScale: v.number(),
  /** Milliseconds since 1970. */
  finishedAt: v.number(),
});

export type AdapterResult = v.InferOutput<typeof schema>;

/** @throws PersonaPlugError `storage-failed` when another version of this package wrote it. */
export function parseAdapterResult(json: string): AdapterResult {
  const result = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), json);
  if (result.success) return result.output;
  throw new PersonaPlugError(
    'storage-failed',
    `The stored tuning cannot be read: ${result.issues[0].message}. Another version of this package wrote it: train again.`,
  );
}
