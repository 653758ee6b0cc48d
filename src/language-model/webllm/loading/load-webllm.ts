// Loads WebLLM when a language model needs it.
import type * as Webllm from '@mlc-ai/web-llm';
import { missingPeer } from '../../../lib/missing-peer.ts';

/** @throws PersonaPlugError `runtime-failed` when it is not installed. */
export async function loadWebllm(): Promise<typeof Webllm> {
  try {
    return await import('@mlc-ai/web-llm');
  } catch (cause) {
    throw missingPeer('@mlc-ai/web-llm', cause);
  }
}
