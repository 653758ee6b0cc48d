export interface RecordedRequest {
  readonly method: string;
  readonly url: string;
  readonly bodyBytes: number;
  readonly isOwn: boolean;
}
export interface RecordingProxy {
  readonly server: string;
  readonly requests: readonly RecordedRequest[];
  foreign(): RecordedRequest[];
  close(): Promise<void>;
}
export function startRecordingProxy(origin: string): Promise<RecordingProxy>;
export function proxyFlags(proxy: RecordingProxy): string[];
