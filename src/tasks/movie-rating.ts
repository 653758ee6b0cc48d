// movie_rating: how many points, 1 to 5, would this user give with this review (LaMP-3's kind of task, in its wording).
import type { Task } from './task.ts';

export const ratings = ['1', '2', '3', '4', '5'] as const;

export const movieRating: Task = {
  name: 'movie_rating',
  prompt: (input) =>
    'What is the score of the following review on a scale of 1 to 5? ' +
    `just answer with 1, 2, 3, 4, or 5 without further explanation. review: ${input}`,
  retrievedItem: ({ input, output }) => `${output} is the score for "${input}"`,
  retrievedLead: '. ',
  choices: ratings,
  maximumNewTokens: 4,
  /** Reads `4` and `4.0`; null for everything else, which the metric counts by LaMP's rule. */
  parse: (text) => /^(?<rating>[1-5])(?:\.0+)?$/u.exec(text.trim())?.groups?.['rating'] ?? null,
};
