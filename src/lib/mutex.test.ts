import { expect, test } from 'vitest';
import { createMutex } from './mutex.ts';

test('runs one at a time, in the order of asking', async () => {
  const mutex = createMutex();
  const log: string[] = [];
  const work = (name: string) => async (): Promise<void> => {
    log.push(`${name} starts`);
    await new Promise((resolve) => setTimeout(resolve, 1));
    log.push(`${name} ends`);
  };
  await Promise.all([mutex.run(work('a')), mutex.run(work('b')), mutex.run(work('c'))]);
  expect(log).toEqual(['a starts', 'a ends', 'b starts', 'b ends', 'c starts', 'c ends']);
});

test('who gives up while waiting lets the next one through, but not before its turn', async () => {
  const mutex = createMutex();
  const release = await mutex.acquire();
  const controller = new AbortController();
  const second = mutex.acquire(controller.signal);
  let isThirdIn = false;
  const third = mutex.run(async () => {
    isThirdIn = true;
  });
  const reason = new Error('enough');
  controller.abort(reason);
  await expect(second).rejects.toBe(reason);
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(isThirdIn).toBe(false);
  release();
  await third;
  expect(isThirdIn).toBe(true);
});

test('a failure ends the turn', async () => {
  const mutex = createMutex();
  await expect(mutex.run(async () => await Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  await expect(mutex.run(async () => await Promise.resolve('next'))).resolves.toBe('next');
});
