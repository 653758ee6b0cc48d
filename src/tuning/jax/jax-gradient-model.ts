// The gradient model over jax-js. One function is compiled per length, number of targets and kind of parameters.
import { PersonaPlugError } from '../../lib/errors.ts';
import type { Example } from '../example.ts';
import type { GradientModel } from '../gradient-model.ts';
import type { Parameters } from '../../adapter/parameters.ts';
import type { LlamaWeights } from '../llama-weights.ts';
import type { Tensor } from '../../model-package/tensor.ts';
import { type LlamaArrays, uploadWeights } from './llama-arrays.ts';
import { llamaForward, type PositionTables, positionTables, product, type TrainableArrays } from './llama-forward.ts';
import type { Jax, JaxArray } from './load-jax.ts';

export interface JaxGradientModelOptions {
  /** α / r of LoRA. @defaultValue 1 */
  readonly loraScale?: number;
}

/** A `GradientModel` that also gives logits, for parity checks. */
export interface JaxGradientModel extends GradientModel {
  /** Logits at the example's selected positions, `[targets, vocabulary]`. */
  logits(example: Example, parameters: Parameters): Promise<Float32Array[]>;
}

interface ExampleArrays {
  readonly [name: string]: JaxArray;
  readonly embeddings: JaxArray;
  readonly placement: JaxArray;
  readonly selection: JaxArray;
  readonly targetRows: JaxArray;
  readonly targetWeights: JaxArray;
}

/** Uploads the weights. The model owns them until it is disposed of. */
export function jaxGradientModel(
  jax: Jax,
  weights: LlamaWeights,
  { loraScale = 1 }: JaxGradientModelOptions = {},
): JaxGradientModel {
  const { shape } = weights;
  const { numpy: np, nn, tree } = jax;
  const arrays = uploadWeights(jax, weights);
  const tablesByLength = new Map<number, PositionTables>();

  /** Hidden states at the selected positions, `[K, D]`. Consumes everything but the weights' head. */
  function selected(
    trainable: TrainableArrays,
    model: LlamaArrays,
    tables: PositionTables,
    { embeddings, placement, selection }: ExampleArrays,
  ): JaxArray {
    const { prompt } = trainable;
    if (prompt === undefined) placement.dispose();
    const x = prompt === undefined ? embeddings : embeddings.add(np.matmul(placement, prompt));
    return np.matmul(selection, llamaForward(jax, shape, model, tables, x, trainable, { loraScale }));
  }

  function lossOf(
    trainable: TrainableArrays,
    model: LlamaArrays,
    tables: PositionTables,
    example: ExampleArrays,
  ): JaxArray {
    const hidden = selected(trainable, model, tables, example);
    // The target's logit from its own embedding: the backward pass of a gather from all logits does not compile.
    const targetLogit = np.sum(hidden.ref.mul(example.targetRows), -1);
    const loss = nn.logsumexp(product(jax, hidden, model.head), -1).sub(targetLogit);
    return np.sum(loss.mul(example.targetWeights));
  }

  function logitsOf(
    trainable: TrainableArrays,
    model: LlamaArrays,
    tables: PositionTables,
    example: ExampleArrays,
  ): JaxArray {
    example.targetRows.dispose();
    example.targetWeights.dispose();
    return np.matmul(selected(trainable, model, tables, example), model.head);
  }

  const compiled = {
    loss: jax.jit(lossOf),
    logits: jax.jit(logitsOf),
    gradients: jax.jit(jax.valueAndGrad(lossOf)),
  };

  function inputs(example: Example, parameters: Parameters) {
    let tables = tablesByLength.get(example.length);
    if (tables === undefined) {
      tables = positionTables(jax, shape, example.length);
      tablesByLength.set(example.length, tables);
    }
    const trainable: Record<string, JaxArray> = {};
    for (const [name, tensor] of parameters) trainable[name] = upload(jax, tensor);
    const matrix = (data: Float32Array<ArrayBuffer>, rows: number): JaxArray =>
      np.array(data).reshape([rows, data.length / rows]);
    const data: ExampleArrays = {
      embeddings: matrix(example.embeddings, example.length),
      placement: matrix(example.placement, example.length),
      selection: matrix(example.selection, example.targets),
      targetRows: matrix(example.targetRows, example.targets),
      targetWeights: np.array(example.targetWeights),
    };
    return [trainable, tree.ref(arrays), tree.ref(tables), data] as const;
  }

  return {
    async lossAndGradients(example, parameters) {
      return await guarded(async () => {
        const [loss, found] = compiled.gradients(...inputs(example, parameters));
        // All outputs are awaited, not the loss alone: else work piles up and memory grows.
        const gradients = new Map<string, Tensor>();
        for (const [name, { shape }] of parameters) {
          const gradient = found[name];
          if (gradient === undefined) throw new Error(`no gradient of ${name}`);
          gradients.set(name, { shape, data: await read(gradient) });
        }
        const [value = Number.NaN] = await read(loss);
        return { loss: value, gradients };
      });
    },
    async loss(example, parameters) {
      return await guarded(async () => {
        const [value = Number.NaN] = await read(compiled.loss(...inputs(example, parameters)));
        return value;
      });
    },
    async logits(example, parameters) {
      return await guarded(async () => {
        const flat = await read(compiled.logits(...inputs(example, parameters)));
        const width = shape.vocabularySize;
        return Array.from({ length: example.targets }, (_, row) => flat.slice(row * width, (row + 1) * width));
      });
    },
    [Symbol.dispose]() {
      for (const run of Object.values(compiled)) run.dispose();
      for (const tables of tablesByLength.values()) tree.dispose(tables);
      tree.dispose(arrays);
    },
  };
}

function upload(jax: Jax, { shape, data }: Tensor): JaxArray {
  return jax.numpy.array(data).reshape([...shape]);
}

/** The numbers of an array, in a buffer of their own. Consumes it. */
async function read(array: JaxArray): Promise<Float32Array<ArrayBuffer>> {
  return Float32Array.from(await array.data());
}

async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new PersonaPlugError(
      'runtime-failed',
      `jax-js failed: ${cause instanceof Error ? cause.message : String(cause)}. Start the training again; on another device if it fails again.`,
      { cause },
    );
  }
}
