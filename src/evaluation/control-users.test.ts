import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { controlsOfSameTask, controlsOfOtherTask } from './control-users.ts';
import type { EvaluationUser } from './data/evaluation-task.ts';

const users = (names: readonly string[]): EvaluationUser[] => names.map((user) => ({ user, queries: [] }));
const names = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 4 }), { minLength: 2, maxLength: 30 });

test('everyone has a sameTaskControl, nobody herself, and each history is given out once', () => {
  fc.assert(
    fc.property(names, fc.nat(), (list, seed) => {
      const sameTaskControls = controlsOfSameTask(users(list), seed);
      const given = list.map((name) => sameTaskControls.get(name)?.user);
      expect(
        given.every((sameTaskControl, index) => sameTaskControl !== undefined && sameTaskControl !== list[index]),
      ).toBe(true);
      expect(new Set(given).size).toBe(list.length);
      expect(controlsOfSameTask(users(list), seed)).toEqual(sameTaskControls);
    }),
  );
  expect(controlsOfSameTask(users(['only']), 0).size).toBe(0);
});

test('a otherTaskControl never has the same id', () => {
  fc.assert(
    fc.property(names, names, fc.nat(), (list, others, seed) => {
      for (const [user, otherTaskControl] of controlsOfOtherTask(users(list), users(others), seed)) {
        expect(otherTaskControl.user).not.toBe(user);
        expect(others).toContain(otherTaskControl.user);
      }
    }),
  );
  expect(controlsOfOtherTask(users(['a']), users(['a']), 0).size).toBe(0);
});
