// The contract on the memory store, and quickly on a simulated IndexedDB; e2e/history proves it in a real browser.
import 'fake-indexeddb/auto';
import { describe, expect, test, vi } from 'vitest';
import { PersonaPlugError } from '../lib/errors.ts';
import { historyContract } from '../testing/history-contract.ts';
import { inMemoryHistory } from './in-memory-history.ts';
import { openHistory } from './open-history.ts';

describe('memory', () => {
  test.each(historyContract)('$name', async ({ run }) => {
    await run(inMemoryHistory());
  });
});

describe('simulated IndexedDB', () => {
  test.each(historyContract)('$name', async ({ name, run }) => {
    await run(await openHistory({ name }));
  });

  test('where there is none, the error says so', async () => {
    vi.stubGlobal('indexedDB', undefined);
    await expect(openHistory({ name: 'nowhere' })).rejects.toMatchObject({ code: 'storage-failed' });
    vi.unstubAllGlobals();
  });

  test('a database of a newer version is refused with a remedy', async () => {
    const newer = await openHistory({ name: 'newer', version: 99 });
    await newer[Symbol.asyncDispose]();
    await expect(openHistory({ name: 'newer' })).rejects.toSatisfy(
      (error: unknown) =>
        PersonaPlugError.isInstance(error) && error.code === 'storage-failed' && /newer/u.test(error.message),
    );
  });
});
