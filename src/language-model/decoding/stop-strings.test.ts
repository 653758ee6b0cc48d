import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createStopStringFilter } from './stop-strings.ts';

const abText = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 30 });
const abStop = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 4 });

function filterAll(pieces: readonly string[], stops: readonly string[]): { text: string; isStopped: boolean } {
  const filter = createStopStringFilter(stops);
  let told = '';
  for (const piece of pieces) {
    const { text, isStopped } = filter.push(piece);
    told += text;
    if (isStopped) return { text: told, isStopped };
  }
  return { text: told + filter.end(), isStopped: false };
}

describe('createStopStringFilter', () => {
  test('finds a stop string that comes in pieces, and tells what only looked like one', () => {
    expect(filterAll(['one', '\n', '\n', 'two'], ['\n\n'])).toEqual({ text: 'one', isStopped: true });
    expect(filterAll(['one', '\n', 'two\n'], ['\n\n'])).toEqual({ text: 'one\ntwo\n', isStopped: false });
  });

  test('how the text is cut changes nothing', () => {
    fc.assert(
      fc.property(fc.array(abText, { maxLength: 6 }), fc.array(abStop, { maxLength: 3 }), (pieces, stops) => {
        expect(filterAll(pieces, stops)).toEqual(filterAll(Array.from(pieces.join('')), stops));
      }),
    );
  });

  test('no stop string ever comes out, and without one all text does', () => {
    fc.assert(
      fc.property(abText, fc.array(abStop, { maxLength: 3 }), (text, stops) => {
        const { text: told, isStopped } = filterAll(Array.from(text), stops);
        expect(text.startsWith(told)).toBe(true);
        expect(isStopped).toBe(stops.some((stop) => text.includes(stop)));
        for (const stop of stops) expect(told).not.toContain(stop);
        if (!isStopped) expect(told).toBe(text);
      }),
    );
  });

  test('refuses an empty stop string', () => {
    expect(() => createStopStringFilter([''])).toThrow(/empty/);
  });
});
