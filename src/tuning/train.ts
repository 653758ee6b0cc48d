// The training loop as a sequence of steps over a state that can be kept. Whoever stops reading pauses it, and starting again from a
// kept state gives, bit for bit, what an uninterrupted run gives. The newest items are held out to find how many passes help; then
// they are learned too, because they are nearest to what the user writes next.
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
import type { GradientModel } from './gradient-model.ts';
import type { Parameters } from '../adapter/parameters.ts';
import type { TrainingOptions } from '../adapter/training-options.ts';

/** What is trained on. */
export interface TrainingSet {
  /** The ids of the items that are trained on, in the order of the history. */
  readonly training: readonly string[];
  /** The newest items: they tell when to stop, and are learned last. */
  readonly heldOut: readonly string[];
  readonly example: (id: string) => Example;
}

/** The best parameters so far, by held-out loss; in the end, with the held-out items learned. */
export interface BestParameters {
  readonly parameters: Parameters;
  /** Mean loss of the held-out items, nats a token, before they were learned. */
  readonly loss: number;
  /** The pass after which they were found; 0: what training started from. */
  readonly pass: number;
}

/** The held-out items being learned. */
export interface ClosingState {
  /** Them in the order of steps, as many passes as had helped. */
  readonly order: readonly string[];
  /** The steps before. */
  readonly stepsBefore: number;
}

/** Everything that decides how training goes on. Never changed in place. */
export interface TrainingState {
  /** While the held-out items are learned: one of its own, which started at the best parameters. */
  readonly optimizer: OptimizerState;
  /** The items of the training set in the order of steps, all passes one after the other. */
  readonly order: readonly string[];
  readonly best: BestParameters | null;
  /** The held-out loss before the first step. */
  readonly startLoss: number | null;
  /** Passes whose held-out loss was measured; -1 before the start was. */
  readonly evaluatedPasses: number;
  /** Null until the held-out items are learned. */
  readonly closing: ClosingState | null;
  readonly isFinished: boolean;
}

export type LoopEvent =
  /** One optimizer step. `loss`: mean over its items, before the step. `steps`: of them all, at most until the search ends. */
  | { readonly type: 'step'; readonly step: number; readonly steps: number; readonly loss: number }
  /** The held-out items' loss after a pass; pass 0 is the start. */
  | { readonly type: 'evaluation'; readonly pass: number; readonly loss: number; readonly isBest: boolean };

export function initialTrainingState(
  set: TrainingSet,
  parameters: Parameters,
  options: Required<TrainingOptions>,
): TrainingState {
  const random = seededRandom(options.seed);
  const order = Array.from({ length: options.passes }, () => shuffled(set.training, random)).flat();
  return {
    optimizer: startOptimizer(parameters),
    order,
    best: null,
    startLoss: null,
    evaluatedPasses: -1,
    closing: null,
    isFinished: false,
  };
}

/** Optimizer steps of a whole training, at most. A pass ends with a step of its own, however few items are left for it. */
export function stepCount(set: Pick<TrainingSet, 'training' | 'heldOut'>, options: Required<TrainingOptions>): number {
  const closing = options.heldOutRate === 0 ? 0 : stepsOfPass(set.heldOut, options);
  return options.passes * (stepsOfPass(set.training, options) + closing);
}

/** Optimizer steps that led to a state. */
export function stepsDone({ optimizer, closing }: Pick<TrainingState, 'optimizer' | 'closing'>): number {
  return optimizer.step + (closing?.stepsBefore ?? 0);
}

export interface LoopControl {
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
  options: Required<TrainingOptions>,
  start: TrainingState,
  control: LoopControl = {},
): AsyncGenerator<{ readonly event: LoopEvent; readonly state: TrainingState }, void, void> {
  let state = start;
  const perPass = stepsOfPass(set.training, options);
  const searchSteps = options.passes * perPass;
  while (!state.isFinished) {
    const { closing } = state;
    const { step } = state.optimizer;
    const passesDone = Math.floor(step / perPass);
    if (closing === null && step % perPass === 0 && state.evaluatedPasses < passesDone) {
      const loss = await heldOutLoss(model, set, state.optimizer.parameters, control);
      state = afterEvaluation(state, passesDone, loss);
      const isBest = state.best?.pass === passesDone;
      if (isSearchOver(state, options)) state = startClosing(state, set, options);
      yield { event: { type: 'evaluation', pass: passesDone, loss, isBest }, state };
      continue;
    }
    const batch =
      closing === null
        ? batchOf(state.order, set.training.length, step, options)
        : batchOf(closing.order, set.heldOut.length, step, options);
    const { gradients, loss } = await batchGradients(model, set, batch, state.optimizer, control);
    const share =
      closing === null
        ? rateFactor(step, searchSteps, options.warmUpShare)
        : options.heldOutRate * rateFactor(step, closingSteps(closing, set, options), 0);
    const clipped = clipGradients(gradients, options.maximumNorm);
    const optimizer = adamWStep(state.optimizer, clipped, {
      rate: options.rate * share,
      weightDecay: options.weightDecay,
    });
    state = { ...state, optimizer };
    const steps =
      closing === null ? stepCount(set, options) : closing.stepsBefore + closingSteps(closing, set, options);
    if (closing !== null && optimizer.step === closingSteps(closing, set, options)) state = afterClosing(state);
    yield { event: { type: 'step', step: stepsDone(state), steps, loss }, state };
  }
}

function stepsOfPass(items: readonly string[], { batchSize }: Required<TrainingOptions>): number {
  return Math.ceil(items.length / batchSize);
}

/** The items of a step, where `order` holds passes of `length` items one after the other. */
function batchOf(
  order: readonly string[],
  length: number,
  step: number,
  { batchSize }: Required<TrainingOptions>,
): readonly string[] {
  const perPass = Math.ceil(length / batchSize);
  const pass = Math.floor(step / perPass);
  const first = pass * length + (step % perPass) * batchSize;
  return order.slice(first, Math.min(first + batchSize, (pass + 1) * length));
}

async function batchGradients(
  model: GradientModel,
  set: TrainingSet,
  batch: readonly string[],
  optimizer: OptimizerState,
  control: LoopControl,
): Promise<{ gradients: Parameters; loss: number }> {
  let sum: Parameters | null = null;
  let loss = 0;
  for (const id of batch) {
    const found = await model.lossAndGradients(set.example(id), optimizer.parameters);
    if (!Number.isFinite(found.loss)) throw diverged(`at step ${optimizer.step}`, found.loss);
    sum = addGradients(sum, found.gradients);
    loss += found.loss / batch.length;
    await yieldBetweenItems(control);
  }
  if (sum === null) throw new PersonaPlugError('internal', `Step ${optimizer.step} of the training has no items.`);
  return { gradients: scaleGradients(sum, 1 / batch.length), loss };
}

async function heldOutLoss(
  model: GradientModel,
  set: TrainingSet,
  parameters: Parameters,
  control: LoopControl,
): Promise<number> {
  let sum = 0;
  for (const id of set.heldOut) {
    const loss = await model.loss(set.example(id), parameters);
    if (!Number.isFinite(loss)) throw diverged('on the held-out items', loss);
    sum += loss;
    await yieldBetweenItems(control);
  }
  return sum / set.heldOut.length;
}

/** On wasm a gradient blocks, and its results come in microtasks: without this neither pause nor abort would arrive. */
async function yieldBetweenItems({ signal, rest }: LoopControl): Promise<void> {
  await yieldToEventLoop();
  await rest?.();
  signal?.throwIfAborted();
}

function afterEvaluation(state: TrainingState, pass: number, loss: number): TrainingState {
  const { optimizer, best } = state;
  const isBest = best === null || loss < best.loss;
  const newBest = isBest ? { parameters: optimizer.parameters, loss, pass } : best;
  return { ...state, best: newBest, startLoss: state.startLoss ?? loss, evaluatedPasses: pass };
}

function isSearchOver(
  { best, evaluatedPasses }: TrainingState,
  { passes, patience }: Required<TrainingOptions>,
): boolean {
  return evaluatedPasses === passes || evaluatedPasses - (best?.pass ?? 0) >= patience;
}

/** From the best parameters on, the held-out items are learned, unless nothing has helped. */
function startClosing(
  state: TrainingState,
  { heldOut }: TrainingSet,
  options: Required<TrainingOptions>,
): TrainingState {
  const { best, optimizer } = state;
  if (best === null || best.pass === 0 || options.heldOutRate === 0) return { ...state, isFinished: true };
  const random = seededRandom(options.seed + 1);
  const order = Array.from({ length: best.pass }, () => shuffled(heldOut, random)).flat();
  return { ...state, optimizer: startOptimizer(best.parameters), closing: { order, stepsBefore: optimizer.step } };
}

function closingSteps({ order }: ClosingState, { heldOut }: TrainingSet, options: Required<TrainingOptions>): number {
  return (order.length / heldOut.length) * stepsOfPass(heldOut, options);
}

function afterClosing(state: TrainingState): TrainingState {
  const { best, optimizer } = state;
  return { ...state, best: best && { ...best, parameters: optimizer.parameters }, isFinished: true };
}

function diverged(where: string, loss: number): PersonaPlugError {
  return new PersonaPlugError(
    'runtime-failed',
    `The training's loss is ${loss} ${where}. Start again with a lower rate.`,
  );
}
