// Whose history stands in for a user's: seeded, and decided over all users of the split, so that a run over fewer users measures the
// same pairs.
import { drawBelow, seededRandom, shuffled } from '../lib/seeded-random.ts';
import type { EvaluationUser } from './data/evaluation-task.ts';

/** For each user another one: a seeded cycle through all users, so that nobody gets her own history. Empty for fewer than two. */
export function controlsOfSameTask(users: readonly EvaluationUser[], seed: number): Map<string, EvaluationUser> {
  const sameTaskControls = new Map<string, EvaluationUser>();
  if (users.length < 2) return sameTaskControls;
  const order = shuffled(users, seededRandom(seed));
  for (const [position, { user }] of order.entries()) {
    const sameTaskControl = order[(position + 1) % order.length];
    if (sameTaskControl !== undefined) sameTaskControls.set(user, sameTaskControl);
  }
  return sameTaskControls;
}

/** For each user one of another task; never one with her own id, who may be the same person. */
export function controlsOfOtherTask(
  users: readonly EvaluationUser[],
  others: readonly EvaluationUser[],
  seed: number,
): Map<string, EvaluationUser> {
  const random = seededRandom(seed + 1);
  const otherTaskControls = new Map<string, EvaluationUser>();
  for (const { user } of users) {
    const candidates = others.filter((other) => other.user !== user);
    const otherTaskControl = candidates[drawBelow(candidates.length, random)];
    if (otherTaskControl !== undefined) otherTaskControls.set(user, otherTaskControl);
  }
  return otherTaskControls;
}
