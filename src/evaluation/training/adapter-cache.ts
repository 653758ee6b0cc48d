// Where trained adapters are kept, so that several methods and later runs use one training.
import type { TrainedAdapter } from './trained-adapter.ts';

/** A key is made of everything that an adapter depends on: items, models and settings. */
export interface AdapterCache {
  get(key: string): Promise<TrainedAdapter | null>;
  put(key: string, trained: TrainedAdapter): Promise<void>;
}

/** Enough for the adapters of one user, and a few more. */
const size = 8;

/** Keeps the newest adapters of this process. */
export function inMemoryAdapterCache(): AdapterCache {
  const adapters = new Map<string, TrainedAdapter>();
  return {
    get: async (key) => adapters.get(key) ?? null,
    async put(key, trained) {
      adapters.set(key, trained);
      const [oldest] = adapters.keys();
      if (adapters.size > size && oldest !== undefined) adapters.delete(oldest);
    },
  };
}
