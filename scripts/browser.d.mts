export type WebgpuMode = 'hardware' | 'software' | 'off';
export class NoBrowserError extends Error {}
export function browserFlags(webgpu: WebgpuMode): string[];
export function createQuietProfile(): Promise<string>;
export function findBrowser(): string | null;
export function ensureBrowser(say: (sentence: string) => void): Promise<string>;
