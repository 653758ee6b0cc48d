import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createChoiceTrie } from './choice-trie.ts';

const choicesArbitrary = fc.array(fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 5 }), {
  minLength: 1,
  maxLength: 8,
});

describe('createChoiceTrie', () => {
  test('allows the end where a choice ends, also inside a longer one', () => {
    const trie = createChoiceTrie([[5], [5, 3]], 0);
    expect(trie.allowed([])).toEqual([5]);
    expect(trie.allowed([5])).toEqual([0, 3]);
    expect(trie.allowed([5, 3])).toEqual([0]);
    expect(trie.allowed([5, 3, 0])).toEqual([]);
    expect(trie.allowed([9])).toEqual([]);
  });

  test('every walk through allowed tokens ends at a choice, and every choice can be walked', () => {
    fc.assert(
      fc.property(choicesArbitrary, fc.infiniteStream(fc.nat()), (choices, picks) => {
        const trie = createChoiceTrie(choices, 0);
        const walked: number[] = [];
        for (const pick of picks) {
          const allowed = trie.allowed(walked);
          const token = allowed[pick % allowed.length];
          expect(token).toBeDefined();
          if (token === undefined || token === 0) break;
          walked.push(token);
        }
        expect(choices).toContainEqual(walked);
        for (const choice of choices) {
          for (const [index, token] of choice.entries()) expect(trie.allowed(choice.slice(0, index))).toContain(token);
          expect(trie.allowed(choice)).toContain(0);
        }
      }),
    );
  });

  test.each([
    ['no choices', [], /empty/u],
    ['an empty choice', [[1], []], /Choice 1/u],
    ['an end token inside a choice', [[1, 0]], /Choice 0 .*token 0/u],
  ])('refuses %s and names it', (_, choices, named) => {
    expect(() => createChoiceTrie(choices, 0)).toThrow(
      expect.objectContaining({ code: 'invalid-argument', message: expect.stringMatching(named) }),
    );
  });
});
