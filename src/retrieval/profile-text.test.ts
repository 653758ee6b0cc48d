import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { profileText } from './profile-text.ts';

const items = (...outputs: string[]): { output: string }[] => outputs.map((output) => ({ output }));
const free = { choices: null };

describe('with choices', () => {
  test('answers are sorted by count and then by name, and one that is not a choice is left out', () => {
    const task = { choices: ['Tech', 'Sports', 'Money', 'Crime', 'Travel', 'Media'] };
    expect(profileText(task, items('Tech', 'Sports', 'Money', 'Tech', 'gossip', 'gossip'))).toBe(
      'The user\'s most frequent answers: "Tech" (2), "Money" (1), "Sports" (1)',
    );
    expect(profileText(task, items(...task.choices))).toBe(
      'The user\'s most frequent answers: "Crime" (1), "Media" (1), "Money" (1), "Sports" (1), "Tech" (1)',
    );
    expect(profileText(task, items('gossip'))).toBeNull();
  });
});

describe('with free text', () => {
  test('the median length and repeated words', () => {
    expect(
      profileText(
        free,
        items('Tram line opens!', 'The “tram” line is late', 'A tram, again: tram', 'Bread of the day'),
      ),
    ).toBe('The user writes about 4 words, often with: "tram", "line"');
  });

  test('a word counts once in an output, and must occur in two outputs', () => {
    expect(profileText(free, items('bread bread bread', 'Oven'))).toBe('The user writes about 1 word');
    expect(profileText(free, items('Naïve CAFÉ naïve', 'naïve café 2024', '2024'))).toBe(
      'The user writes about 3 words, often with: "café", "naïve"',
    );
  });

  test('at most ten words', () => {
    const many = Array.from({ length: 15 }, (_, index) => `word${String.fromCharCode(97 + index)}`).join(' ');
    expect(profileText(free, items(many, many))?.match(/"\w+"/gu)).toHaveLength(10);
  });

  test('without items there is no profile', () => {
    expect(profileText(free, [])).toBeNull();
    expect(profileText({ choices: ['a'] }, [])).toBeNull();
  });
});

test('the order of the items changes nothing', () => {
  const output = fc.array(fc.constantFrom('tram', 'the', 'oven', 'Tech', 'line'), { minLength: 1 });
  fc.assert(
    fc.property(fc.array(output.map((words) => words.join(' '))), (outputs) => {
      for (const task of [free, { choices: ['Tech', 'tram', 'oven'] }]) {
        expect(profileText(task, items(...outputs.toReversed()))).toBe(profileText(task, items(...outputs)));
      }
    }),
  );
});
