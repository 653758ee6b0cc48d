// Where trained tunings are kept, so that methods and later runs share one.
import type { TrainedTuning } from './trained-tuning.ts';

/** Keys are made of all that decides a tuning: items, models and settings. */
export interface TuningKeeper {
  get(key: string): Promise<TrainedTuning | null>;
  put(key: string, trained: TrainedTuning): Promise<void>;
}

/** Those of one user, and a few more. */
const kept = 8;

/** Keeps the last few in memory. */
export function rememberTunings(): TuningKeeper {
  const tunings = new Map<string, TrainedTuning>();
  return {
    get: async (key) => tunings.get(key) ?? null,
    async put(key, trained) {
      tunings.set(key, trained);
      const [oldest] = tunings.keys();
      if (tunings.size > kept && oldest !== undefined) tunings.delete(oldest);
    },
  };
}
