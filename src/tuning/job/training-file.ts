// The state of a training as text and bytes, exactly: what was kept goes on as if it had never stopped.
import * as v from 'valibot';
import { PersonaPlugError } from '../../lib/errors.ts';
import { readSafetensors } from '../../model-package/safetensors.ts';
import { writeSafetensors } from '../../model-package/write-safetensors.ts';
import type { Parameters } from '../gradient-model.ts';
import type { Tensor } from '../llama-weights.ts';
import type { TrainingSet, TrainingState } from '../train.ts';

const whole = v.pipe(v.number(), v.integer());

/** Numbers of a state that are not tensors. `order` holds indexes into the training items. */
export const trainingNumbersSchema = v.object({
  step: whole,
  order: v.array(whole),
  best: v.nullable(v.object({ loss: v.number(), pass: whole })),
  startLoss: v.nullable(v.number()),
  evaluatedPasses: whole,
  isFinished: v.boolean(),
});

export type TrainingNumbers = v.InferOutput<typeof trainingNumbersSchema>;

export function packTraining(
  { training }: Pick<TrainingSet, 'training'>,
  state: TrainingState,
): { numbers: TrainingNumbers; tensors: Uint8Array<ArrayBuffer> } {
  const { optimizer, order, best, startLoss, evaluatedPasses, isFinished } = state;
  const indexes = new Map(training.map((id, index) => [id, index]));
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
      order: order.map((id) => indexes.get(id) ?? -1),
      best: best === null ? null : { loss: best.loss, pass: best.pass },
      startLoss,
      evaluatedPasses,
      isFinished,
    },
    tensors: writeSafetensors(tensors),
  };
}

/** @throws PersonaPlugError `storage-failed` when the kept state does not belong to these items. */
export function unpackTraining(
  { training }: Pick<TrainingSet, 'training'>,
  numbers: TrainingNumbers,
  bytes: Uint8Array,
): TrainingState {
  const tensors = readSafetensors(bytes);
  const group = (prefix: string): Parameters => {
    const parameters = new Map<string, Tensor>();
    for (const [name, { shape, data }] of tensors) {
      if (name.startsWith(`${prefix}/`)) parameters.set(name.slice(prefix.length + 1), { shape, data: data.slice() });
    }
    return parameters;
  };
  const order = numbers.order.map((index) => {
    const id = training[index];
    if (id !== undefined) return id;
    throw new PersonaPlugError(
      'storage-failed',
      `The kept training goes over ${index + 1} items at least, the history has ${training.length}. Start it anew.`,
    );
  });
  const { step, best, startLoss, evaluatedPasses, isFinished } = numbers;
  return {
    optimizer: { parameters: group('parameters'), firstMoments: group('first'), secondMoments: group('second'), step },
    order,
    best: best === null ? null : { ...best, parameters: group('best') },
    startLoss,
    evaluatedPasses,
    isFinished,
  };
}
