// The age of an item, for the recency decay in the weights (after TAP-PER, arXiv 2606.04547).
import { PersonaPlugError } from '../lib/errors.ts';
import { parseDate } from '../lib/parse-date.ts';

const dayMilliseconds = 86_400_000;

/**
 * ln(1 + days from `date` to `at`); 0 for an undated item and for one of the future.
 *
 * @param at milliseconds since 1970, UTC
 * @throws PersonaPlugError `invalid-argument` when `date` is not a date.
 */
export function ageOf(date: string | null, at: number): number {
  if (date === null) return 0;
  const then = parseDate(date);
  if (then === null) {
    throw new PersonaPlugError('invalid-argument', `"${date}" is not a date. Write YYYY-MM-DD or ISO 8601.`, {
      details: { date },
    });
  }
  return Math.log1p(Math.max(0, at - then) / dayMilliseconds);
}
