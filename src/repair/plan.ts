/**
 * The planner: findings' remedies → one Plan, ordered by dependency, each part naming the findings it answers.
 * Works from remedy actions alone; refuses to know rules, to connect and to write.
 * Longer than most files here: one kind of action after the other, and what each does to those before it.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Diagnosis, Stamp } from '../model/diagnosis.ts';
import type { Finding } from '../model/finding.ts';
import { compareText, keyOf } from '../model/name.ts';
import type { Hazard, Patch, Plan, PlanInputs, Step } from '../model/plan.ts';
import { type RemedyAction, reshapingActions } from '../model/remedy.ts';
import type { RevisionId } from '../model/revision.ts';
import type { RevisionGraph } from '../model/revision-graph.ts';
import { loadSqlParser } from '../sql/index.ts';
import { type Answered, editChain, FileEdits, type FutureChain } from './chain-edits.ts';
import { isWanted } from './consent.ts';
import { downgradeCounterparts } from './counterparts.ts';
import type { Fill } from './fill.ts';
import { recordInLock } from './lock-edits.ts';
import { mergeStep } from './merge.ts';
import { fingerprintFiles, planId } from './plan-file.ts';
import { passwordReason } from './plan-secrets.ts';
import { refusalFor } from './refusals.ts';
import { placeholderRevision, reconcilingRevision } from './revision-text.ts';
import { planSeeds } from './seed-plan.ts';
import type { SettleContext } from './settle.ts';
import { closureOf, findStampTarget, futureOperations, stampStep } from './stamp.ts';
import { type StepDraft, type StepResult, script, stepsFor } from './steps.ts';

export interface PlanOptions {
  /** Relative to the project. */
  stepsFolder: string;
  /** Hazards allowed by name: a warning's remedy that needs another is left out; an error's is planned all the same. */
  allow: readonly Hazard[];
  mergeDuplicates: boolean;
  /** False: the seed is neither patched for a run nor run. */
  seed: boolean;
  /** Findings that are left as they are, by key, with why. */
  without?: ReadonlyMap<string, string>;
  /** What the diagnosis took for done already, and the plan is still to do. */
  assumed?: Assumed;
}

/** What another look takes for done: files as the plan leaves them, version rows as it writes them. */
export interface Assumed {
  files: ReadonlyMap<string, Pick<Patch, 'before' | 'after' | 'takenFrom'> & { answers: readonly string[] }>;
  /** `live`: what the database holds. `proves`: only where the catalogue proves it, else a correction of what it holds. */
  stamp: { live: Stamp; rows: readonly RevisionId[]; proves: boolean; answers: readonly string[] } | null;
}

export interface Draft {
  plan: Plan;
  /** What may show only once this stands; null where nothing that was not looked at yet would. */
  assume: Assumed | null;
}

type ActionOf<Kind extends RemedyAction['action']> = Extract<RemedyAction, { action: Kind }>;

/** @throws nothing of its own: what cannot be planned is left, with why. */
export async function planRepair(diagnosis: Diagnosis, options: PlanOptions): Promise<Plan> {
  return (await draftRepair(diagnosis, options)).plan;
}

export async function draftRepair(diagnosis: Diagnosis, options: PlanOptions): Promise<Draft> {
  const left: Plan['left'] = [];
  await loadSqlParser();
  const actions = collect(diagnosis, options, left);
  const of = <Kind extends RemedyAction['action']>(kind: Kind) =>
    actions.filter((one): one is Answered<ActionOf<Kind>> => one.action.action === kind);
  const context: SettleContext = {
    namingConvention: diagnosis.facts.env.namingConvention,
    searchPath: searchPathOf(diagnosis),
  };
  const files = new FileEdits((file) => diagnosis.readFile(file), options.assumed?.files);
  const { graph, database } = diagnosis;
  const { config } = diagnosis.facts;

  actions.push(...(await downgradeCounterparts(actions, diagnosis)));
  const chain = editChain(actions, graph, files, (id, parents) => placeholderRevision(id, parents, { graph, config }));
  await recordInLock(files, diagnosis, chain.renames, idleEdits(actions));
  const chainPatches = files.patches();

  const severityByKey = new Map(diagnosis.findings.map((finding) => [finding.key, finding.severity]));
  const fills = new Map(
    of('fill-nulls').map(({ action, answers }) => [
      `${action.table}.${action.column}`,
      { value: action.value, answers },
    ]),
  );
  const made = stepsFor({
    wanted: [
      ...of('declare').map((one) => ({ operations: one.action.operations, answers: one.answers })),
      ...of('declare-constraint').map((one) => ({ operations: [one.action.operation], answers: one.answers })),
    ],
    live: database?.live.schema ?? diagnosis.declaredAtHeads,
    bytesByTable: database?.live.sizesByTable ?? new Map(),
    context,
    contradicted: contradictedConstraints(diagnosis.findings, fills),
    fills,
    holdBack: ({ hazards, answers, sql, down }) => {
      const secret = passwordReason({ sql, down }, actions, answers);
      if (secret !== null) return secret;
      const missing = hazards.filter((hazard) => !options.allow.includes(hazard));
      const isError = answers.some((key) => severityByKey.get(key) === 'error');
      return isError || missing.length === 0 ? null : `needs --allow ${missing.join(',')}`;
    },
  });
  left.push(...made.left);
  for (const { action, answers } of of('fill-nulls')) {
    if (made.steps.some((step) => answers.every((key) => step.answers.includes(key)))) continue;
    const reason = `NOT NULL of ${action.table}.${action.column} is not planned, so nothing is filled`;
    left.push(...answers.map((key) => ({ key, reason })));
  }
  const seeds = planSeeds(actions, diagnosis, files, {
    schemas: [made.schema, diagnosis.declaredAtHeads],
    searchPath: context.searchPath,
  });

  const merges = of('merge-heads');
  const joined = headsToJoin(merges, chain, graph);
  const future = new Map<RevisionId, readonly RevisionId[]>(chain.parents);
  let head: RevisionId | null = null;
  if (made.operations.length > 0 || joined.length > 1) {
    const downRevisions = joined.length > 1 ? joined : headFor(made, chain.heads, diagnosis);
    const namespace = context.searchPath[0] ?? 'public';
    const ofSessions = diagnosis.facts.env.searchPath ?? database?.live.searchPath;
    const isWhereSessionsBegin = ofSessions === undefined || firstOf(ofSessions) === namespace;
    const revision = reconcilingRevision({
      operations: made.operations,
      downRevisions,
      isOwnedEarlier: (key) => diagnosis.declaredAtHeads.tables.has(key),
      defaultNamespace: isWhereSessionsBegin ? namespace : null,
      graph,
      config,
    });
    const answers = [...merges.flatMap((one) => one.answers), ...made.steps.flatMap((step) => step.answers)];
    files.put(revision.file, revision.text, answers);
    future.set(revision.id, downRevisions);
    head = revision.id;
  }

  const drafts: StepDraft[] = [];
  let stamp = options.assumed?.stamp ?? null;
  if (database !== null) {
    drafts.push(...made.steps);
    for (const one of of('run-sql')) drafts.push(sqlStep(one));
    for (const one of of('merge-duplicates')) drafts.push(mergeStep(one.action, one.answers, database.live.schema));
    drafts.push(...seeds.steps);
    const stamped = stampSteps(diagnosis, stamp, of, { ...chain, parents: future }, head, made, context, left);
    drafts.push(...stamped.steps);
    stamp = stamped.assumed;
  } else if (made.steps.length > 0) {
    left.push(
      ...made.steps.flatMap((step) =>
        step.answers.map((key) => ({ key, reason: 'no database: only the chain is repaired' })),
      ),
    );
  }
  left.push(...seeds.left, ...files.failures);

  const steps = await numbered(drafts, diagnosis.projectDir, options.stepsFolder);
  for (const step of steps) {
    if (step.phase !== 'schema' && step.phase !== 'validate') continue;
    files.put(`${options.stepsFolder}/${step.name}.sql`, step.sql, step.answers, { step: step.name });
    files.put(
      `${options.stepsFolder}/down/${step.name}.sql`,
      step.down ?? '-- Cannot be taken back by SQL alone.\n',
      step.answers,
      { step: step.name },
    );
  }
  const patches = files.patches();
  const inputs: PlanInputs = {
    files: [...new Set([...inputFiles(diagnosis), ...patches.map((patch) => patch.file)])].sort(compareText),
    folders: [...config.versionLocations],
  };
  const bound = {
    patches,
    steps,
    liveFingerprint: database?.live.fingerprint ?? null,
    filesFingerprint: await fingerprintFiles(diagnosis.projectDir, inputs),
  };
  const plan: Plan = { version: 1, id: planId(bound), ...bound, inputs, rehearsal: null, left: dedupe(left, bound) };
  const isReshaped = actions.some(({ action }) => reshapingActions.has(action.action)) && chainPatches.length > 0;
  const patched = isReshaped ? new Map(chainPatches.map((patch) => [patch.file, patch])) : options.assumed?.files;
  return { plan, assume: isNews(patched, stamp, options.assumed) ? { files: patched ?? new Map(), stamp } : null };
}

/** Files of which only what can never have run is taken out. */
function idleEdits(actions: readonly Answered[]): Set<string> {
  const edits = actions.flatMap(({ action }) =>
    action.action === 'disable-operation' || action.action === 'reuse-enum' ? [action] : [],
  );
  const telling = new Set(edits.filter((edit) => edit.madeBy === undefined).map((edit) => edit.operation.origin.file));
  return new Set(edits.map((edit) => edit.operation.origin.file).filter((file) => !telling.has(file)));
}

function isNews(files: Assumed['files'] | undefined, stamp: Assumed['stamp'], known: Assumed | undefined): boolean {
  const isFile = [...(files ?? [])].some(([file, { after }]) => {
    const seen = known?.files.get(file);
    return seen === undefined || seen.after !== after;
  });
  return isFile || (stamp !== null && (known?.stamp == null || !sameRows(stamp.rows, known.stamp.rows)));
}

function sameRows(a: readonly string[], b: readonly string[]): boolean {
  return [...a].sort(compareText).join('\n') === [...b].sort(compareText).join('\n');
}

/** The database is another application's, or belongs to newer code: what it lacks is nothing that it lost. */
const notOurs = new Set(['foreign-version-row', 'database-ahead-of-code']);

const onDatabase: ReadonlySet<RemedyAction['action']> = new Set([
  ...(['declare', 'declare-constraint', 'run-sql', 'fill-nulls', 'merge-duplicates'] as const),
  ...(['run-seed', 'set-stamp', 'stamp-proven'] as const),
]);

/** Actions with the findings they answer; the same action asked for twice is done once. */
function collect(diagnosis: Diagnosis, options: PlanOptions, left: Plan['left']): Answered[] {
  const { findings } = diagnosis;
  const byText = new Map<string, Answered>();
  const findingByKey = new Map(findings.map((finding) => [finding.key, finding]));
  const handsOff = findings.find((one) => one.severity === 'error' && notOurs.has(one.rule)) ?? null;
  const runsSeed = options.seed && findings.some((one) => one.remedy?.actions.some((act) => act.action === 'run-seed'));
  for (const finding of findings) {
    const remedy = finding.remedy;
    const reason = options.without?.get(finding.key);
    if (reason !== undefined) {
      left.push({ key: finding.key, reason });
      continue;
    }
    if (remedy === null || remedy.actions.length === 0) {
      if (finding.severity !== 'info')
        left.push({ key: finding.key, reason: remedy?.summary ?? 'there is no remedy that a plan could carry out' });
      continue;
    }
    const standing = runsSeed
      ? undefined
      : finding.causedBy.find((key) => findingByKey.get(key)?.remedy?.actions.length === 0);
    for (const action of remedy.actions) {
      // A statement whose cause nothing answers would fail on it, now and on every run.
      if (action.action === 'run-sql' && standing !== undefined) {
        left.push({ key: finding.key, reason: `${standing} stands in the way` });
        continue;
      }
      if (handsOff !== null && onDatabase.has(action.action)) {
        left.push({ key: finding.key, reason: `${handsOff.key}: this database is left as it is` });
        continue;
      }
      const refusal = isWanted(finding, action, options);
      if (refusal !== null) {
        left.push({ key: finding.key, reason: refusal });
        continue;
      }
      const refused = refusalFor(action, diagnosis);
      if (refused !== null) {
        const { code, reason } = refused;
        left.push({ key: finding.key, reason, ...(finding.severity === 'error' ? { refusal: code } : {}) });
        continue;
      }
      if (action.action === 'run-sql') {
        const secret = passwordReason({ sql: script(action.sql), down: script(action.down) });
        if (secret !== null) {
          left.push({ key: finding.key, reason: secret });
          continue;
        }
      }
      const text = JSON.stringify(action);
      const known = byText.get(text);
      if (known) known.answers.push(finding.key);
      else byText.set(text, { action, answers: [finding.key] });
    }
  }
  return [...byText.values()];
}

/** Where a session makes what is named without a schema. */
function firstOf(searchPath: readonly string[]): string {
  return searchPath.find((name) => !name.startsWith('$') && !name.startsWith('pg_')) ?? 'public';
}

function searchPathOf(diagnosis: Diagnosis): string[] {
  const path = diagnosis.database?.searchPath ?? diagnosis.facts.env.searchPath ?? ['public'];
  const usable = path.filter((name) => !name.startsWith('$') && !name.startsWith('pg_'));
  return usable.length === 0 ? ['public'] : usable;
}

/** Constraints that rows contradict in a way no seed or wait resolves. */
function contradictedConstraints(findings: readonly Finding[], fills: ReadonlyMap<string, Fill>): Map<string, string> {
  const rules = new Set(['duplicates-block-unique', 'not-null-on-populated']);
  return new Map(
    findings
      .filter((finding) => rules.has(finding.rule) && !fills.has(finding.subject.name))
      .map((finding) => [finding.subject.name, `rows contradict it: ${finding.message}`]),
  );
}

/** Of the heads that a remedy would merge, those that are heads still; and heads that the patches themselves bring. */
function headsToJoin(
  merges: readonly Answered<ActionOf<'merge-heads'>>[],
  chain: FutureChain,
  graph: RevisionGraph,
): RevisionId[] {
  const renamed = (id: RevisionId) => chain.renames.get(id) ?? id;
  const asked = new Set(merges.flatMap((one) => one.action.heads.map(renamed)));
  const before = new Set(graph.heads.map(renamed));
  const fresh = chain.heads.filter((head) => !before.has(head));
  if (fresh.length > 0 && graph.heads.length === 1) return chain.heads;
  return chain.heads.filter((head) => asked.has(head) || fresh.includes(head));
}

/** Where a reconciling revision goes when several heads may stand: after the one that knows the object's revision. */
function headFor(made: StepResult, heads: readonly RevisionId[], diagnosis: Diagnosis): RevisionId[] {
  if (heads.length <= 1) return [...heads];
  const tables = made.operations.flatMap((operation) =>
    'table' in operation && operation.table && operation.kind !== 'createTable' ? [operation.table] : [],
  );
  const knows = heads.find((head) => {
    const schema = diagnosis.graph.revisions.has(head) ? diagnosis.replay.schemaAfter(head) : null;
    return schema !== null && tables.every((table) => schema.tables.has(keyOf(table.schema ?? 'public', table.name)));
  });
  return [knows ?? (heads[0] as RevisionId)];
}

/** SQL that a remedy states itself; what depends on rows runs after the seed has brought its own. */
function sqlStep(one: Answered<ActionOf<'run-sql'>>): StepDraft {
  const { action } = one;
  const touchesRows = action.hazards.includes('changes-rows') || action.sql.some((sql) => /\bsetval\s*\(/i.test(sql));
  return {
    title: action.name.replace(/\W+/g, '_'),
    phase: touchesRows ? 'validate' : 'schema',
    sql: script(action.sql),
    down: action.down.length === 0 ? null : script(action.down),
    lock: action.lock,
    hazards: action.hazards as Hazard[],
    transactional: action.transactional,
    answers: one.answers,
  };
}

/** The statements on the version rows, and the rows that another look would find: without the revision that is made now. */
function stampSteps(
  diagnosis: Diagnosis,
  known: Assumed['stamp'],
  of: <Kind extends RemedyAction['action']>(kind: Kind) => Answered<ActionOf<Kind>>[],
  chain: FutureChain,
  head: RevisionId | null,
  made: StepResult,
  context: SettleContext,
  left: Plan['left'],
): { steps: StepDraft[]; assumed: Assumed['stamp'] } {
  const database = diagnosis.database as NonNullable<Diagnosis['database']>;
  const { env } = diagnosis.facts;
  const live = known?.live ?? database.stamp;
  const table = live.table?.key ?? keyOf(env.versionTableSchema ?? context.searchPath[0] ?? 'public', env.versionTable);
  const width = live.table?.width ?? env.versionWidth ?? 32;
  const renamed = (id: string) => chain.renames.get(id) ?? id;
  const steps: StepDraft[] = [];
  let before = [...live.rows].sort(compareText);
  const write = (to: readonly string[], answers: readonly string[], proves: boolean) => {
    const rows = [...to].sort(compareText);
    const hasTable = live.table !== null || steps.length > 0;
    steps.push(stampStep({ table, before, rows, proves }, hasTable, width, [...new Set(answers)]));
    before = rows;
  };
  const parentsOfHead = head === null ? [] : (chain.parents.get(head) ?? []);

  const proven = of('stamp-proven').flatMap((one) => one.answers);
  if (proven.length > 0 || known?.proves) {
    const answers = [...(known?.answers ?? []), ...proven];
    const operations = futureOperations(
      diagnosis.replay.operationsById,
      of('disable-operation').map((one) => one.action.operation),
      of('reuse-enum').map((one) => one.action),
      chain.renames,
    );
    if (head !== null)
      operations.set(
        head,
        made.operations.map((operation) => ({ ...operation, origin: { revision: head, file: '', line: 0 } })),
      );
    const found = findStampTarget(chain, operations, made.schema, context);
    const { target } = found;
    if (target === null) {
      const near = found.nearest;
      const differs = near?.differs ?? [];
      const more = differs.length > 3 ? ` and ${differs.length - 3} more` : '';
      const why = near === null ? '' : ` (nearest is ${near.id}: ${differs.slice(0, 3).join(', ')}${more})`;
      const reason = `the repaired schema would match no revision exactly, so none can be stamped${why}`;
      left.push(...answers.map((key) => ({ key, reason })));
      return { steps, assumed: known };
    }
    write([target], answers, true);
    const rows = target === head ? [...parentsOfHead] : [target];
    const isSeen = known === null && sameRows(rows, database.comparedAt);
    return { steps, assumed: isSeen ? null : { live, rows, proves: true, answers } };
  }

  const explicit = of('set-stamp')[0];
  const rows = (explicit?.action.rows ?? database.stamp.rows).map(renamed);
  const answers = [...(known?.answers ?? []), ...(explicit?.answers ?? [])];
  const isCorrected = !sameRows(rows, live.rows);
  if (isCorrected) write(rows, answers, false);
  const assumed = isCorrected ? { live, rows, proves: false, answers } : known;
  // Everything before the reconciling revision is applied, and so is its effect: say so, where the catalogue proves it.
  const { stamp } = database;
  const isAtHeads =
    explicit === undefined &&
    stamp.state === 'placed' &&
    diagnosis.graph.heads.every((id) => stamp.known.includes(id)) &&
    stamp.known.length === diagnosis.graph.heads.length;
  const because = [...made.steps, ...of('merge-heads')].flatMap((one) => one.answers);
  if (head === null || !isAtHeads || because.length === 0) return { steps, assumed };
  const kept = stamp.known.map(renamed).filter((id) => !closureOf(chain, head).has(id));
  write([...kept, head], because, true);
  return { steps, assumed };
}

/** Names that continue the folder's numbers: the same plan gets the same names as long as the folder stands. */
async function numbered(drafts: readonly StepDraft[], projectDir: string, folder: string): Promise<Step[]> {
  const entries = await readdir(join(projectDir, folder)).catch(() => []);
  const last = Math.max(
    0,
    ...entries.flatMap((entry) =>
      /^\d{4}_/.test(entry) && entry.endsWith('.sql') ? [Number.parseInt(entry, 10)] : [],
    ),
  );
  const phases: Step['phase'][] = ['schema', 'seed', 'validate', 'stamp'];
  const ordered = phases.flatMap((phase) => drafts.filter((draft) => draft.phase === phase));
  return ordered.map(({ title, ...step }, index) => ({
    name: `${String(last + 1 + index).padStart(4, '0')}_${slug(title)}`,
    ...step,
    hazards: [...step.hazards].sort(compareText),
    answers: [...new Set(step.answers)],
  }));
}

/** Safe as a file name whatever the object is called. */
function slug(title: string): string {
  return title.replace(/\W+/g, '_').slice(0, 80);
}

function inputFiles(diagnosis: Diagnosis): string[] {
  const { graph, facts, seeds } = diagnosis;
  return [
    ...[...graph.revisions.values()].map((revision) => revision.file),
    ...[...graph.duplicates.values()].flat().map((revision) => revision.file),
    ...graph.unreadable.map((file) => file.file),
    ...(facts.config.file === null ? [] : [facts.config.file]),
    ...(facts.env.file === null ? [] : [facts.env.file]),
    ...facts.modelFiles,
    ...seeds.readings.map((reading) => reading.file),
    ...seeds.runners.map((runner) => runner.file),
  ];
}

/** A finding that some part answers is not left, whatever another of its actions came to. */
function dedupe(left: Plan['left'], done: Pick<Plan, 'patches' | 'steps'>): Plan['left'] {
  const answered = new Set([...done.patches, ...done.steps].flatMap((part) => part.answers));
  const byKey = new Map(left.map((one) => [`${one.key}\n${one.reason}`, one]));
  return [...byKey.values()]
    .filter((one) => one.refusal !== undefined || !answered.has(one.key))
    .sort((a, b) => compareText(a.key, b.key));
}
