// `persona-plug/webllm`: soft prompts for WebLLM, without the rest of the package.
export { PersonaPlugError, type PersonaPlugErrorCode } from '../../lib/errors.ts';
export type { PromptSegment } from '../language-model.ts';
export { sanitizeUserText } from './marker.ts';
export type { PipelineFacts } from './pipeline-access.ts';
export {
  attachSoftPrompts,
  type SoftPrompt,
  type SoftPromptHook,
  type SoftPromptHookOptions,
} from './soft-prompt-hook.ts';
export { testedModelVersion } from './version-guard.ts';
