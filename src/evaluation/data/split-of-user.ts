// Whether a user trains the models or is measured: a hash of the id decides, the same for every task. training/data/splits.py does the same.
import { sha256Hex } from '../../model-package/sha256.ts';

export type UserSplit = 'train_a' | 'train_b' | 'dev' | 'test';

/** Upper bounds (exclusive) of a user's bucket. The language model learns from A, the plug from B, choices are made on dev. */
const upperBounds: readonly (readonly [number, UserSplit])[] = [
  [30, 'train_a'],
  [60, 'train_b'],
  [85, 'dev'],
  [100, 'test'],
];

/** The split of a user: the first 32 bits of SHA-256 of the id, modulo 100, against the bounds. */
export async function splitOfUser(user: string): Promise<UserSplit> {
  const bucket = Number.parseInt((await sha256Hex(user)).slice(0, 8), 16) % 100;
  return upperBounds.find(([bound]) => bucket < bound)?.[1] ?? 'test';
}
