// Watches whether and why a GPU device is lost, and ends calls that would wait for it forever.

export interface DeviceLoss {
  /** Why the device was lost; null while it is not. */
  readonly reason: string | null;
  /** Runs a call, unless the device is lost already, and rejects as soon as it is. */
  orLost<T>(call: () => Promise<T>): Promise<T>;
}

/** Watches a device; null for one that cannot be reached, whose loss is not noticed. */
export function watchDeviceLoss(device: Pick<GPUDevice, 'lost'> | null): DeviceLoss {
  let reason: string | null = null;
  const waiting = new Set<(reason: Error) => void>();
  const lose = (info: GPUDeviceLostInfo): void => {
    reason = info.message === '' ? info.reason : info.message;
    for (const reject of waiting) reject(new Error(reason));
    waiting.clear();
  };
  void device?.lost.then(lose);
  return {
    get reason() {
      return reason;
    },
    // Not a race against `lost` itself: that promise lives as long as the device and would keep a reaction of every call.
    async orLost(call) {
      if (reason !== null) throw new Error(reason);
      return await new Promise((resolve, reject) => {
        waiting.add(reject);
        call()
          .then(resolve, reject)
          .finally(() => waiting.delete(reject));
      });
    },
  };
}
