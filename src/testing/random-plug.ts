// A fake plug with the right shapes and seeded random numbers, for tests of the arithmetic and of applications.
import type { PlugManifest } from '../model-package/manifest.ts';
import { type Plug, type PlugTensor, readPlug } from '../persona/plug.ts';
import { seededRandom } from '../lib/seeded-random.ts';

export interface RandomPlugOptions {
  readonly embedder: string;
  readonly languageModel: string;
  /** @defaultValue 16 */
  readonly dim?: number;
  /** @defaultValue 8 */
  readonly hiddenSize?: number;
  /** @defaultValue 0: the gate is always open */
  readonly gateThreshold?: number;
  /** @defaultValue 10 */
  readonly temperature?: number;
  /** @defaultValue 0.1 */
  readonly decay?: number;
  /** @defaultValue 0: instruction rows that do not follow the query */
  readonly instructionRank?: number;
  /** Whether the gate's cosines leave out what a task's texts have in common. @defaultValue false */
  readonly hasCenter?: boolean;
  /** The language model's number of tokens, for unigram adaptation of news_headline and paper_title. @defaultValue 0: no adaptation */
  readonly vocabularySize?: number;
  /** @defaultValue 1 */
  readonly seed?: number;
}

export function randomPlug(options: RandomPlugOptions): Plug {
  const { manifest, tensors } = randomPlugFiles(options);
  return readPlug(manifest, tensors);
}

/** The manifest and the tensors of a random plug. */
export function randomPlugFiles(options: RandomPlugOptions): {
  manifest: PlugManifest;
  tensors: Map<string, PlugTensor>;
} {
  const {
    embedder,
    languageModel,
    dim = 16,
    hiddenSize = 8,
    gateThreshold = 0,
    temperature = 10,
    decay = 0.1,
    instructionRank = 0,
    hasCenter = false,
    vocabularySize = 0,
  } = options;
  const sizes = { projectorWidth: 12, personaRows: 4, instructionRows: 4 };
  const tasks = ['news_category', 'news_headline', 'paper_title'];
  const random = seededRandom(options.seed ?? 1);
  const tensors = new Map<string, PlugTensor>();
  const add = (name: string, shape: number[], value: () => number = () => random() - 0.5): void => {
    const count = shape.reduce((product, size) => product * size, 1);
    tensors.set(name, { shape, data: Float32Array.from({ length: count }, value) });
  };
  add('query.weight', [dim, dim]);
  add('projector.0.weight', [sizes.projectorWidth, 2 * dim]);
  add('projector.0.bias', [sizes.projectorWidth]);
  add('projector.1.weight', [sizes.personaRows * hiddenSize, sizes.projectorWidth]);
  add('projector.1.bias', [sizes.personaRows * hiddenSize]);
  for (const task of [...tasks, 'default']) {
    add(`instruction.${task}`, [sizes.instructionRows, hiddenSize]);
    add(`temperature.${task}`, [1], () => temperature);
    add(`decay.${task}`, [1], () => decay);
    if (hasCenter) add(`center.${task}`, [dim]);
  }
  if (instructionRank > 0) {
    add('instruction_query.weight', [instructionRank, dim]);
    for (const task of [...tasks, 'default']) {
      add(`instruction_query.${task}`, [sizes.instructionRows * hiddenSize, instructionRank]);
    }
  }
  const adapted = vocabularySize === 0 ? [] : ['news_headline', 'paper_title'];
  for (const task of adapted) {
    add(`marginals.${task}`, [vocabularySize], () => 1 / vocabularySize);
    add(`marginal_strength.${task}`, [1], () => 0.5);
    add(`marginal_mass.${task}`, [1], () => 1000);
  }
  add('gate.0.weight', [16, 6]);
  add('gate.0.bias', [16]);
  add('gate.1.weight', [1, 16]);
  add('gate.1.bias', [1]);
  const manifest: PlugManifest = {
    schemaVersion: 1,
    kind: 'plug',
    name: 'random-plug',
    version: '0.0.0',
    licence: 'Apache-2.0',
    description: 'Random numbers.',
    files: [],
    fingerprint: 'beef'.repeat(16),
    trainingData: [],
    results: {},
    plug: {
      embedder,
      languageModel,
      dim,
      hiddenSize,
      ...sizes,
      instructionRank,
      tasks,
      ...(vocabularySize === 0 ? {} : { marginals: { tasks: adapted, vocabularySize } }),
      gateThreshold,
      weights: 'plug.safetensors',
    },
  };
  return { manifest, tensors };
}
