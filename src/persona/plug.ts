// The plug: the trained parameters that turn a history into rows of input embeddings. They are read from plug.safetensors with every
// shape checked, and refused for other models. Section numbers are those of PPlug (arXiv 2409.11901).
import { PersonaPlugError } from '../lib/errors.ts';
import type { PlugManifest } from '../model-package/manifest.ts';
import type { UnigramAdaptation } from './unigram-adaptation.ts';

/** A tensor as a safetensors reader gives it; row-major. */
export interface PlugTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** A linear layer: `weight` `[rows, columns]`, `bias` `[rows]`. */
export interface Linear {
  readonly rows: number;
  readonly columns: number;
  readonly weight: Float32Array;
  readonly bias: Float32Array | null;
}

/** The plug's parameters of one task. */
export interface TaskParameters {
  /** I, `[instructionRows, hiddenSize]`. */
  readonly instruction: Float32Array;
  /** C, `[instructionRows · hiddenSize, r]`: how I follows the query; null where it is constant. */
  readonly instructionOutput: Linear | null;
  /** τ > 0: how strongly weights follow similarity. */
  readonly temperature: number;
  /** λ ≥ 0: how fast old items fade. */
  readonly decay: number;
  /** c, `[d]`: the part that the task's texts have in common, which the gate's cosines leave out; null where they leave out nothing. */
  readonly center: Float32Array | null;
  /** Makes tokens likelier that the user writes often; null where the task has no unigram adaptation. */
  readonly unigramAdaptation: UnigramAdaptation | null;
}

/** The fields of its manifest, and its tensors. `embedder` and `languageModel` are the fingerprints it was trained for. */
export interface Plug extends Omit<PlugManifest['plug'], 'weights' | 'marginals'> {
  readonly name: string;
  readonly fingerprint: string;
  /** W `[d, d]`, no bias. */
  readonly query: Linear;
  /** D `[r, d]`, no bias: what the instruction rows read in the query; null where they are constant. */
  readonly instructionQuery: Linear | null;
  /** A, a: `[m, 2d]`. */
  readonly projector: Linear;
  /** B, b: `[k·h, m]`. */
  readonly output: Linear;
  /** V, u: `[16, 6]`. */
  readonly gateHidden: Linear;
  /** v, t: `[1, 16]`. */
  readonly gateOutput: Linear;
  /** The parameters of a task; those of `default` for a task it was not trained on. */
  readonly parametersOf: (task: string) => TaskParameters;
}

/** Numbers that the gate looks at, and its hidden width. */
const gateFeatureCount = 6;
const gateWidth = 16;

/**
 * Reads a plug.
 *
 * @throws PersonaPlugError `model-mismatch` naming the tensor that is missing, of another shape, or not finite.
 */
export function readPlug(manifest: PlugManifest, tensors: ReadonlyMap<string, PlugTensor>): Plug {
  const { dim, hiddenSize, projectorWidth, personaRows, instructionRows, tasks } = manifest.plug;
  const rank = manifest.plug.instructionRank ?? 0;
  const hasCenter = [...tensors.keys()].some((name) => name.startsWith('center.'));
  const adapted = manifest.plug.marginals ?? { tasks: [], vocabularySize: 0 };
  const read = (name: string, shape: readonly number[]): Float32Array =>
    readTensor(manifest.name, tensors, name, shape);
  const linear = (name: string, rows: number, columns: number, hasBias: boolean): Linear => ({
    rows,
    columns,
    weight: read(`${name}.weight`, [rows, columns]),
    bias: hasBias ? read(`${name}.bias`, [rows]) : null,
  });
  const unigramAdaptation = (task: string): UnigramAdaptation => ({
    background: above(0, read(`marginals.${task}`, [adapted.vocabularySize]), `marginals.${task}`),
    strength: atLeast(0, read(`marginal_strength.${task}`, [1]), `marginal_strength.${task}`),
    mass: above(0, read(`marginal_mass.${task}`, [1]), `marginal_mass.${task}`)[0] ?? Number.NaN,
  });
  const parameters = (task: string): TaskParameters => ({
    instruction: read(`instruction.${task}`, [instructionRows, hiddenSize]),
    instructionOutput:
      rank === 0
        ? null
        : {
            rows: instructionRows * hiddenSize,
            columns: rank,
            weight: read(`instruction_query.${task}`, [instructionRows * hiddenSize, rank]),
            bias: null,
          },
    temperature: atLeast(0, read(`temperature.${task}`, [1]), `temperature.${task}`),
    decay: atLeast(0, read(`decay.${task}`, [1]), `decay.${task}`),
    center: hasCenter ? read(`center.${task}`, [dim]) : null,
    unigramAdaptation: adapted.tasks.includes(task) ? unigramAdaptation(task) : null,
  });
  const byTask = new Map(tasks.map((task) => [task, parameters(task)]));
  const unknownTask = parameters('default');
  return {
    name: manifest.name,
    fingerprint: manifest.fingerprint,
    embedder: manifest.plug.embedder,
    languageModel: manifest.plug.languageModel,
    dim,
    hiddenSize,
    projectorWidth,
    personaRows,
    instructionRows,
    instructionRank: rank,
    normalizesQuery: manifest.plug.normalizesQuery ?? false,
    withoutOutputs: manifest.plug.withoutOutputs ?? [],
    tasks,
    gateThreshold: manifest.plug.gateThreshold,
    query: linear('query', dim, dim, false),
    instructionQuery: rank === 0 ? null : linear('instruction_query', rank, dim, false),
    projector: linear('projector.0', projectorWidth, 2 * dim, true),
    output: linear('projector.1', personaRows * hiddenSize, projectorWidth, true),
    gateHidden: linear('gate.0', gateWidth, gateFeatureCount, true),
    gateOutput: linear('gate.1', 1, gateWidth, true),
    parametersOf: (task) => byTask.get(task) ?? unknownTask,
  };
}

/** The properties of a model that a plug must match. */
export interface ModelIdentity {
  readonly name: string;
  readonly fingerprint: string;
  /** The embedder's `dim`, the language model's hidden size. */
  readonly width: number;
}

/**
 * Refuses a plug that was trained for other models.
 *
 * @throws PersonaPlugError `model-mismatch` with both fingerprints.
 */
export function assertPlugMatches(plug: Plug, models: { embedder: ModelIdentity; languageModel: ModelIdentity }): void {
  const pairs = [
    { kind: 'embedder', model: models.embedder, fingerprint: plug.embedder, width: plug.dim },
    { kind: 'language model', model: models.languageModel, fingerprint: plug.languageModel, width: plug.hiddenSize },
  ];
  for (const { kind, model, fingerprint, width } of pairs) {
    if (model.fingerprint === fingerprint && model.width === width) continue;
    throw new PersonaPlugError(
      'model-mismatch',
      `The plug "${plug.name}" was trained for the ${kind} ${fingerprint} (width ${width}), but "${model.name}" is ` +
        `${model.fingerprint} (width ${model.width}). Use the plug that was trained for these models.`,
      {
        details: {
          kind,
          expected: fingerprint,
          found: model.fingerprint,
          expectedWidth: width,
          foundWidth: model.width,
        },
      },
    );
  }
}

function readTensor(
  plug: string,
  tensors: ReadonlyMap<string, PlugTensor>,
  name: string,
  shape: readonly number[],
): Float32Array {
  const tensor = tensors.get(name);
  const expected = `[${shape.join(', ')}]`;
  const found = tensor === undefined ? 'nothing' : `[${tensor.shape.join(', ')}]`;
  const count = shape.reduce((product, size) => product * size, 1);
  if (tensor === undefined || found !== expected || tensor.data.length !== count) {
    throw new PersonaPlugError(
      'model-mismatch',
      `The plug "${plug}" should hold the tensor ${name} ${expected}; it holds ${found}. Export the plug again.`,
      { details: { tensor: name, expected, found } },
    );
  }
  if (!tensor.data.every((value) => Number.isFinite(value))) {
    throw new PersonaPlugError(
      'model-mismatch',
      `The tensor ${name} of the plug "${plug}" holds numbers that are not finite. Train or export the plug again.`,
      { details: { tensor: name } },
    );
  }
  return tensor.data;
}

function above(bound: number, values: Float32Array, name: string): Float32Array {
  const value = values.find((number) => !(number > bound));
  if (value === undefined) return values;
  throw new PersonaPlugError(
    'model-mismatch',
    `The tensor ${name} of the plug holds ${value}, but must be above ${bound}. Export the plug again.`,
    { details: { tensor: name, value } },
  );
}

function atLeast(minimum: number, values: Float32Array, name: string): number {
  const [value = Number.NaN] = values;
  if (value >= minimum) return value;
  throw new PersonaPlugError(
    'model-mismatch',
    `The tensor ${name} of the plug is ${value}, but must be at least ${minimum}. Export the plug again.`,
    { details: { tensor: name, value } },
  );
}
