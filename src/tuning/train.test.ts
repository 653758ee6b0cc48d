// The training loop over a small model of its own: linear regression, whose loss and gradients are exact.
import { describe, expect, test } from 'vitest';
import type { Example } from './example.ts';
import type { GradientModel } from './gradient-model.ts';
import type { Parameters } from '../adapter/parameters.ts';
import {
  initialTrainingState,
  stepCount,
  train,
  type LoopEvent,
  type TrainingSet,
  type TrainingState,
} from './train.ts';
import { checkTrainingOptions } from '../adapter/training-options.ts';
import type { TrainingOptions } from '../adapter/training-options.ts';

/** Half the squared distance of p from the example's embeddings. */
const distanceModel: GradientModel = {
  async lossAndGradients(example, parameters) {
    const difference = differences(example, parameters);
    const loss = difference.reduce((sum, value) => sum + value * value, 0) / 2;
    return { loss, gradients: new Map([['p', { shape: [2], data: difference }]]) };
  },
  async loss(example, parameters) {
    return (await this.lossAndGradients(example, parameters)).loss;
  },
  [Symbol.dispose]() {},
};

function differences(example: Example, parameters: Parameters): Float32Array<ArrayBuffer> {
  const { data } = parameters.get('p') ?? { data: new Float32Array(2) };
  return data.map((value, index) => value - (example.embeddings[index] ?? 0));
}

function pointsAt(points: Record<string, readonly [number, number]>, heldOut: readonly string[]): TrainingSet {
  const none = new Float32Array(0);
  return {
    training: Object.keys(points).filter((id) => !heldOut.includes(id)),
    heldOut,
    example: (id) => ({
      length: 1,
      embeddings: Float32Array.from(points[id] ?? []),
      placement: none,
      trainableRows: 1,
      targets: 1,
      selection: none,
      targetRows: none,
      targetWeights: none,
    }),
  };
}

const origin = (): Parameters => new Map([['p', { shape: [2], data: new Float32Array(2) }]]);
const settings = (more: Partial<TrainingOptions> = {}) =>
  checkTrainingOptions({
    kind: 'prompt',
    passes: 6,
    batchSize: 2,
    rate: 0.1,
    weightDecay: 0,
    patience: 6,
    heldOutRate: 0,
    seed: 3,
    ...more,
  });

const five = pointsAt({ a: [1, 2], b: [1.1, 2.1], c: [0.9, 1.9], d: [1, 2.05], e: [1, 2] }, ['e']);

async function runAll(
  set: TrainingSet,
  options: ReturnType<typeof settings>,
  start: TrainingState = initialTrainingState(set, origin(), options),
): Promise<{ events: LoopEvent[]; states: TrainingState[]; last: TrainingState }> {
  const events: LoopEvent[] = [];
  const states: TrainingState[] = [start];
  for await (const { event, state } of train(distanceModel, set, options, start)) {
    events.push(event);
    states.push(state);
  }
  return { events, states, last: states.at(-1) ?? start };
}

/** All numbers of a state, to compare bit by bit. */
const bits = (state: TrainingState): string =>
  JSON.stringify(state, (_, value: unknown) => {
    if (value instanceof Map) return [...value.entries()];
    return value instanceof Float32Array ? [...new Uint32Array(value.slice().buffer)] : value;
  });

/** From the best parameters to the middle of [0.5, 1] and [0.5, 1.5]. */
function distanceToHeldOut({ best }: TrainingState): number {
  const [x = 0, y = 0] = best?.parameters.get('p')?.data ?? [];
  return Math.hypot(x - 0.5, y - 1.25);
}

describe('training', () => {
  test('moves the parameters to what the items want, and measures the held-out items after every pass', async () => {
    const options = settings({ passes: 40, patience: 40 });
    const { events, last } = await runAll(five, options);
    const evaluations = events.filter((event) => event.type === 'evaluation');
    expect(evaluations.map(({ pass }) => pass)).toEqual(Array.from({ length: 41 }, (_, pass) => pass));
    expect(last.startLoss).toBeCloseTo(2.5, 6);
    expect(last.best?.loss).toBeLessThan(0.05);
    expect(last.optimizer.step).toBe(stepCount(five, options));
    expect(last.isFinished).toBe(true);
  });

  test.each([0, 0.5])(
    'goes on from every state it went through to the very same end (held-out rate %d)',
    async (heldOutRate) => {
      const options = settings({ heldOutRate });
      const { states, last } = await runAll(five, options);
      for (const state of states) expect(bits((await runAll(five, options, state)).last)).toBe(bits(last));
    },
  );

  test('learns the held-out items last, from the best parameters on and for as many passes', async () => {
    // The first two passes help; then every step leads away from what is held out.
    const points = pointsAt({ a: [1, 2], b: [1, 2], c: [0.5, 1], d: [0.5, 1.5] }, ['c', 'd']);
    const options = settings({ batchSize: 1, passes: 8, patience: 2, rate: 0.3 });
    const without = await runAll(points, options);
    const { events, last } = await runAll(points, { ...options, heldOutRate: 0.5 });
    const pass = without.last.best?.pass ?? 0;
    expect(pass).toBeGreaterThan(0);
    expect(pass).toBeLessThan(8);
    expect(last.best).toMatchObject({ pass, loss: without.last.best?.loss });
    expect(last.closing?.order.toSorted()).toEqual(['c', 'd'].flatMap((id) => Array.from({ length: pass }, () => id)));
    const steps = events.filter((event) => event.type === 'step');
    const count = (pass + 2) * 2 + pass * 2;
    expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: count }, (_, index) => index + 1));
    // How many there are in all is known once the search for the best pass is over.
    expect(steps.slice(-pass * 2).map((event) => event.steps)).toEqual(Array.from({ length: pass * 2 }, () => count));
    expect(distanceToHeldOut(last)).toBeLessThan(distanceToHeldOut(without.last));
  });

  test('takes each item once a pass, in an order that the seed alone decides', async () => {
    const options = settings();
    const { order } = initialTrainingState(five, origin(), options);
    for (let pass = 0; pass < 6; pass++) {
      expect(order.slice(pass * 4, pass * 4 + 4).toSorted()).toEqual(['a', 'b', 'c', 'd']);
    }
    expect(initialTrainingState(five, origin(), options).order).toEqual(order);
    expect(initialTrainingState(five, origin(), settings({ seed: 4 })).order).not.toEqual(order);
  });

  test('stops when the held-out loss no longer falls, and keeps the parameters from before', async () => {
    // What is held out lies on the other side: every step makes it worse.
    const against = pointsAt({ a: [1, 1], b: [1, 1], c: [1, 1], d: [-1, -1] }, ['d']);
    const { last, events } = await runAll(against, settings({ patience: 2, heldOutRate: 0.5 }));
    expect(events.filter(({ type }) => type === 'evaluation')).toHaveLength(3);
    expect(last.best).toMatchObject({ pass: 0, loss: 1 });
    expect([...(last.best?.parameters.get('p')?.data ?? [])]).toEqual([0, 0]);
  });

  test('a loss that is no number ends it with an error', async () => {
    const broken = pointsAt({ a: [Number.NaN, 0], b: [0, 0], c: [0, 0] }, ['c']);
    await expect(runAll(broken, settings())).rejects.toMatchObject({ code: 'runtime-failed' });
  });
});

function refused(name: string): unknown {
  return expect.objectContaining({ code: 'invalid-argument', message: expect.stringContaining(name) });
}

test('wrong settings are named', () => {
  expect(() => checkTrainingOptions({ kind: 'prompt', passes: 0 })).toThrow(refused('passes'));
  expect(() => checkTrainingOptions({ kind: 'lora', rank: 1000 })).toThrow(refused('rank'));
  expect(checkTrainingOptions({ kind: 'lora' })).toMatchObject({
    rank: 8,
    alpha: 8,
    maximumNorm: 0.3,
    warmUpShare: 0.1,
  });
});
