/**
 * The door of `run`: named units in order, one lock, the ledger row in the unit's own transaction.
 */
export { type Faults, noFaults } from './faults.ts';
export {
  type FileRow,
  hasLedger,
  Ledger,
  openLedger,
  type RepairRow,
  type RepairState,
  readLedger,
  type StepRow,
} from './ledger.ts';
export {
  findBlockers,
  findLockHolder,
  type LockHolder,
  type OpenSecond,
  withLock,
} from './lock.ts';
export {
  type RunEvent,
  type RunOptions,
  revertUnits,
  runUnits,
  type Unit,
  UnitFailure,
  type UnitStorage,
} from './runner.ts';
export {
  type KeptImage,
  lastSeedRun,
  markSeedUndone,
  recordSeedRun,
  type SeedRunRecord,
  type SeedRunRow,
  seedImages,
} from './seed-ledger.ts';
export { inTransaction, type Limits, type Session, setLimits, sqlStateOf } from './session.ts';
