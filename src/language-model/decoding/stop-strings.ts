// Ends a stream of text before the first stop string, even one that arrives in pieces, and emits no part of it.
import { PersonaPlugError } from '../../lib/errors.ts';

/** Watches a stream for stop strings. */
export interface StopStringFilter {
  /** The text that can be emitted now, and whether a stop string was found, after which nothing may be pushed. */
  push(text: string): { readonly text: string; readonly isStopped: boolean };
  /** The text that was held back as the possible start of a stop string. */
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
        const before = held.slice(0, start);
        held = '';
        return { text: before, isStopped: true };
      }
      const keep = heldBackLength(held, stopStrings);
      const safe = held.slice(0, held.length - keep);
      held = held.slice(held.length - keep);
      return { text: safe, isStopped: false };
    },
    end() {
      const rest = held;
      held = '';
      return rest;
    },
  };
}

/** Where the stop string starts that is complete first: the answer must not depend on how the text was cut into pieces. */
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

/** Length of the longest suffix of `text` that is the beginning of a stop string. */
function heldBackLength(text: string, stopStrings: readonly string[]): number {
  let longest = 0;
  for (const stop of stopStrings) {
    for (let length = Math.min(stop.length - 1, text.length); length > longest; length--) {
      if (text.endsWith(stop.slice(0, length))) longest = length;
    }
  }
  return longest;
}
