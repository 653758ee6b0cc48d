// The order in which items are stored, listed and summed up. It is fixed, so that equal histories give equal bits.

/** Something with a date and an id. */
export interface Dated {
  readonly id: string;
  readonly date: string | null;
}

/** Date ascending (as text, undated first), then id; both by UTF-16 code units, which is IndexedDB's order too. */
export function compareDated(a: Dated, b: Dated): number {
  return compareCodeUnits(a.date ?? '', b.date ?? '') || compareCodeUnits(a.id, b.id);
}

function compareCodeUnits(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
