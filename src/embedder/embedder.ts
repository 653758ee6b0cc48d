// The contract of an embedder, which turns texts into unit vectors.
import type { DeviceChoice } from '../lib/device.ts';

/** Identifies an embedder. Vectors of different fingerprints must not be mixed in one persona. */
export interface EmbedderIdentity {
  readonly name: string;
  /** SHA-256 (hex) over the weights and tokenizer of the model package. */
  readonly fingerprint: string;
  readonly dim: number;
  readonly backend: 'wasm' | 'webgpu';
}

/** Turns texts into unit vectors. */
export interface Embedder extends AsyncDisposable {
  readonly identity: EmbedderIdentity;
  readonly device: DeviceChoice;
  /** The result of the check against golden sentences at start: the smallest cosine, where 1 is equal. */
  readonly selfTest: { readonly smallestCosine: number; readonly passed: boolean };
  /**
   * Embeds one text: a unit vector `[dim]`. Each call takes one text, so that a vector never depends on other texts of a batch.
   *
   * @throws PersonaPlugError `runtime-failed`, or `signal.reason` when aborted.
   */
  embed(text: string, options?: { signal?: AbortSignal }): Promise<Float32Array<ArrayBuffer>>;
}
