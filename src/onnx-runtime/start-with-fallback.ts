// Starts a model on wasm where `auto` chose WebGPU and the model does not start there.
import type { DeviceChoice, DevicePreference } from '../lib/device.ts';
import { PersonaPlugError } from '../lib/errors.ts';

export interface FallbackOptions<T> {
  readonly preference: DevicePreference;
  readonly device: DeviceChoice;
  readonly start: (device: DeviceChoice) => Promise<T>;
  readonly onFallback: ((device: DeviceChoice) => void) | undefined;
}

/**
 * Starts on the chosen device. Only `auto` falls back; where WebGPU was requested by name, its error is thrown.
 *
 * @throws PersonaPlugError what `start` throws; on WebGPU under `auto` only if wasm fails too.
 */
export async function startWithFallback<T>({ preference, device, start, onFallback }: FallbackOptions<T>): Promise<T> {
  try {
    return await start(device);
  } catch (error) {
    const isRuntimes =
      PersonaPlugError.isInstance(error) && (error.code === 'runtime-failed' || error.code === 'device-lost');
    if (!isRuntimes || preference !== 'auto' || device.kind === 'wasm') throw error;
    const fallback: DeviceChoice = { ...device, kind: 'wasm', reason: `WebGPU failed: ${error.message}` };
    const started = await start(fallback);
    onFallback?.(fallback);
    return started;
  }
}
