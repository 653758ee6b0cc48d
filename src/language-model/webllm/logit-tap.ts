// Takes a copy of the logits, since WebLLM's sampler runs on the GPU and gives only its token.
import type { LogitProcessor } from '@mlc-ai/web-llm';
import { PersonaPlugError } from '../../lib/errors.ts';

/** Leaves logits and tokens as they are, and keeps the last logits. */
export class LogitTap implements LogitProcessor {
  #latest: Float32Array | null = null;

  /** The logits of the forward pass that just ended, `[vocabulary]`; each can be taken once. */
  take(): Float32Array {
    const latest = this.#latest;
    this.#latest = null;
    if (latest !== null) return latest;
    throw new PersonaPlugError('runtime-failed', 'WebLLM ran without handing out logits. Use @mlc-ai/web-llm 0.2.86.');
  }

  processLogits(logits: Float32Array): Float32Array {
    this.#latest = logits.slice();
    return logits;
  }

  processSampledToken(): void {}

  resetState(): void {
    this.#latest = null;
  }
}
