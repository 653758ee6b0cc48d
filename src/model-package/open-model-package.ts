// Opens a model package once its manifest was read: checks the manifest, and gives only files with the right SHA-256.
import { PersonaPlugError } from '../lib/errors.ts';
import type { Manifest, ManifestFile } from './manifest.ts';
import type { ModelPackage, ReadOptions } from './model-source.ts';
import { computeFingerprint, parseManifest } from './parse-manifest.ts';
import { sha256Hex } from './sha256.ts';

export interface OpenModelPackageOptions<K extends Manifest['kind']> {
  readonly name: string;
  readonly kind: K;
  readonly manifestBytes: Uint8Array<ArrayBuffer>;
  readonly baseUrl: string | null;
  /** Reads a file whose SHA-256 the reader has checked with `checkFile`. */
  readonly read: (file: ManifestFile, options: ReadOptions) => Promise<Uint8Array<ArrayBuffer>>;
}

/**
 * Makes a package from a manifest and a reader.
 *
 * @throws PersonaPlugError `model-mismatch` (bad manifest, another kind), `model-integrity` (fingerprint).
 */
export async function openModelPackage<K extends Manifest['kind']>({
  name,
  kind,
  manifestBytes,
  baseUrl,
  read,
}: OpenModelPackageOptions<K>): Promise<ModelPackage<Extract<Manifest, { kind: K }>>> {
  const manifest = parseManifest(parseJson(manifestBytes, name, 'manifest.json'), name);
  if (!isOfKind(manifest, kind)) {
    throw new PersonaPlugError(
      'model-mismatch',
      `Model package "${name}" is of kind ${manifest.kind}, but ${kind} is needed. Name another package.`,
      { details: { package: name, expected: kind, found: manifest.kind } },
    );
  }
  await checkFingerprint(manifest, name);
  const files = new Map(manifest.files.map((file) => [file.path, file]));

  async function bytes(path: string, options: ReadOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    options.signal?.throwIfAborted();
    const file = files.get(path);
    if (file === undefined) {
      throw new PersonaPlugError(
        'model-missing',
        `Model package "${name}" has no file ${path}. Its manifest lists: ${[...files.keys()].join(', ')}.`,
        { details: { package: name, file: path } },
      );
    }
    return read(file, options);
  }

  return { manifest, baseUrl, bytes, json: async (path, options) => parseJson(await bytes(path, options), name, path) };
}

/** The error for a file with another SHA-256 than its manifest says, or `null` when it is right. */
export async function checkFile(
  file: ManifestFile,
  content: Uint8Array<ArrayBuffer>,
  where: string,
): Promise<PersonaPlugError | null> {
  const found = await sha256Hex(content);
  if (found === file.sha256) return null;
  return new PersonaPlugError(
    'model-integrity',
    `Model file ${where} is damaged: expected SHA-256 ${file.sha256} (${file.bytes} bytes), found ${found} (${content.byteLength} bytes). Fetch or deploy the file again.`,
    {
      details: { file: where, expected: file.sha256, found, expectedBytes: file.bytes, foundBytes: content.byteLength },
    },
  );
}

async function checkFingerprint(manifest: Manifest, name: string): Promise<void> {
  if (manifest.kind === 'golden') return;
  const found = await computeFingerprint(manifest);
  if (found === manifest.fingerprint) return;
  throw new PersonaPlugError(
    'model-integrity',
    `The fingerprint of model package "${name}" is wrong: expected ${manifest.fingerprint}, found ${found}. Export the package again.`,
    { details: { file: `${name}/manifest.json`, expected: manifest.fingerprint, found } },
  );
}

function isOfKind<K extends Manifest['kind']>(manifest: Manifest, kind: K): manifest is Extract<Manifest, { kind: K }> {
  return manifest.kind === kind;
}

function parseJson(content: Uint8Array, name: string, path: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(content));
  } catch (cause) {
    throw new PersonaPlugError(
      'model-mismatch',
      `${path} of model package "${name}" is not JSON. Check that the models URL points at model packages, not at a page.`,
      { cause, details: { package: name, file: path } },
    );
  }
}
