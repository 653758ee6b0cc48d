import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';

test('the example in the documentation is the code that the browser tests run', async () => {
  const root = new URL('../../../../', import.meta.url);
  const documentation = await readFile(new URL('docs/webllm-soft-prompts.md', root), 'utf8');
  const example = await readFile(new URL('e2e/webllm/example.ts', root), 'utf8');
  const [, shown] = /```ts\n(.*?)```/s.exec(documentation) ?? [];
  expect(shown).toBe(example.replace('../../src/language-model/webllm/index.ts', 'persona-plug/webllm'));
});
