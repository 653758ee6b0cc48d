import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { controlsOfSameTask, controlsOfOtherTask } from './control-users.ts';
import type { EvaluationUser } from './data/evaluation-task.ts';

const users = (names: readonly string[]): EvaluationUser[] => names.map((user) => ({ user, queries: [] }));
const names = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 4 }), { minLength: 2, maxLength: 30 });

test('every user has another user of the same task, and each user serves once', () => {
  fc.assert(
    fc.property(names, fc.nat(), (list, seed) => {
      const controls = controlsOfSameTask(users(list), seed);
      const chosen = list.map((name) => controls.get(name)?.user);
      expect(chosen.every((control, index) => control !== undefined && control !== list[index])).toBe(true);
      expect(new Set(chosen).size).toBe(list.length);
      expect(controlsOfSameTask(users(list), seed)).toEqual(controls);
    }),
  );
  expect(controlsOfSameTask(users(['only']), 0).size).toBe(0);
});

test('a user of another task never has the same id', () => {
  fc.assert(
    fc.property(names, names, fc.nat(), (list, others, seed) => {
      for (const [user, control] of controlsOfOtherTask(users(list), users(others), seed)) {
        expect(control.user).not.toBe(user);
        expect(others).toContain(control.user);
      }
    }),
  );
  expect(controlsOfOtherTask(users(['a']), users(['a']), 0).size).toBe(0);
});
