// Ends a stream of text before the first stop string, also one that comes in pieces, and never lets any of it out.
import { PersonaPlugError } from '../../lib/errors.ts';

/** Watches a stream for stop strings. */
export interface StopStringFilter {
  /** The text that is safe to tell now, and whether a stop string was met (nothing must be pushed afterwards). */
  push(text: string): { readonly text: string; readonly isStopped: boolean };
  /** What was held back as the possible start of a stop string. */
  end(): string;
}

/**
 * Makes a filter; the stop string that is complete first ends the text.
 *
 * @throws PersonaPlugError `invalid-argument` for an empty stop string.
 */
export function createStopStringFilter(stopStrings: readonly string[] = []): StopStringFilter {
  if (stopStrings.includes('')) {
    throw new PersonaPlugError(
      'invalid-argument',
      'A stop string is empty and would end every answer at once. Remove it.',
    );
  }
  let held = '';
  return {
    push(text) {
      held += text;
      const start = firstStop(held, stopStrings);
      if (start !== null) {
        const told = held.slice(0, start);
        held = '';
        return { text: told, isStopped: true };
      }
      const keep = heldBackLength(held, stopStrings);
      const told = held.slice(0, held.length - keep);
      held = held.slice(held.length - keep);
      return { text: told, isStopped: false };
    },
    end() {
      const told = held;
      held = '';
      return told;
    },
  };
}

/** Where the stop string starts that is complete first, so that the answer does not depend on how the text was cut. */
function firstStop(text: string, stopStrings: readonly string[]): number | null {
  let first: { readonly start: number; readonly end: number } | null = null;
  for (const stop of stopStrings) {
    const start = text.indexOf(stop);
    if (start < 0) continue;
    const end = start + stop.length;
    if (first === null || end < first.end || (end === first.end && start < first.start)) first = { start, end };
  }
  return first?.start ?? null;
}

/** Length of the longest end of `text` with which a stop string begins. */
function heldBackLength(text: string, stopStrings: readonly string[]): number {
  let longest = 0;
  for (const stop of stopStrings) {
    for (let length = Math.min(stop.length - 1, text.length); length > longest; length--) {
      if (text.endsWith(stop.slice(0, length))) longest = length;
    }
  }
  return longest;
}
