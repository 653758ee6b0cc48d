import { expect, test } from 'vitest';
import { orAborted } from './or-aborted.ts';

test('gives the result, or the reason of the abort', async () => {
  const controller = new AbortController();
  expect(await orAborted(Promise.resolve(5), controller.signal)).toBe(5);
  const reason = new Error('stop');
  const never = orAborted(new Promise(() => {}), controller.signal);
  controller.abort(reason);
  await expect(never).rejects.toBe(reason);
  await expect(orAborted(Promise.resolve(5), controller.signal)).rejects.toBe(reason);
});
