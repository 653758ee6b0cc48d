// Opens the database of a history, brings it to the present schema, and minds what other tabs do to it.
import { openDB } from 'idb';
import { PersonaPlugError } from '../lib/errors.ts';
import { type HistoryDatabase, type HistorySchema, migrate, schemaVersion } from './history-schema.ts';
import type { HistoryStore } from './history-store.ts';
import { indexedDbHistory } from './indexeddb-history.ts';
import { toStorageError } from './storage-error.ts';
import { createAdapterWatch } from './adapters/adapter-watch.ts';

/** What happens to an open history without its doing. */
export type HistoryEvent =
  /** Another tab holds the database in an older version; opening waits for it to close. */
  | { readonly type: 'blocked' }
  /** Another tab wants a newer version: this connection was closed to make way. Reload. */
  | { readonly type: 'closed-for-upgrade' }
  /** The browser ended the connection, e.g. because the user cleared the site's data. */
  | { readonly type: 'terminated' };

export interface OpenHistoryOptions {
  /** Name of the database. */
  readonly name: string;
  readonly onEvent?: (event: HistoryEvent) => void;
  /** Milliseconds to wait for other tabs to let go of an older version. @defaultValue 5000 */
  readonly blockedTimeout?: number;
  readonly signal?: AbortSignal;
  /** Milliseconds since 1970, for the moment that a tuning became stale. @defaultValue `Date.now` */
  readonly clock?: () => number;
  /** The schema to open; an older one only in tests of the migrations. @defaultValue the present one */
  readonly version?: number;
}

/**
 * Opens a history in IndexedDB.
 *
 * @throws PersonaPlugError `storage-blocked` when another tab keeps an older version open, `storage-failed` when there is
 * no IndexedDB or its data is of a newer version; or `signal.reason`.
 */
export async function openHistory(options: OpenHistoryOptions): Promise<HistoryStore> {
  const { name, onEvent, signal, version = schemaVersion } = options;
  signal?.throwIfAborted();
  let database: HistoryDatabase | null = null;
  let closed: PersonaPlugError | null = null;
  const close = (error: PersonaPlugError): void => {
    closed ??= error;
    database?.close();
  };

  const givenUp = new AbortController();
  const opening = openLater(name, version, {
    upgrade: (upgraded, oldVersion, newVersion, transaction) =>
      migrate(upgraded, transaction, oldVersion, newVersion ?? version),
    blocked() {
      onEvent?.({ type: 'blocked' });
      setTimeout(() => givenUp.abort(blockedError(name)), options.blockedTimeout ?? 5_000);
    },
    blocking() {
      // Making way at once: a tab that holds on would block the newer one for ever.
      close(
        new PersonaPlugError(
          'storage-blocked',
          `Another tab upgraded the history "${name}" to a newer version. Reload this tab.`,
          { details: { database: name } },
        ),
      );
      onEvent?.({ type: 'closed-for-upgrade' });
    },
    terminated() {
      close(
        new PersonaPlugError(
          'storage-failed',
          `The browser ended the connection to the history "${name}", perhaps because site data was cleared. Reload.`,
          { details: { database: name } },
        ),
      );
      onEvent?.({ type: 'terminated' });
    },
  });

  const giveUp = signal === undefined ? givenUp.signal : AbortSignal.any([givenUp.signal, signal]);
  try {
    database = await orAborted(opening, giveUp);
  } catch (error) {
    // Opening cannot be taken back; a connection that comes later must not block anybody.
    void closeLate(opening);
    if (giveUp.aborted) throw giveUp.reason;
    throw toStorageError(error, name);
  }
  const opened = database;
  return indexedDbHistory({
    name,
    gate() {
      if (closed !== null) throw closed;
      return opened;
    },
    close: () => close(new PersonaPlugError('closed', `The history "${name}" is closed. Open it again.`)),
    clock: options.clock ?? Date.now,
    watch: createAdapterWatch(new BroadcastChannel(`persona-plug/tunings/${name}`)),
  });
}

/** A promise even where there is no IndexedDB at all, and opening throws at once. */
async function openLater(...parameters: Parameters<typeof openDB<HistorySchema>>): Promise<HistoryDatabase> {
  return await openDB<HistorySchema>(...parameters);
}

async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return await new Promise<T>((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    promise.then(resolve, reject);
  });
}

async function closeLate(opening: Promise<HistoryDatabase>): Promise<void> {
  try {
    (await opening).close();
  } catch {
    // It did not open: nothing to close.
  }
}

function blockedError(name: string): PersonaPlugError {
  return new PersonaPlugError(
    'storage-blocked',
    `Another tab keeps an older version of the history "${name}" open. Close the other tabs of this site, then reload.`,
    { details: { database: name } },
  );
}
