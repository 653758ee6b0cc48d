// What a page and the worker say to each other. Every message names its client and its request, so that one worker
// can serve several ports, and one port several requests at a time.
import type {
  EngineOptions,
  EngineStatus,
  Explanation,
  GenerateEvent,
  GenerateRequest,
  ImportResult,
  RememberedItem,
} from '../engine/personalizer.ts';
import type { Adapter, AdapterName } from '../adapter/adapter.ts';
import type { PeftRequest } from '../adapter/adapters.ts';
import type { PeftFiles } from '../adapter/peft-files.ts';
import type { HistoryItem, HistoryItemInput } from '../history/history-item.ts';
import type { PersonaPlugErrorCode } from '../lib/errors.ts';
import type { Progress } from '../lib/progress.ts';

/** Raised whenever a message changes its meaning: page and worker must come from one build. */
export const protocolVersion = 3;

const tag = 'persona-plug';

/** What a client can ask for. */
export type Call =
  | { readonly method: 'hello' }
  | { readonly method: 'open'; readonly options: EngineOptions }
  | { readonly method: 'status' }
  | { readonly method: 'remember'; readonly item: HistoryItemInput }
  | { readonly method: 'forget'; readonly id: string }
  | { readonly method: 'forgetEverything' }
  | { readonly method: 'items'; readonly task: string | null }
  | { readonly method: 'importHistory'; readonly jsonl: string }
  | { readonly method: 'exportHistory'; readonly includeVectors: boolean }
  | { readonly method: 'generate'; readonly request: GenerateRequest }
  | { readonly method: 'explain'; readonly request: GenerateRequest }
  | { readonly method: 'listAdapters'; readonly task: string | null }
  | {
      readonly method: 'dropAdapter';
      readonly request: Pick<AdapterName, 'task' | 'kind'> & Partial<Pick<AdapterName, 'state'>>;
    }
  | { readonly method: 'watchAdapters' }
  | { readonly method: 'exportPeft'; readonly request: PeftRequest }
  | { readonly method: 'close' };

/** What each call answers with. */
export interface CallResults {
  /** The name of the Web Lock that the worker holds as long as it lives; null where there are no Web Locks. */
  readonly hello: { readonly lock: string | null };
  readonly open: null;
  readonly status: EngineStatus;
  readonly remember: RememberedItem;
  readonly forget: boolean;
  readonly forgetEverything: null;
  readonly items: HistoryItem[];
  readonly importHistory: ImportResult;
  readonly exportHistory: string;
  readonly generate: null;
  readonly explain: Explanation;
  readonly listAdapters: Adapter[];
  readonly dropAdapter: boolean;
  readonly watchAdapters: null;
  readonly exportPeft: PeftFiles;
  readonly close: null;
}

/** The events of the calls that answer with events. */
export interface CallEvents {
  readonly generate: GenerateEvent;
  /** Says no more than that something may have changed. */
  readonly watchAdapters: null;
}

export type Method = Call['method'];
export type CallOf<M extends Method> = Extract<Call, { readonly method: M }>;

interface Envelope {
  readonly protocol: typeof tag;
  readonly version: number;
  readonly client: string;
  readonly request: number;
}

export type ClientMessageBody = { readonly type: 'call'; readonly call: Call } | { readonly type: 'cancel' };
export type ClientMessage = Envelope & ClientMessageBody;

export type WorkerMessageBody =
  | { readonly type: 'progress'; readonly progress: Progress }
  | { readonly type: 'event'; readonly event: CallEvents[keyof CallEvents] }
  | { readonly type: 'result'; readonly result: CallResults[Method] }
  | { readonly type: 'error'; readonly error: RemoteError };
export type WorkerMessage = Envelope & WorkerMessageBody;

/** An error as it crosses the border: plain text and plain values. */
export interface RemoteError {
  /** `aborted`: the client's own cancel took effect. */
  readonly code: PersonaPlugErrorCode | 'aborted';
  readonly message: string;
  readonly details: Readonly<Record<string, string | number | boolean | null>>;
  /** The causes, outermost first, as `name: message` joined by ` ← `. */
  readonly cause: string | null;
}

/** What both ends of a connection have in common; a `Worker`, a `MessagePort` and a worker's scope fit. */
export interface Port {
  postMessage(message: unknown, transfer: Transferable[]): void;
  addEventListener(type: 'message', listener: (event: MessageEvent) => void): void;
  removeEventListener(type: 'message', listener: (event: MessageEvent) => void): void;
  /** A MessagePort delivers nothing before this. */
  start?(): void;
}

export function clientMessage(client: string, request: number, body: ClientMessageBody): ClientMessage {
  return { protocol: tag, version: protocolVersion, client, request, ...body };
}

export function workerMessage(client: string, request: number, body: WorkerMessageBody): WorkerMessage {
  return { protocol: tag, version: protocolVersion, client, request, ...body };
}

function hasEnvelope(value: unknown): value is Envelope {
  return (
    typeof value === 'object' &&
    value !== null &&
    'protocol' in value &&
    value.protocol === tag &&
    'version' in value &&
    typeof value.version === 'number' &&
    'client' in value &&
    typeof value.client === 'string' &&
    'request' in value &&
    typeof value.request === 'number'
  );
}

/** Reads a message to the worker; null for foreign messages. Both ends are of one build when `version` is equal. */
export function readClientMessage(value: unknown): ClientMessage | null {
  return hasEnvelope(value) && 'type' in value && (value.type === 'call' || value.type === 'cancel')
    ? (value as ClientMessage)
    : null;
}

/** Reads a message from the worker; null for foreign messages. */
export function readWorkerMessage(value: unknown): WorkerMessage | null {
  return hasEnvelope(value) && 'type' in value && typeof value.type === 'string' ? (value as WorkerMessage) : null;
}
