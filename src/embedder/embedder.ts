// The contract of an embedder, which turns texts into unit vectors.
import type { DeviceChoice } from '../lib/device.ts';
import type { EmbedOptions, TextCoverage } from './text-chunks.ts';

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
   * Embeds one text: a unit vector `[dim]`. Each call takes one text, so that a vector never depends on other texts of a batch. A text
   * that is longer than the model's window is embedded in chunks; of a text of more than 8 chunks a part is left out, which `coverage`
   * tells.
   *
   * @throws PersonaPlugError `runtime-failed`, or `signal.reason` when aborted.
   */
  embed(text: string, options?: EmbedOptions): Promise<Float32Array<ArrayBuffer>>;
  /** How much of a text its vector is made of. Costs a tokenization, about 1 ms for 1,000 characters. */
  coverage(text: string): TextCoverage;
}
