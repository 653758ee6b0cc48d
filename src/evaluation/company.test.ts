import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { partnersOf, strangersOf } from './company.ts';
import type { EvaluationUser } from './data/evaluation-task.ts';

const users = (names: readonly string[]): EvaluationUser[] => names.map((user) => ({ user, queries: [] }));
const names = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 4 }), { minLength: 2, maxLength: 30 });

test('everyone has a partner, nobody herself, and each history is given out once', () => {
  fc.assert(
    fc.property(names, fc.nat(), (list, seed) => {
      const partners = partnersOf(users(list), seed);
      const given = list.map((name) => partners.get(name)?.user);
      expect(given.every((partner, index) => partner !== undefined && partner !== list[index])).toBe(true);
      expect(new Set(given).size).toBe(list.length);
      expect(partnersOf(users(list), seed)).toEqual(partners);
    }),
  );
  expect(partnersOf(users(['only']), 0).size).toBe(0);
});

test('a stranger never has the same id', () => {
  fc.assert(
    fc.property(names, names, fc.nat(), (list, others, seed) => {
      for (const [user, stranger] of strangersOf(users(list), users(others), seed)) {
        expect(stranger.user).not.toBe(user);
        expect(others).toContain(stranger.user);
      }
    }),
  );
  expect(strangersOf(users(['a']), users(['a']), 0).size).toBe(0);
});
