// An adapter merged into the weights on the GPU, and taken out again by writing back the very bytes that were there. WebLLM's kernels
// know nothing of it, so answers cost what they cost without.
import type { WeightAdapter } from '../../language-model.ts';
import { mergeLora } from './merge-lora.ts';
import { mergeRescaling } from './merge-rescaling.ts';
import type { StoredWeight, WeightAccess } from './weight-access.ts';
import type { WeightChange } from './weight-change.ts';

/** The merge of one loaded engine. */
export interface MergedWeights {
  /**
   * Merges an adapter in the place of the one before; null restores the weights, bit for bit.
   *
   * @throws PersonaPlugError `model-mismatch` when it does not fit or the weights are no float32; the weights are then as before.
   * What a write throws leaves them half merged, which the next call mends, whatever adapter it is for.
   */
  use(adapter: WeightAdapter | null): Promise<void>;
}

export function mergedWeights(access: WeightAccess): MergedWeights {
  const originals = new Map<string, StoredWeight>();
  let usedId: string | null = null;
  /** False while weights are written, and after a write that failed: then some hold the adapter and some do not. */
  let isWhole = true;

  return {
    async use(adapter) {
      const id = adapter?.id ?? null;
      if (isWhole && id === usedId) return;
      const merged = new Map<string, Float32Array<ArrayBuffer>>();
      // All are read and computed before the first is written: a refusal changes nothing.
      for (const { name, merge } of adapter === null ? [] : weightChanges(adapter, access)) {
        const original = originals.get(name) ?? (await access.read(name));
        originals.set(name, original);
        merged.set(name, merge(original));
      }
      isWhole = false;
      // Weights that only an adapter before had changed get their own values back.
      for (const [name, { values }] of originals) access.write(name, merged.get(name) ?? values);
      isWhole = true;
      usedId = id;
    },
  };
}

function weightChanges(adapter: WeightAdapter, access: WeightAccess): Iterable<WeightChange> {
  return adapter.kind === 'lora' ? mergeLora(adapter) : mergeRescaling(adapter, access);
}
