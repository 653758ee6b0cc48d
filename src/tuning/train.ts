// The training loop as a sequence of steps over a state that can be kept: who stops pulling has paused it, and who starts again
// from a kept state gets, bit for bit, what an uninterrupted run gives.
import { PersonaPlugError } from '../lib/errors.ts';
import { seededRandom, shuffled } from '../lib/seeded-random.ts';
import { yieldToEventLoop } from '../lib/yield-to-event-loop.ts';
import {
  adamWStep,
  addGradients,
  clipGradients,
  type OptimizerState,
  rateFactor,
  scaleGradients,
  startOptimizer,
} from './adamw.ts';
import type { Example } from './example.ts';
import type { GradientModel, Parameters } from './gradient-model.ts';
import type { TuningOptions } from './tuning-options.ts';

/** What is trained on; the same for every run of one tuning. */
export interface TrainingSet {
  /** The ids of the items that are trained on, in the order of the history. */
  readonly training: readonly string[];
  /** The newest items, which tell when to stop. */
  readonly heldOut: readonly string[];
  readonly example: (id: string) => Example;
}

/** The best parameters so far, by held-out loss. */
export interface BestParameters {
  readonly parameters: Parameters;
  /** Mean loss of the held-out items, nats a token. */
  readonly loss: number;
  /** The pass after which they were found; 0: what training started from. */
  readonly pass: number;
}

/** Everything that decides how training goes on. Never changed in place. */
export interface TrainingState {
  readonly optimizer: OptimizerState;
  /** The items of the training set in the order of steps, all passes one after the other. */
  readonly order: readonly string[];
  readonly best: BestParameters | null;
  /** The held-out loss before the first step. */
  readonly startLoss: number | null;
  /** Passes whose held-out loss was measured; -1 before the start was. */
  readonly evaluatedPasses: number;
  readonly isFinished: boolean;
}

export type TrainingEvent =
  /** One optimizer step. `loss`: mean over its items, before the step. */
  | { readonly type: 'step'; readonly step: number; readonly steps: number; readonly loss: number }
  /** The held-out items' loss after a pass; pass 0 is the start. */
  | { readonly type: 'evaluation'; readonly pass: number; readonly loss: number; readonly isBest: boolean };

export function startTraining(set: TrainingSet, parameters: Parameters, options: TuningOptions): TrainingState {
  const random = seededRandom(options.seed);
  const order = Array.from({ length: options.passes }, () => shuffled(set.training, random)).flat();
  return {
    optimizer: startOptimizer(parameters),
    order,
    best: null,
    startLoss: null,
    evaluatedPasses: -1,
    isFinished: false,
  };
}

/** Optimizer steps of a whole training. A pass ends with a step of its own, however few items are left for it. */
export function stepCount(set: Pick<TrainingSet, 'training'>, options: TuningOptions): number {
  return options.passes * stepsOfPass(set, options);
}

export interface TrainControl {
  /** Heeded between any two items. */
  readonly signal?: AbortSignal | undefined;
  /** Awaited between any two items: training goes on when it resolves. */
  readonly rest?: (() => Promise<void>) | undefined;
}

/**
 * Trains on from a state; yields each event with the state after it.
 *
 * @throws PersonaPlugError `runtime-failed` when the loss is no number any more, what the model throws; or `signal.reason`,
 * between any two items.
 */
export async function* train(
  model: GradientModel,
  set: TrainingSet,
  options: TuningOptions,
  start: TrainingState,
  control: TrainControl = {},
): AsyncGenerator<{ readonly event: TrainingEvent; readonly state: TrainingState }, void, void> {
  let state = start;
  const perPass = stepsOfPass(set, options);
  const steps = stepCount(set, options);
  while (!state.isFinished) {
    const { step } = state.optimizer;
    const passesDone = Math.floor(step / perPass);
    if (step % perPass === 0 && state.evaluatedPasses < passesDone) {
      const loss = await heldOutLoss(model, set, state.optimizer.parameters, control);
      state = afterEvaluation(state, passesDone, loss, options);
      yield { event: { type: 'evaluation', pass: passesDone, loss, isBest: state.best?.pass === passesDone }, state };
      continue;
    }
    const { gradients, loss } = await batchGradients(model, set, state, options, control);
    const rate = options.rate * rateFactor(step, steps, options.warmUpShare);
    const clipped = clipGradients(gradients, options.maximumNorm);
    const optimizer = adamWStep(state.optimizer, clipped, { rate, weightDecay: options.weightDecay });
    state = { ...state, optimizer };
    yield { event: { type: 'step', step: optimizer.step, steps, loss }, state };
  }
}

function stepsOfPass({ training }: Pick<TrainingSet, 'training'>, { batchSize }: TuningOptions): number {
  return Math.ceil(training.length / batchSize);
}

async function batchGradients(
  model: GradientModel,
  set: TrainingSet,
  { optimizer, order }: TrainingState,
  options: TuningOptions,
  control: TrainControl,
): Promise<{ gradients: Parameters; loss: number }> {
  const perPass = stepsOfPass(set, options);
  const pass = Math.floor(optimizer.step / perPass);
  const first = pass * set.training.length + (optimizer.step % perPass) * options.batchSize;
  const batch = order.slice(first, Math.min(first + options.batchSize, (pass + 1) * set.training.length));
  let sum: Parameters | null = null;
  let loss = 0;
  for (const id of batch) {
    const found = await model.lossAndGradients(set.example(id), optimizer.parameters);
    if (!Number.isFinite(found.loss)) throw diverged(`at step ${optimizer.step}`, found.loss);
    sum = addGradients(sum, found.gradients);
    loss += found.loss / batch.length;
    await breathe(control);
  }
  if (sum === null) throw new PersonaPlugError('internal', `Step ${optimizer.step} of the training has no items.`);
  return { gradients: scaleGradients(sum, 1 / batch.length), loss };
}

async function heldOutLoss(
  model: GradientModel,
  set: TrainingSet,
  parameters: Parameters,
  control: TrainControl,
): Promise<number> {
  let sum = 0;
  for (const id of set.heldOut) {
    const loss = await model.loss(set.example(id), parameters);
    if (!Number.isFinite(loss)) throw diverged('on the held-out items', loss);
    sum += loss;
    await breathe(control);
  }
  return sum / set.heldOut.length;
}

/** On wasm a gradient blocks, and its results come in microtasks: without this neither pause nor abort could arrive. */
async function breathe({ signal, rest }: TrainControl): Promise<void> {
  await yieldToEventLoop();
  await rest?.();
  signal?.throwIfAborted();
}

function afterEvaluation(state: TrainingState, pass: number, loss: number, options: TuningOptions): TrainingState {
  const { optimizer, best } = state;
  const isBest = best === null || loss < best.loss;
  const newBest = isBest ? { parameters: optimizer.parameters, loss, pass } : best;
  return {
    ...state,
    best: newBest,
    startLoss: state.startLoss ?? loss,
    evaluatedPasses: pass,
    isFinished: pass === options.passes || pass - newBest.pass >= options.patience,
  };
}

function diverged(where: string, loss: number): PersonaPlugError {
  return new PersonaPlugError(
    'runtime-failed',
    `The training's loss is ${loss} ${where}. Start again with a lower rate.`,
  );
}
