// What a chat's logits were, by WebLLM's own road for those who want to change them.
import type { LogitProcessor } from '@mlc-ai/web-llm';

/** Hands out the logits of every step without changing them. */
export class Recorder implements LogitProcessor {
  steps: Float32Array[] = [];
  processLogits(logits: Float32Array): Float32Array {
    this.steps.push(logits.slice());
    return logits;
  }
  processSampledToken(): void {}
  resetState(): void {}
}
