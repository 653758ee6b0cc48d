// The contract on the memory store, and quickly on a simulated IndexedDB; e2e/history proves it in a real browser.
import 'fake-indexeddb/auto';
import { describe, expect, test } from 'vitest';
import { PersonaPlugError } from '../lib/errors.ts';
import { historyContract, sampleEntry } from '../testing/history-contract.ts';
import { memoryHistory } from './memory-history.ts';
import { openHistory } from './open-history.ts';

describe('memory', () => {
  test.each(historyContract)('$name', async ({ run }) => {
    await run(memoryHistory());
  });
});

describe('simulated IndexedDB', () => {
  test.each(historyContract)('$name', async ({ name, run }) => {
    await run(await openHistory({ name }));
  });

  test('a database of version 1 keeps its items and takes projections', async () => {
    const old = await openHistory({ name: 'migration', version: 1 });
    // Version 1 has no projections, which every write of today touches; its data is written as version 1 did.
    await old[Symbol.asyncDispose]();
    const history = await openHistory({ name: 'migration' });
    expect(await history.put([sampleEntry('a')])).toEqual({ added: 1, replaced: 0, unchanged: 0 });
    await history[Symbol.asyncDispose]();
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
