// The package's error class. A message has three parts: the fact, the value that caused it, and the remedy.

/** What went wrong, as a stable code that an application can switch on. A worker passes codes on. */
export type PersonaPlugErrorCode =
  | 'webgpu-unavailable'
  | 'device-lost'
  | 'runtime-failed'
  | 'memory-insufficient'
  | 'model-integrity'
  | 'model-missing'
  | 'model-mismatch'
  | 'network-failed'
  | 'storage-quota'
  | 'storage-blocked'
  | 'storage-failed'
  | 'invalid-import'
  | 'invalid-argument'
  | 'invalid-prompt'
  | 'not-found'
  | 'closed'
  | 'internal';

const marker = Symbol.for('persona-plug.error');

/**
 * An error with a stable code.
 *
 * @example
 * ```ts
 * try {
 *   for await (const event of personalizer.generate({ task: 'news_headline', input: 'A draft' })) show(event);
 * } catch (error) {
 *   if (PersonaPlugError.isInstance(error) && error.code === 'webgpu-unavailable') showSettings();
 * }
 * ```
 */
export class PersonaPlugError extends Error {
  readonly code: PersonaPlugErrorCode;
  /** Facts for programs: a file, an expected and a found hash, a line number. Plain, cloneable values only. */
  readonly details: Readonly<Record<string, string | number | boolean | null>>;
  readonly [marker] = true;

  constructor(
    code: PersonaPlugErrorCode,
    message: string,
    options: { cause?: unknown; details?: Record<string, string | number | boolean | null> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'PersonaPlugError';
    this.code = code;
    this.details = options.details ?? {};
  }

  /** True for an error of this package, also one made by another copy of it. */
  static isInstance(value: unknown): value is PersonaPlugError {
    return typeof value === 'object' && value !== null && marker in value;
  }
}
