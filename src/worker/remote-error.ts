// How errors cross the worker border without losing their code, facts or causes.
import { PersonaPlugError } from '../lib/errors.ts';
import type { RemoteError } from './protocol.ts';

/** Turns whatever was thrown into plain values. `isAborted`: the request's own signal was aborted. */
export function toRemoteError(error: unknown, isAborted: boolean): RemoteError {
  if (isAborted) {
    return { code: 'aborted', message: 'The request was aborted.', details: {}, cause: null };
  }
  if (PersonaPlugError.isInstance(error)) {
    return {
      code: error.code,
      message: error.message,
      details: { ...error.details },
      cause: describeCauses(error.cause),
    };
  }
  if (error instanceof Error || error instanceof DOMException) {
    // An abort that nobody here asked for, e.g. a running import when everything is forgotten.
    const code = error.name === 'AbortError' ? 'closed' : 'internal';
    return { code, message: error.message, details: { name: error.name }, cause: describeCauses(error.cause) };
  }
  return { code: 'internal', message: String(error), details: {}, cause: null };
}

/** The error as the page throws it; an abort becomes the reason of the page's own signal. */
export function fromRemoteError(error: RemoteError, signal: AbortSignal | undefined): unknown {
  if (error.code === 'aborted') {
    if (signal?.aborted === true) return signal.reason;
    // Nobody here asked for it: the connection was closed meanwhile.
    return new PersonaPlugError('closed', 'The personalizer was closed while this ran. Create a new one to go on.');
  }
  const cause = error.cause === null ? {} : { cause: new Error(error.cause) };
  return new PersonaPlugError(error.code, error.message, { details: { ...error.details }, ...cause });
}

function describeCauses(cause: unknown): string | null {
  const texts: string[] = [];
  // Eight levels are more than any chain of ours; the bound also ends a cause that is its own cause.
  for (let current: unknown = cause; current !== undefined && current !== null && texts.length < 8;) {
    if (current instanceof Error) {
      texts.push(`${current.name}: ${current.message}`);
      current = current.cause;
    } else {
      texts.push(typeof current === 'string' ? current : JSON.stringify(current));
      break;
    }
  }
  return texts.length === 0 ? null : texts.join(' ← ');
}
