// A queue between a producer that never waits and one consumer that reads by `for await`.

export class EventQueue<T> implements AsyncIterable<T> {
  readonly #values: T[] = [];
  #outcome: { readonly error: unknown } | 'ended' | null = null;
  #wake: (() => void) | null = null;

  push(value: T): void {
    if (this.#outcome !== null) return;
    this.#values.push(value);
    this.#wake?.();
  }

  end(): void {
    this.#outcome ??= 'ended';
    this.#wake?.();
  }

  /** What was pushed and not read yet is dropped. */
  fail(error: unknown): void {
    if (this.#outcome !== null) return;
    this.#outcome = { error };
    this.#values.length = 0;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    for (;;) {
      const value = this.#values.shift();
      if (value !== undefined) yield value;
      else if (this.#outcome === 'ended') return;
      else if (this.#outcome !== null) throw this.#outcome.error;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}
