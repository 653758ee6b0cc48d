// Downloads a file by a GET without a body, with progress in bytes.
import { PersonaPlugError } from '../lib/errors.ts';
import { createProgressMeter } from '../lib/progress-meter.ts';
import type { ReadOptions } from './model-source.ts';

export interface DownloadOptions extends ReadOptions {
  readonly fetch: typeof globalThis.fetch;
  /** For progress and errors, e.g. `nano-llm/model.onnx`. */
  readonly label: string;
  readonly cache: RequestCache;
  /** Size of the file by its manifest; null where it is not known. Reading stops beyond it. */
  readonly expectedBytes: number | null;
}

/**
 * Downloads a file.
 *
 * @throws PersonaPlugError `model-missing` (404), `network-failed`; `signal.reason` when aborted.
 */
export async function download(
  url: string,
  { fetch, label, cache, expectedBytes, signal, onProgress }: DownloadOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  signal?.throwIfAborted();
  try {
    const response = await fetch(url, { cache, credentials: 'same-origin', signal: signal ?? null });
    if (!response.ok) throw refused(url, label, response.status);
    const meter = createProgressMeter({ stage: 'download', label, total: expectedBytes, unit: 'bytes', onProgress });
    return await readBody(response, expectedBytes, (done) => meter.update(done));
  } catch (cause) {
    signal?.throwIfAborted();
    if (PersonaPlugError.isInstance(cause)) throw cause;
    throw new PersonaPlugError(
      'network-failed',
      `${label} could not be fetched from ${url}: ${cause instanceof Error ? cause.message : String(cause)}. Check the network and the models URL, then try again.`,
      { cause, details: { file: label, url } },
    );
  }
}

async function readBody(
  response: Response,
  expectedBytes: number | null,
  report: (done: number) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  report(0);
  if (response.body === null) return new Uint8Array(await response.arrayBuffer());
  const chunks: Uint8Array[] = [];
  let done = 0;
  // A reader and not `for await`, since Safari has no async iteration of streams.
  const reader = response.body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    chunks.push(part.value);
    done += part.value.byteLength;
    report(done);
    // One byte too many makes the SHA-256 fail, so reading stops there: an endless response must not fill the memory.
    if (expectedBytes !== null && done > expectedBytes) {
      await reader.cancel();
      break;
    }
  }
  const bytes = new Uint8Array(done);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return bytes;
}

function refused(url: string, label: string, status: number): PersonaPlugError {
  const isMissing = status === 404 || status === 410;
  return new PersonaPlugError(
    isMissing ? 'model-missing' : 'network-failed',
    `${label}: the server answered ${status} for ${url}. ${isMissing ? 'Check the models URL and that the file is deployed.' : 'Try again later.'}`,
    { details: { file: label, url, status } },
  );
}
