// A package whose files do not have the SHA-256 sums of its manifest.
import { webllmLanguageModel } from '../../src/language-model/webllm/webllm-language-model.ts';
import { PersonaPlugError } from '../../src/lib/errors.ts';
import { createUrlModelSource } from '../../src/model-package/url-model-source.ts';

/** The error of loading a package in which one byte of one file was changed, for each file that is loaded. */
export async function damagedFilesScenario(tokenizerFile: string) {
  const results: Record<string, { code: string; file: unknown }> = {};
  for (const file of ['params_shard_0.bin', 'model.wasm', tokenizerFile]) {
    const damaging = createUrlModelSource(new URL('/models/', globalThis.location.origin).href, {
      cacheName: 'damaged-models',
      fetch: async (input, init) => {
        const response = await fetch(input, init);
        if (!String(input instanceof Request ? input.url : input).endsWith(file)) return response;
        const bytes = new Uint8Array(await response.arrayBuffer());
        bytes[100] = (bytes[100] ?? 0) ^ 1;
        return new Response(bytes);
      },
    });
    const damaged = await damaging.open('nano-llm', 'language-model');
    try {
      await webllmLanguageModel(damaged);
      results[file] = { code: 'none', file: null };
    } catch (error) {
      if (!PersonaPlugError.isInstance(error)) throw error;
      results[file] = { code: error.code, file: error.details['file'] };
    } finally {
      await caches.delete('damaged-models');
    }
  }
  return results;
}
