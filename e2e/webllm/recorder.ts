// Records the logits of a chat by WebLLM's logit processor.
import type { LogitProcessor } from '@mlc-ai/web-llm';

/** Gives the logits of every step without changing them. */
export class Recorder implements LogitProcessor {
  steps: Float32Array[] = [];
  processLogits(logits: Float32Array): Float32Array {
    this.steps.push(logits.slice());
    return logits;
  }
  processSampledToken(): void {}
  resetState(): void {}
}
