// `persona-plug/webllm`: soft prompts for WebLLM, without the rest of the package.
export { PersonaPlugError, type PersonaPlugErrorCode } from '../../lib/errors.ts';
export type { PromptSegment } from '../language-model.ts';
export { sanitizeUserText } from './hook/marker.ts';
export type { PipelineFacts } from './hook/pipeline-access.ts';
export { attachSoftPrompts, type SoftPromptHookOptions } from './hook/attach-soft-prompts.ts';
export type { SoftPrompt, SoftPromptHook } from './hook/soft-prompt-hook.ts';
export { testedModelVersion } from './hook/version-guard.ts';
