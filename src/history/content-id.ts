// The id of an item that has none.

/**
 * SHA-256 (hex) of (task, date, input, output): the same item has the same id on every device, so that importing it
 * twice changes nothing.
 */
export async function contentId(item: {
  readonly task: string;
  readonly date: string | null;
  readonly input: string;
  readonly output: string;
}): Promise<string> {
  // As a JSON array, since joined texts would give ("a", "bc") and ("ab", "c") the same id.
  const text = JSON.stringify([item.task, item.date, item.input, item.output]);
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
