// Tells everyone who has a history open, in this tab and in others, that its adapters have changed.

export interface AdapterWatch extends Disposable {
  watch(listener: () => void): () => void;
  /** To be called once the change is committed. */
  changed(): void;
}

/** `channel` connects to the other connections of the same history; null: there are none. */
export function createAdapterWatch(channel: BroadcastChannel | null = null): AdapterWatch {
  const listeners = new Set<() => void>();
  const tell = (): void => {
    for (const listener of listeners) listener();
  };
  channel?.addEventListener('message', tell);
  return {
    watch(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    changed() {
      tell();
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has no target
      channel?.postMessage(null);
    },
    [Symbol.dispose]() {
      listeners.clear();
      channel?.close();
    },
  };
}
