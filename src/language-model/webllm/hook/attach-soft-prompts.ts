// Attaches the hook to an engine of the application. It imports WebLLM, which such an application has installed.
import { type MLCEngine, modelVersion } from '@mlc-ai/web-llm';
import { createSoftPromptHook, type SoftPromptHook } from './soft-prompt-hook.ts';
import { checkWebllmVersion } from './version-guard.ts';

export interface SoftPromptHookOptions {
  /** Runs on another release of WebLLM than the tested one. @defaultValue false */
  readonly allowUntestedVersion?: boolean;
  /** Name in the markers, `[0-9a-z]+`; an engine refuses markers of another name. @defaultValue random */
  readonly name?: string;
}

/**
 * Makes an engine take soft prompts, for the models that are loaded and all that `reload()` will load.
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
