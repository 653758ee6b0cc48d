// Turns exceptions of IndexedDB into errors of this package.
import { PersonaPlugError } from '../lib/errors.ts';

/** Turns an exception of IndexedDB into an error with a code, the fact and the remedy. */
export function toStorageError(error: unknown, database: string): PersonaPlugError {
  if (PersonaPlugError.isInstance(error)) return error;
  const name = error instanceof DOMException || error instanceof Error ? error.name : 'unknown error';
  const reason = error instanceof DOMException || error instanceof Error ? error.message : JSON.stringify(error);
  const details = { database, name };
  switch (name) {
    case 'QuotaExceededError':
      return new PersonaPlugError(
        'storage-quota',
        `The browser's storage is full; nothing was written to the history "${database}". ` +
          'Forget items, free disk space, or ask for persistent storage (navigator.storage.persist()).',
        { cause: error, details },
      );
    case 'VersionError':
      return new PersonaPlugError(
        'storage-failed',
        `The history "${database}" was written by a newer version of this application. Reload to get that version.`,
        { cause: error, details },
      );
    default:
      return new PersonaPlugError(
        'storage-failed',
        `The history "${database}" could not be read or written (${name}: ${reason}). ` +
          'Reload the page; in a private window or with site data blocked, there may be no IndexedDB.',
        { cause: error, details },
      );
  }
}
