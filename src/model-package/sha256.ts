// SHA-256 by WebCrypto, as hex.
import { PersonaPlugError } from '../lib/errors.ts';

/**
 * The SHA-256 of bytes or of a text's UTF-8, in lower-case hex.
 *
 * @throws PersonaPlugError `model-integrity` where the page is not a secure context and WebCrypto is missing.
 */
export async function sha256Hex(content: Uint8Array<ArrayBuffer> | string): Promise<string> {
  // The type says that it is always there, but it is absent outside of secure contexts.
  const subtle = (globalThis.crypto as { subtle?: SubtleCrypto }).subtle;
  if (subtle === undefined) {
    throw new PersonaPlugError(
      'model-integrity',
      'Model files cannot be checked: WebCrypto is missing outside of a secure context. Serve the page over HTTPS or from localhost.',
    );
  }
  const digest = await subtle.digest(
    'SHA-256',
    typeof content === 'string' ? new TextEncoder().encode(content) : content,
  );
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
