// The check at start: the vectors of golden sentences must be those that training computed.
import * as v from 'valibot';
import { PersonaPlugError } from '../lib/errors.ts';
import { createProgressMeter } from '../lib/progress-meter.ts';
import type { OnProgress } from '../lib/progress.ts';
import { cosineSimilarity } from './pooling.ts';

/** A backend with a smaller cosine to the float32 model is wrong; the effect of 8-bit weights alone stays above .995. */
export const smallestAcceptableCosine = 0.99;

export interface SelfTestResult {
  readonly smallestCosine: number;
  readonly passed: boolean;
}

export interface SelfTestOptions {
  readonly label: string;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

const selfTestSchema = v.pipe(
  v.object({ texts: v.pipe(v.array(v.string()), v.minLength(1)), vectors: v.array(v.array(v.number())) }),
  v.check(({ texts, vectors }) => texts.length === vectors.length, 'texts and vectors differ in number'),
);

/** Embeds the golden sentences of self-test.json and compares. A failing runtime counts as cosine -1, an abort is thrown. */
export async function runSelfTest(
  golden: unknown,
  embed: (text: string) => Promise<Float32Array>,
  { label, signal, onProgress }: SelfTestOptions,
): Promise<SelfTestResult> {
  const parsed = v.safeParse(selfTestSchema, golden);
  if (!parsed.success) {
    throw new PersonaPlugError(
      'model-mismatch',
      `The self-test of ${label} is not valid: ${parsed.issues[0].message}. Export the embedder again.`,
    );
  }
  const { texts, vectors } = parsed.output;
  const meter = createProgressMeter({ stage: 'self-test', label, total: texts.length, unit: 'items', onProgress });
  let smallestCosine = 1;
  for (const [index, text] of texts.entries()) {
    signal?.throwIfAborted();
    meter.update(index);
    const vector = await embed(text);
    const expected = vectors[index] ?? [];
    const cosine = expected.length === vector.length ? cosineSimilarity(vector, expected) : -1;
    smallestCosine = Math.min(smallestCosine, cosine);
  }
  meter.update(texts.length);
  return { smallestCosine, passed: smallestCosine >= smallestAcceptableCosine };
}
