// Takes a token from logits: greedily, or with temperature and nucleus by a seeded generator. Every runtime uses it.
import { PersonaPlugError } from '../../lib/errors.ts';
import { seededRandom } from '../../lib/seeded-random.ts';
import type { SamplingOptions } from '../language-model.ts';

/** Takes the logits of one position, `[vocabulary]`, and gives a token id. Keeps the state of its random generator. */
export type Sampler = (logits: Float32Array) => number;

/**
 * The id of the largest logit; the lowest id at a tie.
 *
 * @param among - Only these ids are looked at. @defaultValue all
 * @throws PersonaPlugError `runtime-failed` when a logit is NaN or none is finite.
 */
export function argmax(logits: Float32Array, among?: readonly number[]): number {
  let best = -1;
  let highest = -Infinity;
  const count = among === undefined ? logits.length : among.length;
  for (let index = 0; index < count; index++) {
    const token = among === undefined ? index : (among[index] ?? -1);
    const logit = logits[token] ?? Number.NaN;
    if (Number.isNaN(logit)) throw noFiniteLogit(token);
    if (logit > highest || (logit === highest && token < best)) {
      highest = logit;
      best = token;
    }
  }
  if (best < 0 || !Number.isFinite(highest)) throw noFiniteLogit(best);
  return best;
}

/**
 * Makes a sampler. Greedy unless `temperature` is above 0; equal seeds give equal tokens for equal logits.
 *
 * @throws PersonaPlugError `invalid-argument` for a negative temperature or a nucleus mass outside (0, 1].
 *
 * @example
 * ```ts
 * const sample = createSampler({ temperature: 0.8, topP: 0.9, seed: 7 });
 * const token = sample(logits);
 * ```
 */
export function createSampler({ temperature = 0, topP = 1, seed }: SamplingOptions = {}): Sampler {
  if (!Number.isFinite(temperature) || temperature < 0) {
    throw new PersonaPlugError(
      'invalid-argument',
      `The temperature is ${temperature}. Give a number of at least 0; 0 is greedy.`,
    );
  }
  if (!(topP > 0 && topP <= 1)) {
    throw new PersonaPlugError(
      'invalid-argument',
      `The nucleus mass topP is ${topP}. Give a number above 0 and at most 1; 1 keeps every token.`,
    );
  }
  if (temperature === 0) return (logits) => argmax(logits);
  const random = seededRandom(seed ?? freshSeed());
  return (logits) => sampleNucleus(logits, temperature, topP, random());
}

/** Draws from the smallest set of most likely tokens whose mass reaches topP (Holtzman et al. 2020). */
function sampleNucleus(logits: Float32Array, temperature: number, topP: number, uniform: number): number {
  const highest = logits[argmax(logits)] ?? 0;
  const weights = Float64Array.from(logits, (logit) => Math.exp((logit - highest) / temperature));
  // Ties keep the order of ids, so that a seed gives the same token everywhere.
  const order = Array.from(weights.keys());
  if (topP < 1) order.sort((left, right) => (weights[right] ?? 0) - (weights[left] ?? 0) || left - right);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let mass = 0;
  let kept = 0;
  for (const token of order) {
    mass += weights[token] ?? 0;
    kept += 1;
    if (topP < 1 && mass >= topP * total) break;
  }
  let remaining = uniform * mass;
  for (const token of order.slice(0, kept)) {
    remaining -= weights[token] ?? 0;
    if (remaining < 0) return token;
  }
  // Rounding can leave a remainder of about 1e-16, which goes to the last token with any weight.
  return order.slice(0, kept).findLast((token) => (weights[token] ?? 0) > 0) ?? argmax(logits);
}

function freshSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
}

function noFiniteLogit(token: number): PersonaPlugError {
  return new PersonaPlugError(
    'runtime-failed',
    `The language model returned no usable logits (token ${token} is NaN, missing or infinite). Reload the model; if it happens again, take another device.`,
  );
}
