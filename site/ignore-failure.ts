// The end of a button's promise.

/** For an action whose failure the page shows by itself: nothing is left to do with the rejection. */
export function ignoreFailure(action: Promise<unknown>): void {
  action.catch(() => undefined);
}
