// Whose history stands in for a user's: seeded, and decided over all users of the split, so that a run over fewer users measures the
// same pairs.
import { drawBelow, seededRandom, shuffled } from '../lib/seeded-random.ts';
import type { EvaluationUser } from './data/evaluation-task.ts';

/** For each user another one: a seeded cycle through all users, so that nobody gets her own history. Empty for fewer than two. */
export function partnersOf(users: readonly EvaluationUser[], seed: number): Map<string, EvaluationUser> {
  const partners = new Map<string, EvaluationUser>();
  if (users.length < 2) return partners;
  const order = shuffled(users, seededRandom(seed));
  for (const [position, { user }] of order.entries()) {
    const partner = order[(position + 1) % order.length];
    if (partner !== undefined) partners.set(user, partner);
  }
  return partners;
}

/** For each user one of another task; never one with her own id, who may be the same person. */
export function strangersOf(
  users: readonly EvaluationUser[],
  others: readonly EvaluationUser[],
  seed: number,
): Map<string, EvaluationUser> {
  const random = seededRandom(seed + 1);
  const strangers = new Map<string, EvaluationUser>();
  for (const { user } of users) {
    const candidates = others.filter((other) => other.user !== user);
    const stranger = candidates[drawBelow(candidates.length, random)];
    if (stranger !== undefined) strangers.set(user, stranger);
  }
  return strangers;
}
