// Fits a profile and earlier items into a prompt. As in LaMP (arXiv 2304.11406), up to 60 % of the room is kept for the input.
import type { TextTokenizer } from '../language-model/language-model.ts';
import { promptText, type RetrievedItem, type Task } from '../tasks/task.ts';

/** The share of the room that profile and earlier items may take when the input would fill the rest. */
const earlierShare = 0.4;

export interface FitRequest<T> {
  readonly task: Task;
  readonly input: string;
  /** Most relevant first. */
  readonly retrieved: readonly T[];
  readonly profile: string | null;
  readonly tokenizer: Pick<TextTokenizer, 'encode'>;
  /** Tokens that the text may take: `promptRoom`. */
  readonly room: number;
}

export interface FittedPrompt<T> {
  readonly text: string;
  /** Those that fit: the list, cut at its end. */
  readonly retrieved: readonly T[];
  readonly profile: string | null;
}

/**
 * The text of a prompt with as many earlier items as fit: either the whole text fits into the room, or profile and items take at most
 * 40 % of it. The profile is fitted first, then item by item. Neither is cut; only the input is, when the prompt is laid out.
 */
export function fitPrompt<T extends { readonly item: RetrievedItem }>(request: FitRequest<T>): FittedPrompt<T> {
  const { task, input, tokenizer, room } = request;
  const words = (retrieved: readonly T[], profile: string | null): string =>
    promptText(
      task,
      input,
      retrieved.map(({ item }) => item),
      profile,
    );
  const plain = words([], null);
  if (request.profile === null && request.retrieved.length === 0) return { text: plain, retrieved: [], profile: null };

  const plainTokens = tokenizer.encode(plain).length;
  const share = Math.floor(earlierShare * room);
  const doesFit = (text: string): boolean => {
    const tokens = tokenizer.encode(text).length;
    return tokens <= room || tokens - plainTokens <= share;
  };
  const profile = request.profile !== null && doesFit(words([], request.profile)) ? request.profile : null;
  let fitted: FittedPrompt<T> = { text: words([], profile), retrieved: [], profile };
  // One by one, so that the items after one that is far too long are not tokenized.
  for (let count = 1; count <= request.retrieved.length; count++) {
    const retrieved = request.retrieved.slice(0, count);
    const text = words(retrieved, profile);
    if (!doesFit(text)) break;
    fitted = { text, retrieved, profile };
  }
  return fitted;
}
