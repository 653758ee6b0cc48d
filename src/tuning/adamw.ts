// AdamW (Loshchilov and Hutter, arXiv 1711.05101) as torch computes it, on plain arrays. An adapter is a few thousand
// numbers: a step costs microseconds here, is the same on every backend, and its state can be put into a checkpoint.
import { PersonaPlugError } from '../lib/errors.ts';
import type { Parameters } from '../adapter/parameters.ts';
import type { Tensor } from '../model-package/tensor.ts';

export interface AdamWOptions {
  readonly rate: number;
  /** Decoupled: parameters shrink by rate · weightDecay a step. */
  readonly weightDecay: number;
  /** β₁. @defaultValue 0.9 */
  readonly firstDecay?: number;
  /** β₂. @defaultValue 0.999 */
  readonly secondDecay?: number;
  /** @defaultValue 1e-8 */
  readonly epsilon?: number;
}

/** Parameters with the running means of their gradients. Never changed in place, so a state that was kept stays as it was. */
export interface OptimizerState {
  readonly parameters: Parameters;
  /** Running mean of gradients. */
  readonly firstMoments: Parameters;
  /** Running mean of squared gradients. */
  readonly secondMoments: Parameters;
  /** Steps done. */
  readonly step: number;
}

export function startOptimizer(parameters: Parameters): OptimizerState {
  const zeros = new Map(
    [...parameters].map(([name, { shape, data }]) => [name, { shape, data: new Float32Array(data.length) }]),
  );
  return { parameters, firstMoments: zeros, secondMoments: zeros, step: 0 };
}

/** The state after one step. @throws PersonaPlugError `internal` when a gradient is missing. */
export function adamWStep(state: OptimizerState, gradients: Parameters, options: AdamWOptions): OptimizerState {
  const { rate, weightDecay, firstDecay = 0.9, secondDecay = 0.999, epsilon = 1e-8 } = options;
  const step = state.step + 1;
  const firstCorrection = 1 - firstDecay ** step;
  const secondCorrection = Math.sqrt(1 - secondDecay ** step);
  const parameters = new Map<string, Tensor>();
  const firstMoments = new Map<string, Tensor>();
  const secondMoments = new Map<string, Tensor>();
  for (const [name, { shape, data }] of state.parameters) {
    const gradient = dataOf(gradients, name);
    const [oldFirst, oldSecond] = [dataOf(state.firstMoments, name), dataOf(state.secondMoments, name)];
    const [values, first, second] = [data.slice(), oldFirst.slice(), oldSecond.slice()];
    for (const [index, slope] of gradient.entries()) {
      const mean = firstDecay * (oldFirst[index] ?? 0) + (1 - firstDecay) * slope;
      const square = secondDecay * (oldSecond[index] ?? 0) + (1 - secondDecay) * slope * slope;
      const change = mean / firstCorrection / (Math.sqrt(square) / secondCorrection + epsilon);
      values[index] = (data[index] ?? 0) * (1 - rate * weightDecay) - rate * change;
      first[index] = mean;
      second[index] = square;
    }
    parameters.set(name, { shape, data: values });
    firstMoments.set(name, { shape, data: first });
    secondMoments.set(name, { shape, data: second });
  }
  return { parameters, firstMoments, secondMoments, step };
}

/** Length of all gradients as one vector. */
export function gradientNorm(gradients: Parameters): number {
  let sum = 0;
  for (const { data } of gradients.values()) for (const value of data) sum += value * value;
  return Math.sqrt(sum);
}

/** The gradients, shortened to `maximum` where they are longer. */
export function clipGradients(gradients: Parameters, maximum: number): Parameters {
  const norm = gradientNorm(gradients);
  return norm <= maximum ? gradients : scaleGradients(gradients, maximum / norm);
}

export function scaleGradients(gradients: Parameters, factor: number): Parameters {
  return new Map(
    [...gradients].map(([name, { shape, data }]) => [name, { shape, data: data.map((value) => factor * value) }]),
  );
}

/** Sum of gradients of the same parameters. */
export function addGradients(left: Parameters | null, right: Parameters): Parameters {
  if (left === null) return right;
  return new Map(
    [...right].map(([name, { shape, data }]) => {
      const other = dataOf(left, name);
      return [name, { shape, data: data.map((value, index) => value + (other[index] ?? 0)) }];
    }),
  );
}

/** Linear warm-up over the first share of the steps, then linear to 0 after the last (OPPU). A factor of the rate. */
export function rateFactor(step: number, steps: number, warmUpShare: number): number {
  const warmUp = Math.ceil(steps * warmUpShare);
  if (step < warmUp) return (step + 1) / warmUp;
  return (steps - step) / Math.max(1, steps - warmUp);
}

function dataOf(parameters: Parameters, name: string): Float32Array<ArrayBuffer> {
  const tensor = parameters.get(name);
  if (tensor === undefined)
    throw new PersonaPlugError('internal', `The optimizer has nothing of the parameter ${name}.`);
  return tensor.data;
}
