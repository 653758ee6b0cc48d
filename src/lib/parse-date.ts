// Dates of items and requests: `YYYY-MM-DD`, or ISO 8601 with a time. Without an offset they are UTC, so that a
// history gives the same persona wherever its owner travels.

const pattern =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(Z|[+-]\d{2}(?::?\d{2})?)?)?$/u;

/** Milliseconds since 1970 (UTC), or null when the text is no such date. */
export function parseDate(text: string): number | null {
  const match = pattern.exec(text);
  if (match === null) return null;
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', offset = 'Z'] = match;
  const parts = [year, month, day, hour, minute, second].map(Number);
  const [y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0] = parts;
  if (h > 23 || mi > 59 || s > 59) return null;
  const date = new Date(0);
  date.setUTCFullYear(y, mo - 1, d);
  // A date such as the 30th of February rolls over into March and is not valid.
  if (date.getUTCMonth() !== mo - 1 || date.getUTCDate() !== d) return null;
  const milliseconds = Number(`0.${fraction === '' ? '0' : fraction}`) * 1000;
  return date.getTime() + ((h * 60 + mi) * 60 + s) * 1000 + milliseconds - offsetMilliseconds(offset);
}

function offsetMilliseconds(offset: string): number {
  if (offset === 'Z') return 0;
  const digits = offset.slice(1).replace(':', '');
  const minutes = Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2) || '0');
  return (offset.startsWith('-') ? -minutes : minutes) * 60_000;
}
