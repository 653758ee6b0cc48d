import { expect, test } from 'vitest';
import { checkWebllmVersion, testedModelVersion } from './version-guard.ts';

test('accepts the tested release, and another one only where that is allowed', () => {
  expect(() => checkWebllmVersion(testedModelVersion, false)).not.toThrow();
  expect(() => checkWebllmVersion('v0_2_87/base', false)).toThrowError(
    expect.objectContaining({ code: 'model-mismatch', details: { expected: 'v0_2_86/base', found: 'v0_2_87/base' } }),
  );
  expect(() => checkWebllmVersion('v0_2_87/base', true)).not.toThrow();
});
