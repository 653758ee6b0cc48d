import { expect, test, vi } from 'vitest';

// WebLLM's bundle cannot be loaded in Node: its glue takes over `module.exports`.
vi.mock('@mlc-ai/web-llm', () => ({ modelVersion: 'v0_2_86/base' }));

const { checkWebllmVersion } = await import('./version-guard.ts');

test('takes the tested release, and another one only when asked to', () => {
  expect(() => checkWebllmVersion(false)).not.toThrow();
  expect(() => checkWebllmVersion(false, 'v0_2_87/base')).toThrowError(
    expect.objectContaining({ code: 'model-mismatch', details: { expected: 'v0_2_86/base', found: 'v0_2_87/base' } }),
  );
  expect(() => checkWebllmVersion(true, 'v0_2_87/base')).not.toThrow();
});
