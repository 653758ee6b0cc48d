import { expect, test } from 'vitest';
import { watchDeviceLoss } from './device-loss.ts';

function losable(): { device: Pick<GPUDevice, 'lost'>; lose: (message: string) => void } {
  const losses = new EventTarget();
  const lost = new Promise<GPUDeviceLostInfo>((resolve) => {
    losses.addEventListener('lose', (event) =>
      resolve({
        __brand: 'GPUDeviceLostInfo',
        reason: 'unknown',
        message: event instanceof CustomEvent ? event.detail : '',
      }),
    );
  });
  return { device: { lost }, lose: (message) => losses.dispatchEvent(new CustomEvent('lose', { detail: message })) };
}

test('ends what waits for a lost device, and what comes later', async () => {
  const { device, lose } = losable();
  const loss = watchDeviceLoss(device);
  expect(loss.reason).toBeNull();
  expect(await loss.orLost(async () => 3)).toBe(3);
  const stuck = loss.orLost(() => new Promise(() => {}));
  lose('the driver crashed');
  await expect(stuck).rejects.toThrow('the driver crashed');
  expect(loss.reason).toBe('the driver crashed');
  await expect(loss.orLost(async () => 3)).rejects.toThrow('the driver crashed');
});

test('takes the reason where there is no message, and lets errors through', async () => {
  const { device, lose } = losable();
  const loss = watchDeviceLoss(device);
  await expect(loss.orLost(() => Promise.reject(new Error('mine')))).rejects.toThrow('mine');
  lose('');
  await Promise.resolve();
  expect(loss.reason).toBe('unknown');
});

test('a device out of reach is never lost', async () => {
  const loss = watchDeviceLoss(null);
  expect(await loss.orLost(async () => 1)).toBe(1);
  expect(loss.reason).toBeNull();
});
