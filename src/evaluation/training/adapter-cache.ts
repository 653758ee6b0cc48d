// Where trained adapters are kept, so that methods and later runs share one.
import type { TrainedAdapter } from './trained-adapter.ts';

/** Keys are made of all that decides a tuning: items, models and settings. */
export interface AdapterKeeper {
  get(key: string): Promise<TrainedAdapter | null>;
  put(key: string, trained: TrainedAdapter): Promise<void>;
}

/** Those of one user, and a few more. */
const kept = 8;

/** Keeps the last few in memory. */
export function inMemoryAdapterKeeper(): AdapterKeeper {
  const adapters = new Map<string, TrainedAdapter>();
  return {
    get: async (key) => adapters.get(key) ?? null,
    async put(key, trained) {
      adapters.set(key, trained);
      const [oldest] = adapters.keys();
      if (adapters.size > kept && oldest !== undefined) adapters.delete(oldest);
    },
  };
}
