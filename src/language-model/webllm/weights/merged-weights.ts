// Merges an adapter into the weights on the GPU, and takes it out by writing the original bytes back. WebLLM's kernels stay as they
// are, so answers cost the same as without an adapter.
import type { WeightAdapter } from '../../../adapter/weight-adapter.ts';
import { mergeLora } from './merge-lora.ts';
import { mergeRescaling } from './merge-rescaling.ts';
import type { StoredWeight, WeightAccess } from './weight-access.ts';
import type { WeightChange } from './weight-change.ts';

/** The merge of one loaded engine. */
export interface MergedWeights {
  /**
   * Merges an adapter in place of the previous one; null restores the weights, bit for bit.
   *
   * @throws PersonaPlugError `model-mismatch` when it does not fit or the weights are not float32; the weights then stay as they are.
   * An error of a write leaves some weights merged and some not; the next call corrects them, whichever adapter it merges.
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
      // All weights are read and computed before the first is written, so that an adapter that does not fit changes nothing.
      for (const { name, merge } of adapter === null ? [] : weightChanges(adapter, access)) {
        const original = originals.get(name) ?? (await access.read(name));
        originals.set(name, original);
        merged.set(name, merge(original));
      }
      isWhole = false;
      // Weights that only the previous adapter changed get their original values.
      for (const [name, { values }] of originals) access.write(name, merged.get(name) ?? values);
      isWhole = true;
      usedId = id;
    },
  };
}

function weightChanges(adapter: WeightAdapter, access: WeightAccess): Iterable<WeightChange> {
  return adapter.kind === 'lora' ? mergeLora(adapter) : mergeRescaling(adapter, access);
}
