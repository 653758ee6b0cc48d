// movie_tag: which tag would this user give a film (LaMP-2's kind of task). The tags are the application's.
import { PersonaPlugError } from '../lib/errors.ts';
import type { Task } from './task.ts';

/** The tags of LaMP-2. */
export const lampMovieTags = [
  'sci-fi',
  'based on a book',
  'comedy',
  'action',
  'twist ending',
  'dystopia',
  'dark comedy',
  'classic',
  'psychology',
  'fantasy',
  'romance',
  'thought-provoking',
  'social commentary',
  'violence',
  'true story',
] as const;

/**
 * The task over these tags.
 *
 * @example
 * ```ts
 * const task = movieTagTask(['slow burn', 'feel-good']);
 * ```
 *
 * @throws PersonaPlugError `invalid-argument` for no tags, an empty one, or one that comes twice.
 */
export function movieTagTask(choices: readonly string[] = lampMovieTags): Task {
  if (
    choices.length === 0 ||
    choices.some((choice) => choice.trim() === '') ||
    new Set(choices).size < choices.length
  ) {
    throw new PersonaPlugError(
      'invalid-argument',
      `The tags are ${JSON.stringify(choices).slice(0, 200)}. Give at least one, none empty, each once.`,
      { details: { tags: choices.length } },
    );
  }
  return {
    name: 'movie_tag',
    prompt: (input) => `Which tag does this movie relate to? description: ${input}`,
    retrievedItem: ({ input, output }) => `the tag for the movie: "${input}" is "${output}"`,
    retrievedLead: '. ',
    choices,
    maximumNewTokens: 12,
    parse(text) {
      const trimmed = text.trim();
      return choices.find((choice) => choice === trimmed) ?? null;
    },
  };
}
