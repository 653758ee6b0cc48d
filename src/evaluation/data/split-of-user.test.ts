import { expect, test } from 'vitest';
import { splitOfUser } from './split-of-user.ts';

test('is the split of training/data/splits.py', async () => {
  // Computed by training/data/splits.py.
  const known = { a: 'train_a', alice: 'train_a', b: 'dev', d: 'dev', Zürich: 'test' } as const;
  for (const [user, split] of Object.entries(known)) expect(await splitOfUser(user), user).toBe(split);
});
