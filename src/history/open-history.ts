// Opens the database of a history, migrates it to the current schema, and handles version changes by other tabs.
import { openDB } from 'idb';
import { PersonaPlugError } from '../lib/errors.ts';
import type { HistoryDatabase, HistorySchema } from './history-schema.ts';
import { migrate, schemaVersion } from './migrations.ts';
import type { HistoryStore } from './history-store.ts';
import { indexedDbHistory } from './indexeddb-history.ts';
import { toStorageError } from './storage-error.ts';
import { createAdapterWatch } from './adapters/adapter-watch.ts';

/** What other tabs or the browser did to a history that is open or being opened. */
export type HistoryEvent =
  /** Another tab has an older version of the database open; opening waits until that tab closes it. */
  | { readonly type: 'blocked' }
  /** Another tab opens a newer version, so this connection was closed. Reload the page. */
  | { readonly type: 'closed-for-upgrade' }
  /** The browser ended the connection, e.g. because the user cleared the site's data. */
  | { readonly type: 'terminated' };

export interface OpenHistoryOptions {
  /** Name of the database. */
  readonly name: string;
  readonly onEvent?: (event: HistoryEvent) => void;
  /** Milliseconds to wait for other tabs to close an older version. @defaultValue 5000 */
  readonly blockedTimeout?: number;
  readonly signal?: AbortSignal;
  /** Milliseconds since 1970, for the moment at which an adapter became stale. @defaultValue `Date.now` */
  readonly clock?: () => number;
  /** The version of the schema; an older one only in tests of the migrations. @defaultValue the current one */
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
      // Closed at once, since the newer tab waits until this connection is closed.
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
    // Opening cannot be cancelled. A connection that opens later is closed, so that it does not block other tabs.
    void closeLate(opening);
    if (giveUp.aborted) throw giveUp.reason;
    throw toStorageError(error, name);
  }
  const opened = database;
  return indexedDbHistory({
    name,
    openDatabase() {
      if (closed !== null) throw closed;
      return opened;
    },
    close: () => close(new PersonaPlugError('closed', `The history "${name}" is closed. Open it again.`)),
    clock: options.clock ?? Date.now,
    watch: createAdapterWatch(new BroadcastChannel(`persona-plug/tunings/${name}`)),
  });
}

/** Opens a database. Rejects where there is no IndexedDB, in which case `openDB` throws. */
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
    // It did not open, so there is nothing to close.
  }
}

function blockedError(name: string): PersonaPlugError {
  return new PersonaPlugError(
    'storage-blocked',
    `Another tab keeps an older version of the history "${name}" open. Close the other tabs of this site, then reload.`,
    { details: { database: name } },
  );
}
