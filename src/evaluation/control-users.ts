// Control users: the users whose history is used in place of a user's own. The choice is seeded and made over all users of the split,
// so that a run over fewer users measures the same pairs.
import { drawBelow, seededRandom, shuffled } from '../lib/seeded-random.ts';
import type { EvaluationUser } from './data/evaluation-task.ts';

/** For each user another one of the same task: a seeded cycle through all users, in which no user follows themselves. Empty for fewer than two. */
export function controlsOfSameTask(users: readonly EvaluationUser[], seed: number): Map<string, EvaluationUser> {
  const controls = new Map<string, EvaluationUser>();
  if (users.length < 2) return controls;
  const order = shuffled(users, seededRandom(seed));
  for (const [position, { user }] of order.entries()) {
    const next = order[(position + 1) % order.length];
    if (next !== undefined) controls.set(user, next);
  }
  return controls;
}

/** For each user one of another task, drawn from `others`; never one with the same id, who may be the same person. */
export function controlsOfOtherTask(
  users: readonly EvaluationUser[],
  others: readonly EvaluationUser[],
  seed: number,
): Map<string, EvaluationUser> {
  const random = seededRandom(seed + 1);
  const controls = new Map<string, EvaluationUser>();
  for (const { user } of users) {
    const candidates = others.filter((other) => other.user !== user);
    const drawn = candidates[drawBelow(candidates.length, random)];
    if (drawn !== undefined) controls.set(user, drawn);
  }
  return controls;
}
