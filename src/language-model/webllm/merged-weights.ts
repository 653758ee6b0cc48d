// An adapter merged into the weights on the GPU, and taken out again by writing back the very bytes that were there. WebLLM's kernels
// know nothing of it, so answers cost what they cost without.
import type { WeightAdapter } from '../language-model.ts';
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
   */
  use(adapter: WeightAdapter | null): Promise<void>;
}

export function mergedWeights(access: WeightAccess): MergedWeights {
  const originals = new Map<string, StoredWeight>();
  let usedId: string | null = null;

  function restore(): void {
    for (const [name, { values }] of originals) access.write(name, values);
    usedId = null;
  }

  return {
    async use(adapter) {
      if ((adapter?.id ?? null) === usedId) return;
      if (adapter === null) {
        restore();
        return;
      }
      const merged = new Map<string, Float32Array<ArrayBuffer>>();
      // All are read and computed before the first is written: a refusal changes nothing.
      for (const { name, merge } of weightChanges(adapter, access)) {
        const original = originals.get(name) ?? (await access.read(name));
        originals.set(name, original);
        merged.set(name, merge(original));
      }
      for (const [name, values] of merged) access.write(name, values);
      // Weights that only the adapter before had changed.
      for (const [name, { values }] of originals) if (!merged.has(name)) access.write(name, values);
      usedId = adapter.id;
    },
  };
}

function weightChanges(adapter: WeightAdapter, access: WeightAccess): Iterable<WeightChange> {
  return adapter.kind === 'lora' ? mergeLora(adapter) : mergeRescaling(adapter, access);
}
