// Checks a prompt and turns its segments into three flat arrays with one entry for each position.
import { PersonaPlugError } from '../lib/errors.ts';
import type { PromptSegment } from './language-model.ts';

export interface PromptLimits {
  readonly hiddenSize: number;
  readonly vocabularySize: number;
  readonly contextWindow: number;
}

/** A prompt of `length` positions. Where `isSoft`, the row is used and the id is 0; elsewhere the id is used and the row is zeros. */
export interface FlatPrompt {
  readonly length: number;
  readonly ids: readonly number[];
  /** `[length, hiddenSize]` */
  readonly rows: Float32Array;
  readonly isSoft: readonly boolean[];
}

/**
 * Checks a prompt and lays it out flat.
 *
 * @throws PersonaPlugError `invalid-prompt` when it is empty or fills the context window, for an id outside of the vocabulary, and
 * for rows of wrong width or with a number that is not finite.
 */
export function flattenPrompt(
  prompt: readonly PromptSegment[],
  { hiddenSize, vocabularySize, contextWindow }: PromptLimits,
): FlatPrompt {
  const length = prompt.reduce(
    (sum, segment) => sum + (segment.kind === 'ids' ? segment.ids.length : segment.count),
    0,
  );
  if (length === 0) throw invalid('The prompt is empty. Give at least one token.');
  if (length >= contextWindow) {
    throw invalid(
      `The prompt has ${length} positions, and the model's context window ${contextWindow}, which must also hold the answer. Shorten the input.`,
    );
  }
  const ids: number[] = [];
  const isSoft: boolean[] = [];
  const rows = new Float32Array(length * hiddenSize);
  for (const segment of prompt) {
    if (segment.kind === 'ids') {
      for (const id of segment.ids) ids.push(checkedId(id, vocabularySize));
      isSoft.push(...segment.ids.map(() => false));
    } else {
      checkRows(segment.rows, segment.count, hiddenSize);
      rows.set(segment.rows, ids.length * hiddenSize);
      for (let row = 0; row < segment.count; row++) {
        ids.push(0);
        isSoft.push(true);
      }
    }
  }
  return { length, ids, rows, isSoft };
}

/** @throws PersonaPlugError `invalid-prompt` when the id is not in the vocabulary. */
export function checkedId(id: number, vocabularySize: number): number {
  if (Number.isInteger(id) && id >= 0 && id < vocabularySize) return id;
  throw invalid(
    `Token id ${id} is not in the vocabulary of ${vocabularySize} tokens. Encode texts with the model's own tokenizer.`,
  );
}

function checkRows(rows: Float32Array, count: number, hiddenSize: number): void {
  if (!Number.isInteger(count) || count < 1) {
    throw invalid(`A rows segment has a count of ${count}. Leave the segment out when there are no rows.`);
  }
  if (rows.length !== count * hiddenSize) {
    throw invalid(
      `A rows segment holds ${rows.length} numbers for ${count} rows, a width of ${rows.length / count}, but the model's hidden size is ${hiddenSize}. Use a plug that was trained for this model.`,
    );
  }
  const wrong = rows.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) {
    throw invalid(
      `Row ${Math.floor(wrong / hiddenSize)} of a rows segment holds ${rows[wrong]} at ${wrong % hiddenSize}. Rows must be finite numbers.`,
    );
  }
}

function invalid(message: string): PersonaPlugError {
  return new PersonaPlugError('invalid-prompt', message);
}
