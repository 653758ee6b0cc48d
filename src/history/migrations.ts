// The migration to each version of the database.
import { addSettings } from './adapters/migrate-adapters.ts';
import type { HistoryDatabase, UpgradeTransaction } from './history-schema.ts';

/** One step of the schema. Steps are only added and never changed, since users have databases of every earlier version. */
interface Migration {
  readonly version: number;
  readonly migrate: (database: HistoryDatabase, transaction: UpgradeTransaction) => void;
}

const migrations: readonly Migration[] = [
  {
    version: 1,
    migrate(database) {
      for (const name of ['items', 'vectors'] as const) {
        const store = database.createObjectStore(name, { keyPath: 'id' });
        store.createIndex('order', ['task', 'date', 'id'], { unique: true });
      }
    },
  },
  {
    // Projections are stored apart from the items: they belong to a plug and can be computed again.
    version: 2,
    migrate(database) {
      const store = database.createObjectStore('projections', { keyPath: ['plug', 'id'] });
      store.createIndex('item', 'id');
      store.createIndex('task', ['plug', 'task']);
    },
  },
  {
    // Adapters, found by each of the items that they were trained on.
    version: 3,
    migrate(database) {
      const store = database.createObjectStore('tunings', { keyPath: ['task', 'kind', 'state'] });
      store.createIndex('item', 'items', { multiEntry: true });
    },
  },
  {
    // An adapter's settings become a field of their own, since they are kept when an item is forgotten.
    version: 4,
    migrate(_database, transaction) {
      addSettings(transaction);
    },
  },
];

export const schemaVersion = Math.max(...migrations.map(({ version }) => version));

/** Migrates a database from an old version (0: a new database) to `target`, step by step in one upgrade transaction. */
export function migrate(
  database: HistoryDatabase,
  transaction: UpgradeTransaction,
  oldVersion: number,
  target: number,
): void {
  for (const step of migrations) {
    if (step.version > oldVersion && step.version <= target) step.migrate(database, transaction);
  }
}
