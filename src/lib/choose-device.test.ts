import { describe, expect, test } from 'vitest';
import { chooseDevice, type GpuAccess } from './choose-device.ts';

function gpuWith(info: Partial<GPUAdapterInfo> | null): GpuAccess {
  const adapter =
    info === null
      ? null
      : ({ info: { vendor: '', architecture: '', description: '', ...info } } as unknown as GPUAdapter);
  return { requestAdapter: () => Promise.resolve(adapter) };
}

const hardware = gpuWith({ vendor: 'nvidia', architecture: 'hopper', isFallbackAdapter: false });
const software = gpuWith({ vendor: 'google', architecture: 'swiftshader', isFallbackAdapter: true });

describe('chooseDevice', () => {
  test('auto takes WebGPU on hardware', async () => {
    expect(await chooseDevice('auto', { gpu: hardware })).toMatchObject({ kind: 'webgpu', adapter: 'nvidia hopper' });
  });

  test.each([
    ['the adapter is software', software, /google swiftshader.*software/],
    ['there is no adapter', gpuWith(null), /no adapter/],
    ['there is no WebGPU', null, /no WebGPU/],
  ])('auto takes wasm when %s, and gives the reason', async (_, gpu, reason) => {
    const choice = await chooseDevice('auto', { gpu });
    expect(choice.kind).toBe('wasm');
    expect(choice.reason).toMatch(reason);
  });

  test('webgpu takes a software adapter too, and throws without any', async () => {
    expect(await chooseDevice('webgpu', { gpu: software })).toMatchObject({ kind: 'webgpu', isFallbackAdapter: true });
    for (const gpu of [null, gpuWith(null)]) {
      await expect(chooseDevice('webgpu', { gpu })).rejects.toMatchObject({ code: 'webgpu-unavailable' });
    }
  });

  test('wasm does not request an adapter', async () => {
    const gpu = { requestAdapter: () => Promise.reject(new Error('was asked')) };
    expect(await chooseDevice('wasm', { gpu })).toMatchObject({ kind: 'wasm', adapter: null });
  });
});
