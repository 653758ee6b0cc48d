import { expect, test } from 'vitest';
import { createSerialQueue, orAborted } from './or-aborted.ts';

test('gives callers their turns one at a time, in order', async () => {
  const queue = createSerialQueue();
  const log: string[] = [];
  const run = async (name: string): Promise<void> => {
    const leave = await queue.enter();
    log.push(`${name} in`);
    await Promise.resolve();
    log.push(`${name} out`);
    leave();
  };
  await Promise.all([run('a'), run('b'), run('c')]);
  expect(log).toEqual(['a in', 'a out', 'b in', 'b out', 'c in', 'c out']);
});

test('an abort while waiting rejects with its reason and does not hold up the others', async () => {
  const queue = createSerialQueue();
  const leave = await queue.enter();
  const controller = new AbortController();
  const waiting = queue.enter(controller.signal);
  const after = queue.enter();
  const reason = new Error('changed my mind');
  controller.abort(reason);
  await expect(waiting).rejects.toBe(reason);
  leave();
  (await after)();
});

test('orAborted gives the result, or the reason of the abort', async () => {
  const controller = new AbortController();
  expect(await orAborted(Promise.resolve(5), controller.signal)).toBe(5);
  const reason = new Error('stop');
  const never = orAborted(new Promise(() => {}), controller.signal);
  controller.abort(reason);
  await expect(never).rejects.toBe(reason);
  await expect(orAborted(Promise.resolve(5), controller.signal)).rejects.toBe(reason);
});
