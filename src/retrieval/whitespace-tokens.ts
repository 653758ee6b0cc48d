// Splits a text at white space into the tokens of BM25, unchanged. White space is that of Python's str.split, so that scores equal those
// of training; JavaScript's \s differs in a few control characters and the byte-order mark.
// oxlint-disable-next-line no-control-regex -- Python splits at U+001C to U+001F too
const whiteSpace = /[\t-\r\u001c- \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/u;

/** The pieces between white space; none for a blank text. Case and punctuation stay. */
export function whitespaceTokens(text: string): string[] {
  return text.split(whiteSpace).filter((token) => token !== '');
}
