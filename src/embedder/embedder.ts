// The contract of an embedder: text in, unit vectors out. Implementations live beside this file.
import type { DeviceChoice } from '../lib/device.ts';

/** Who made a vector. Vectors of different fingerprints must not be mixed in one persona. */
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
  /** The outcome of the check against golden sentences at start: smallest cosine, 1 = equal. */
  readonly selfTest: { readonly smallestCosine: number; readonly passed: boolean };
  /**
   * Embeds one text: a unit vector `[dim]`. One text a call, so that a vector never depends on its neighbours.
   *
   * @throws PersonaPlugError `runtime-failed`, or `signal.reason` when aborted.
   */
  embed(text: string, options?: { signal?: AbortSignal }): Promise<Float32Array<ArrayBuffer>>;
}
