// The contract on the in-memory history and on a simulated IndexedDB, which is quick; e2e/history runs it in a real browser.
import 'fake-indexeddb/auto';
import { describe, expect, test, vi } from 'vitest';

import { historyContract } from '../testing/history-contract.ts';
import { inMemoryHistory } from './in-memory-history.ts';
import { openHistory } from './open-history.ts';

describe('in memory', () => {
  test.each(historyContract)('$name', async ({ run }) => {
    await run(inMemoryHistory());
  });
});

describe('simulated IndexedDB', () => {
  test.each(historyContract)('$name', async ({ name, run }) => {
    await run(await openHistory({ name }));
  });

  test('where there is no IndexedDB, opening fails with a code', async () => {
    vi.stubGlobal('indexedDB', undefined);
    await expect(openHistory({ name: 'nowhere' })).rejects.toMatchObject({ code: 'storage-failed' });
    vi.unstubAllGlobals();
  });

  test('a database of a newer version is refused by name', async () => {
    const newer = await openHistory({ name: 'newer', version: 99 });
    await newer[Symbol.asyncDispose]();
    await expect(openHistory({ name: 'newer' })).rejects.toMatchObject({
      code: 'storage-failed',
      message: expect.stringContaining('"newer"'),
    });
  });
});
