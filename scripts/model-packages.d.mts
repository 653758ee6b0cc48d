export interface ModelPackageOnDisk {
  readonly name: string;
  readonly folder: string;
  /** The bytes of manifest.json. */
  readonly bytes: Buffer;
  readonly revision: string;
}
export interface VerifyProgress {
  readonly label: string;
  readonly done: number;
  readonly total: number;
}
export function modelsFolder(): string;
export function researchModelsFolder(): string;
export function installedModelsFolders(folder: string): string[];
export function findModelPackages(...folders: readonly string[]): Promise<ModelPackageOnDisk[]>;
export function filesOfPackage(
  modelPackage: ModelPackageOnDisk,
): readonly { path: string; bytes: number; sha256: string }[];
export function modelIndex(packages: readonly ModelPackageOnDisk[]): {
  schemaVersion: 1;
  packages: Record<string, { revision: string; path: string }>;
};
export function publishModelPackages(packages: readonly ModelPackageOnDisk[], target: string): Promise<void>;
export class DamagedModelError extends Error {}
export function missingModelPackages(packages: readonly ModelPackageOnDisk[]): string[];
export function verifyModelPackages(
  packages: readonly ModelPackageOnDisk[],
  options?: { readonly onProgress?: (progress: VerifyProgress) => void },
): Promise<void>;
