// The contract of a source of model packages: URLs in a browser, folders in Node.
import type { OnProgress } from '../lib/progress.ts';
import type { Manifest } from './manifest.ts';

export interface ReadOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: OnProgress;
}

/** An opened model package: a checked manifest, and files that are handed out only when their SHA-256 is right. */
export interface ModelPackage<M extends Manifest = Manifest> {
  readonly manifest: M;
  /** Absolute base address of the files, ending in `/`; null where there is none (Node). */
  readonly baseUrl: string | null;
  /** The bytes of a file. @throws PersonaPlugError `model-integrity` (file, expected and found hash), `model-missing`, `network-failed`. */
  bytes(path: string, options?: ReadOptions): Promise<Uint8Array<ArrayBuffer>>;
  json(path: string, options?: ReadOptions): Promise<unknown>;
}

export interface ModelSource {
  /** Opens a package of the given kind. @throws PersonaPlugError `model-missing`, `model-integrity`, `model-mismatch` (another kind). */
  open<K extends Manifest['kind']>(
    name: string,
    kind: K,
    options?: ReadOptions,
  ): Promise<ModelPackage<Extract<Manifest, { kind: K }>>>;
}
