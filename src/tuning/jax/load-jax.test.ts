import { expect, test, vi } from 'vitest';
import { loadJax } from './load-jax.ts';

vi.mock('@jax-js/jax', () => {
  throw new Error('Cannot find module');
});

test('says which package is missing', async () => {
  await expect(loadJax('wasm')).rejects.toMatchObject({ code: 'runtime-failed', details: { package: '@jax-js/jax' } });
});
