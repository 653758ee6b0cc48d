// Where memory is short: said with numbers before or when it runs out, so that whoever chose the model can choose a smaller one.
import { PersonaPlugError } from '../../lib/errors.ts';

const gibibyte = 2 ** 30;

/**
 * Up to so many gibibytes, `navigator.deviceMemory` tells what the machine has. Browsers cap the number, the older ones at 8, so above
 * this one it says only "at least".
 */
const smallMachine = 4;

/** The part of a small machine's memory that one tab may fill: the system, the browser and other tabs have the rest. */
const tabShare = 1 / 8;

export interface MemoryNeed {
  /** The model's name. */
  readonly name: string;
  /** Bytes that stay in memory once the model is loaded. */
  readonly needed: number;
}

/**
 * @param deviceMemory - `navigator.deviceMemory`, gibibytes; null where the browser has no such number.
 * @throws PersonaPlugError `memory-insufficient`
 */
export function checkDeviceMemory({ name, needed }: MemoryNeed, deviceMemory: number | null): void {
  if (deviceMemory === null || deviceMemory > smallMachine) return;
  const available = deviceMemory * gibibyte * tabShare;
  if (needed > available) throw memoryInsufficient({ name, needed }, available);
}

/** The same error for a failed allocation, where nobody knows what is available; any other error as it is. */
export function asMemoryShortage(error: unknown, need: MemoryNeed): unknown {
  return isAllocationFailure(error) ? memoryInsufficient(need, null, error) : error;
}

/**
 * How engines and the runtime say it: V8 and SpiderMonkey ("Array buffer allocation failed", "could not allocate memory"),
 * JavaScriptCore ("Out of memory"), C++ in wasm ("std::bad_alloc", "Failed to allocate memory for requested buffer", "failed to allocate a buffer"), Emscripten ("OOM").
 */
function isAllocationFailure(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (/allocation failed|allocate (?:a )?(?:memory|buffer)|bad_alloc|out of memory|\bOOM\b/i.test(error.message))
    return true;
  // "Invalid typed array length": more than an engine allows at all.
  if (error instanceof RangeError) return /array (?:buffer )?length|array size/i.test(error.message);
  return isAllocationFailure(error.cause);
}

function memoryInsufficient({ name, needed }: MemoryNeed, available: number | null, cause?: unknown): PersonaPlugError {
  const has =
    available === null ? 'could not be allocated' : `exceed the ${mebibytes(available)} that a tab can count on here`;
  return new PersonaPlugError(
    'memory-insufficient',
    `The language model ${name} needs ${mebibytes(needed)} of memory, which ${has}. Take a smaller one, such as nano-llm, or close other tabs.`,
    { cause, details: { needed, available } },
  );
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}
