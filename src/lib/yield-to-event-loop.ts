// Lets messages, timers and other requests run before a long job continues.

/** Resolves in a later task. A message channel, because nested timers wait 4 ms each. */
export async function yieldToEventLoop(): Promise<void> {
  await new Promise<void>((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.addEventListener('message', () => {
      port1.close();
      resolve();
    });
    port1.start();
    port2.postMessage(null, []);
  });
}
