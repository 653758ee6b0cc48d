// One training example as the arrays that a gradient needs, padded to one of few lengths: every length is compiled once.
import { PersonaPlugError } from '../lib/errors.ts';
import type { PromptSegment } from '../language-model/language-model.ts';
import { flattenPrompt } from '../language-model/flatten-prompt.ts';
import { type LlamaWeights, weightOf } from './llama-weights.ts';

/** Lengths that sequences are padded to. Training keeps to `longestSequence`; the longer ones are for logits. */
const paddedLengths = [32, 64, 128, 256, 512, 1024] as const;

/** The longest sequence, rows and answer included, that is trained on. */
export const longestSequence = 256;

/** Numbers of loss positions that answers are padded to. */
const paddedTargets = [32, 64, 128] as const;

/** The longest answer, its end token included, that is trained on. */
export const longestAnswer = 128;

/** What goes into one gradient. T: padded length, k: rows of the personal prompt, K: padded number of targets. */
export interface Example {
  readonly length: number;
  /** Input embeddings `[T, hiddenSize]`; zeros where padded. */
  readonly embeddings: Float32Array<ArrayBuffer>;
  /** One 1 a column: where each of the k trainable rows is added. `[T, k]`; without any, one column of zeros. */
  readonly placement: Float32Array<ArrayBuffer>;
  readonly trainableRows: number;
  readonly targets: number;
  /** One 1 a row: the position whose next token is a target. `[K, T]` */
  readonly selection: Float32Array<ArrayBuffer>;
  /** The embedding of each target token, zeros where padded. `[K, hiddenSize]` */
  readonly targetRows: Float32Array<ArrayBuffer>;
  /** 1 / targets where there is one, else 0. `[K]` */
  readonly targetWeights: Float32Array<ArrayBuffer>;
}

export interface ExampleSource {
  readonly prompt: readonly PromptSegment[];
  /** Token ids of the answer, the end token included. */
  readonly answer: readonly number[];
  /** Which rows segment of the prompt the trainable rows are added to, counted from 0; null: none. */
  readonly trainableSegment: number | null;
}

/**
 * Lays out an example. The loss is the mean over the answer's tokens; prompts carry none (OPPU, arXiv 2402.04401).
 *
 * @throws PersonaPlugError `invalid-argument` when it is too long; `invalid-prompt` for a broken prompt.
 */
export function createExample(weights: LlamaWeights, { prompt, answer, trainableSegment }: ExampleSource): Example {
  const { hiddenSize, vocabularySize } = weights.shape;
  const flat = flattenPrompt(prompt, { hiddenSize, vocabularySize, contextWindow: Infinity });
  // The answer's last token is a target only: nothing follows it.
  const ids = [...flat.ids, ...answer.slice(0, -1)];
  const length = padded(ids.length, paddedLengths, 'sequence');
  const embeddings = new Float32Array(length * hiddenSize);
  const table = embeddingTable(weights);
  for (const [position, id] of ids.entries()) embeddings.set(table(id), position * hiddenSize);
  for (const [position, isSoft] of flat.isSoft.entries()) {
    const start = position * hiddenSize;
    if (isSoft) embeddings.set(flat.rows.subarray(start, start + hiddenSize), start);
  }
  const count = padded(answer.length, paddedTargets, 'answer');
  const selection = new Float32Array(count * length);
  const targetRows = new Float32Array(count * hiddenSize);
  const targetWeights = new Float32Array(count);
  for (const [index, target] of answer.entries()) {
    selection[index * length + flat.length - 1 + index] = 1;
    targetRows.set(table(target), index * hiddenSize);
    targetWeights[index] = 1 / answer.length;
  }
  const { placement, trainableRows } = placeRows(prompt, trainableSegment, length);
  return {
    length,
    embeddings,
    placement,
    trainableRows,
    targets: count,
    selection,
    targetRows,
    targetWeights,
  };
}

/** Gives the embedding of a token, `[hiddenSize]`. */
function embeddingTable(weights: LlamaWeights): (id: number) => Float32Array {
  const { hiddenSize, vocabularySize } = weights.shape;
  const { data } = weightOf(weights, 'model.embed_tokens.weight', [vocabularySize, hiddenSize]);
  return (id) => data.subarray(id * hiddenSize, (id + 1) * hiddenSize);
}

function placeRows(
  prompt: readonly PromptSegment[],
  trainableSegment: number | null,
  length: number,
): { placement: Float32Array<ArrayBuffer>; trainableRows: number } {
  let position = 0;
  let segmentNumber = 0;
  for (const segment of prompt) {
    if (segment.kind === 'ids') {
      position += segment.ids.length;
      continue;
    }
    if (segmentNumber === trainableSegment) {
      const placement = new Float32Array(length * segment.count);
      for (let row = 0; row < segment.count; row++) placement[(position + row) * segment.count + row] = 1;
      return { placement, trainableRows: segment.count };
    }
    segmentNumber++;
    position += segment.count;
  }
  if (trainableSegment === null) return { placement: new Float32Array(length), trainableRows: 0 };
  throw new PersonaPlugError(
    'invalid-argument',
    `The prompt has ${segmentNumber} rows segments, and the trainable one is number ${trainableSegment}. Lay the prompt out with its rows.`,
  );
}

function padded(length: number, lengths: readonly number[], what: string): number {
  const found = lengths.find((candidate) => candidate >= length);
  if (found !== undefined) return found;
  throw new PersonaPlugError(
    'invalid-argument',
    `A training example's ${what} has ${length} tokens; ${lengths.at(-1)} are the most. Shorten it before training.`,
    { details: { what, length } },
  );
}
