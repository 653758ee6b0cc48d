// Brings up jax-js, the one runtime that can differentiate. Imported when first needed.
import type * as jaxModule from '@jax-js/jax';
import { PersonaPlugError } from '../../lib/errors.ts';
import { missingPeer } from '../../lib/missing-peer.ts';

export type Jax = typeof jaxModule;
export type JaxArray = jaxModule.Array;

/**
 * Loads jax-js for a backend and makes it the default one.
 *
 * Where SharedArrayBuffer is there, jax-js computes in workers that it starts from blob URLs. A policy of `worker-src 'self'`
 * blocks these, and 0.1.25 then returns memory that nobody has written. So in a worker of ours, where nothing else starts
 * workers, it is kept to one thread; in a page it is refused.
 *
 * @throws PersonaPlugError `runtime-failed` when jax-js is not installed or the backend cannot start, `invalid-argument` on an isolated page.
 */
export async function loadJax(device: 'wasm' | 'webgpu'): Promise<Jax> {
  if (device === 'wasm') keepToOneThread();
  const jax = await importJax();
  try {
    const started = await jax.init(device);
    if (!started.includes(device)) throw new Error(`jax-js started ${started.join(', ')} only`);
    jax.defaultDevice(device);
    return jax;
  } catch (cause) {
    throw new PersonaPlugError(
      'runtime-failed',
      `jax-js could not start on ${device}: ${cause instanceof Error ? cause.message : String(cause)}. Choose another device.`,
      { cause, details: { device } },
    );
  }
}

async function importJax(): Promise<Jax> {
  try {
    return await import('@jax-js/jax');
  } catch (cause) {
    throw missingPeer('@jax-js/jax', cause);
  }
}

function keepToOneThread(): void {
  if (typeof SharedArrayBuffer === 'undefined' || typeof Worker === 'undefined') return;
  if (typeof document !== 'undefined') {
    throw new PersonaPlugError(
      'invalid-argument',
      'Training was started in a page that is cross-origin isolated. Start it in a worker (serveTrainingWorker).',
    );
  }
  Reflect.deleteProperty(globalThis, 'Worker');
}
