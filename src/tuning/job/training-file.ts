// The state of a training as text and bytes, exact to the bit: a training that is resumed gives what an uninterrupted one gives.
import * as v from 'valibot';
import { PersonaPlugError } from '../../lib/errors.ts';
import { readSafetensors } from '../../model-package/safetensors.ts';
import { writeSafetensors } from '../../model-package/write-safetensors.ts';
import type { Parameters } from '../../adapter/parameters.ts';
import type { Tensor } from '../../model-package/tensor.ts';
import type { TrainingSet, TrainingState } from '../train.ts';

const whole = v.pipe(v.number(), v.integer());

/** Numbers of a state that are not tensors. `order` holds indexes into the training items, `closing.order` into the held-out ones. */
export const trainingNumbersSchema = v.object({
  step: whole,
  order: v.array(whole),
  best: v.nullable(v.object({ loss: v.number(), pass: whole })),
  startLoss: v.nullable(v.number()),
  evaluatedPasses: whole,
  closing: v.optional(v.nullable(v.object({ order: v.array(whole), stepsBefore: whole })), null),
  isFinished: v.boolean(),
});

export type TrainingNumbers = v.InferOutput<typeof trainingNumbersSchema>;

type Items = Pick<TrainingSet, 'training' | 'heldOut'>;

export function packTraining(
  { training, heldOut }: Items,
  state: TrainingState,
): { numbers: TrainingNumbers; tensors: Uint8Array<ArrayBuffer> } {
  const { optimizer, order, best, startLoss, evaluatedPasses, closing, isFinished } = state;
  const tensors = new Map<string, Tensor>();
  const groups = { parameters: optimizer.parameters, first: optimizer.firstMoments, second: optimizer.secondMoments };
  for (const [group, parameters] of Object.entries({
    ...groups,
    ...(best === null ? {} : { best: best.parameters }),
  })) {
    for (const [name, tensor] of parameters) tensors.set(`${group}/${name}`, tensor);
  }
  return {
    numbers: {
      step: optimizer.step,
      order: indexesOf(order, training),
      best: best === null ? null : { loss: best.loss, pass: best.pass },
      startLoss,
      evaluatedPasses,
      closing: closing && { ...closing, order: indexesOf(closing.order, heldOut) },
      isFinished,
    },
    tensors: writeSafetensors(tensors),
  };
}

/** @throws PersonaPlugError `storage-failed` when the kept state does not belong to these items. */
export function unpackTraining(
  { training, heldOut }: Items,
  numbers: TrainingNumbers,
  bytes: Uint8Array,
): TrainingState {
  const tensors = readSafetensors(bytes);
  const group = (prefix: string): Parameters => {
    const parameters = new Map<string, Tensor>();
    for (const [name, { shape, data }] of tensors) {
      if (name.startsWith(`${prefix}/`)) parameters.set(name.slice(prefix.length + 1), { shape, data });
    }
    return parameters;
  };
  const { step, order, best, startLoss, evaluatedPasses, closing, isFinished } = numbers;
  return {
    optimizer: { parameters: group('parameters'), firstMoments: group('first'), secondMoments: group('second'), step },
    order: itemsAt(order, training),
    best: best === null ? null : { ...best, parameters: group('best') },
    startLoss,
    evaluatedPasses,
    closing: closing && { ...closing, order: itemsAt(closing.order, heldOut) },
    isFinished,
  };
}

function indexesOf(order: readonly string[], items: readonly string[]): number[] {
  const indexes = new Map(items.map((id, index) => [id, index]));
  return order.map((id) => indexes.get(id) ?? -1);
}

function itemsAt(order: readonly number[], items: readonly string[]): string[] {
  return order.map((index) => {
    const id = items[index];
    if (id !== undefined) return id;
    throw new PersonaPlugError(
      'storage-failed',
      `The kept training goes over ${index + 1} items at least, the history has ${items.length}. Start it anew.`,
    );
  });
}
