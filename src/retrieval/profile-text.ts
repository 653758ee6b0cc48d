// A textual profile of a user for the prompt, as in PAG (arXiv 2310.20081), but counted instead of written by a language model: the
// user's most frequent answers or words.
import { stopWords } from './stop-words.ts';
import { whitespaceTokens } from './whitespace-tokens.ts';

/** The most answers or words that a profile names. */
const profileLimits = { answers: 5, words: 10 } as const;

/** The part of a `Task` that the profile needs. */
export interface ProfileTask {
  /** The only answers there are; null where the answer is free text. */
  readonly choices: readonly string[] | null;
}

/**
 * The textual profile of a user, without a full stop, the same in whatever order the items come; null when there is nothing to say. For
 * a task with choices: the most frequent answers with their counts. Otherwise: the median number of words, and the content words that
 * occur in the most outputs, in at least two.
 *
 * @example
 * ```ts
 * const profile = profileText({ choices: ['yes', 'no'] }, [{ output: 'yes' }]);
 * // The user's most frequent answers: "yes" (1)
 * ```
 */
export function profileText(task: ProfileTask, items: readonly { readonly output: string }[]): string | null {
  const { choices } = task;
  const outputs = items.map(({ output }) => output);
  return choices === null ? textProfile(outputs) : choiceProfile(outputs, choices);
}

function choiceProfile(outputs: readonly string[], choices: readonly string[]): string | null {
  const known = new Set(choices);
  const counts = countedMost(outputs.filter((output) => known.has(output))).slice(0, profileLimits.answers);
  if (counts.length === 0) return null;
  return `The user's most frequent answers: ${counts.map(([answer, count]) => `"${answer}" (${count})`).join(', ')}`;
}

function textProfile(outputs: readonly string[]): string | null {
  const lengths = outputs.map((output) => whitespaceTokens(output).length).sort((a, b) => a - b);
  const median = lengths[Math.floor((lengths.length - 1) / 2)] ?? 0;
  if (median === 0) return null;
  const size = `The user writes about ${median} ${median === 1 ? 'word' : 'words'}`;
  const words = countedMost(outputs.flatMap(contentWords))
    .filter(([, count]) => count >= 2)
    .slice(0, profileLimits.words);
  return words.length === 0 ? size : `${size}, often with: ${words.map(([word]) => `"${word}"`).join(', ')}`;
}

/** Each content word of a text once: in lower case, without punctuation around it, three letters or more. */
function contentWords(text: string): string[] {
  const bare = whitespaceTokens(text.toLowerCase()).map((token) =>
    token.replace(/^[^\p{L}\p{N}]+/u, '').replace(/[^\p{L}\p{N}]+$/u, ''),
  );
  return [...new Set(bare)].filter(
    (word) => Array.from(word).length >= 3 && /\p{L}/u.test(word) && !stopWords.has(word),
  );
}

/** By count, highest first; equal counts by code units. */
function countedMost(values: readonly string[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort(([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : 1));
}
