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

test('rejects calls that wait for a lost device, and later calls', async () => {
  const { device, lose } = losable();
  const loss = watchDeviceLoss(device);
  expect(loss.reason).toBeNull();
  expect(await loss.orLost(async () => 3)).toBe(3);
  const stuck = loss.orLost(() => new Promise(() => {}));
  lose('the driver crashed');
  await expect(stuck).rejects.toMatchObject({ message: 'the driver crashed' });
  expect(loss.reason).toBe('the driver crashed');
  await expect(loss.orLost(async () => 3)).rejects.toMatchObject({ message: 'the driver crashed' });
});

test('gives the reason where there is no message, and passes errors of a call on', async () => {
  const { device, lose } = losable();
  const loss = watchDeviceLoss(device);
  const error = new Error('of the call');
  await expect(loss.orLost(() => Promise.reject(error))).rejects.toBe(error);
  lose('');
  await Promise.resolve();
  expect(loss.reason).toBe('unknown');
});

test('a device that cannot be reached is never reported as lost', async () => {
  const loss = watchDeviceLoss(null);
  expect(await loss.orLost(async () => 1)).toBe(1);
  expect(loss.reason).toBeNull();
});
