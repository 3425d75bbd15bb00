/**
 * The door of `repair`: plan, rehearse, apply, undo.
 */
export { type Applied, type ApplyContext, applyPlan, findUnfinished } from './apply.ts';
export { hazardsToAllow } from './consent.ts';
export { type Foreseen, foresee } from './foresee.ts';
export { withHidden } from './hidden.ts';
export { type PlanOptions, planRepair } from './plan.ts';
export { parsePlan, serializePlan } from './plan-file.ts';
export { type PrepareContext, prepareRepair } from './prepare.ts';
export { type RehearsalContext, rehearse } from './rehearse.ts';
export { type UndoContext, type Undone, undo } from './undo.ts';
