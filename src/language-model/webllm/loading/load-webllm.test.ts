import { expect, test, vi } from 'vitest';
import { loadWebllm } from './load-webllm.ts';

vi.mock('@mlc-ai/web-llm', () => {
  throw new Error('Cannot find module');
});

test('names the missing package', async () => {
  await expect(loadWebllm()).rejects.toMatchObject({
    code: 'runtime-failed',
    details: { package: '@mlc-ai/web-llm' },
  });
});
