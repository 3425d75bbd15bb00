/** The door of `seeds`: ids by natural key, rewrites, runs with before-images, undo, expectations. */
export {
  resolveSeedIdentities,
  type SeedDependent,
  type SeedIdentity,
  type SeedQuery,
  type SeedWorld,
  seedIdentities,
} from './identities.ts';
export { applyEdits, patchSeed, type SeedPatch, type SeedPatchRequest } from './patch.ts';
