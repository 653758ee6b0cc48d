// The hook for an engine of the application. It imports WebLLM, which the application has: the engine is made of it.
import { type MLCEngine, modelVersion } from '@mlc-ai/web-llm';
import { createSoftPromptHook, type SoftPromptHook } from './soft-prompt-hook.ts';
import { checkWebllmVersion } from './version-guard.ts';

export interface SoftPromptHookOptions {
  /** Runs on another release of WebLLM than the tested one. @defaultValue false */
  readonly allowUntestedVersion?: boolean;
  /** Name in the markers, `[0-9a-z]+`; markers of one engine mean nothing to another. @defaultValue random */
  readonly name?: string;
}

/**
 * Lets an engine understand soft prompts: models that are loaded, and all that `reload()` will load.
 *
 * @throws PersonaPlugError `model-mismatch` on another release of WebLLM, `invalid-argument` when the engine has a hook already.
 *
 * @example
 * ```ts
 * const engine = new MLCEngine({ appConfig });
 * const hook = attachSoftPrompts(engine);
 * await engine.reload('my-model');
 * const persona = hook.register(rows, 2048);
 * const content = `${persona.marker}\n${sanitizeUserText(question)}`;
 * const answer = await engine.chat.completions.create({ messages: [{ role: 'user', content }] });
 * persona.release();
 * ```
 */
export function attachSoftPrompts(
  engine: MLCEngine,
  { allowUntestedVersion = false, name }: SoftPromptHookOptions = {},
): SoftPromptHook {
  checkWebllmVersion(modelVersion, allowUntestedVersion);
  return createSoftPromptHook(engine, name);
}
