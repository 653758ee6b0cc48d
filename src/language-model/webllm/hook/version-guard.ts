// The hook reaches into members of WebLLM that are not public, so it runs only on the release that it was tested with.
import { PersonaPlugError } from '../../../lib/errors.ts';

/** WebLLM exports no version; this constant names the libraries that fit a release, and changes with it. */
export const testedModelVersion = 'v0_2_86/base';

/**
 * Checks WebLLM's `modelVersion`.
 *
 * @throws PersonaPlugError `model-mismatch` on another release, unless `allowUntested`.
 */
export function checkWebllmVersion(found: string, allowUntested: boolean): void {
  if (allowUntested || found === testedModelVersion) return;
  throw new PersonaPlugError(
    'model-mismatch',
    `The soft-prompt hook was tested with @mlc-ai/web-llm 0.2.86 (${testedModelVersion}), but ${found} is installed. Install 0.2.86 exactly, or pass allowUntestedVersion after running the tests with yours.`,
    { details: { expected: testedModelVersion, found } },
  );
}
