/**
 * Runs the rules: fills `notChecked` where inputs are missing, asks the probes, keys the findings, resolves what causes
 * what, and applies the project's choices (only, skip, ignore, severity). Refuses to know any single rule.
 */
import { compareFindings, type Finding, type NotChecked, type Severity } from '../model/finding.ts';
import { matchesObject } from '../model/lookup.ts';
import { compareText } from '../model/name.ts';
import type { FindingDraft, InputName, Policy, Probe, ProbeRefusal, Rule, RuleInputs } from './rule.ts';

/** Asks one read-only query under a timeout; throws with PostgreSQL's words when it cannot be answered. */
export type ProbePort = (sql: string) => Promise<readonly Readonly<Record<string, unknown>>[]>;

export interface IgnoreChoice {
  object?: string;
  rule?: string;
  /** ISO date after which it no longer counts. */
  until?: string;
}

export interface RunOptions {
  policy: Policy;
  /** Why an input is not there, in words. */
  reasons: Partial<Record<InputName, string>>;
  only: readonly string[];
  skip: readonly string[];
  ignore: readonly IgnoreChoice[];
  severity: Readonly<Record<string, Severity>>;
  /** ISO date, for `until`. */
  today: string;
  ask: ProbePort | null;
  signal?: AbortSignal;
}

export interface RuleResults {
  findings: Finding[];
  notChecked: NotChecked[];
}

type Inputs = Partial<RuleInputs>;

export async function runRules(rules: readonly Rule[], inputs: Inputs, options: RunOptions): Promise<RuleResults> {
  const findings: Finding[] = [];
  const notChecked: NotChecked[] = [];
  const order = new Map(rules.map((rule, index) => [rule.id, index]));
  for (const rule of rules) {
    if (options.only.length > 0 && !options.only.includes(rule.id)) continue;
    if (options.skip.includes(rule.id)) continue;
    options.signal?.throwIfAborted();
    const missing = rule.needs.find((need) => need !== 'answers' && inputs[need] === undefined);
    if (missing !== undefined) {
      notChecked.push({ rule: rule.id, reason: options.reasons[missing] ?? `${missing} is not known` });
      continue;
    }
    const seen = narrow(rule, inputs, options.policy);
    if (rule.probe) {
      const { answers, reasons } = await ask([...rule.probe(seen)], options);
      if (reasons.length > 0) notChecked.push({ rule: rule.id, reason: reasons.join('; ') });
      seen.answers = answers;
    }
    const keys = new Set<string>();
    for (const draft of rule.check(seen)) {
      if ('notChecked' in draft) notChecked.push({ rule: rule.id, reason: draft.notChecked });
      else findings.push(complete(rule, draft, keys, options.severity));
    }
  }
  const kept = findings.filter((finding) => !isIgnored(finding, options));
  resolveCauses(kept);
  return {
    findings: kept.sort(compareFindings(order)),
    notChecked: notChecked.sort(
      (a, b) => (order.get(a.rule) ?? 0) - (order.get(b.rule) ?? 0) || compareText(a.reason, b.reason),
    ),
  };
}

/** A rule sees what it asked for and nothing else, so that `needs` stays true. */
function narrow(rule: Rule, inputs: Inputs, policy: Policy): Inputs & { policy: Policy } {
  const wanted = new Set<InputName>([...rule.needs, ...rule.wants]);
  const entries = Object.entries(inputs).filter(([name]) => wanted.has(name as InputName));
  return { ...(Object.fromEntries(entries) as Inputs), policy };
}

async function ask(probes: Probe[], options: RunOptions) {
  const rowsByKey = new Map<string, readonly Readonly<Record<string, unknown>>[]>();
  const refusalByKey = new Map<string, ProbeRefusal>();
  const reasons: string[] = [];
  for (const probe of probes) {
    options.signal?.throwIfAborted();
    if (options.ask === null) {
      reasons.push(`${probe.about}: no connection to ask`);
      continue;
    }
    try {
      rowsByKey.set(probe.key, await options.ask(probe.sql));
    } catch (error) {
      if (options.signal?.aborted) throw error;
      const refusal = probe.mayBeRefused ? refusalOf(error) : null;
      if (refusal) refusalByKey.set(probe.key, refusal);
      else reasons.push(`${probe.about}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  const answers = {
    rows: (key: string) => rowsByKey.get(key) ?? null,
    refusal: (key: string) => refusalByKey.get(key) ?? null,
  };
  return { answers, reasons };
}

/** Of what the query says: its syntax or names (42), its data (22), what is not supported (0A). Not a missing right. */
function refusalOf(error: unknown): ProbeRefusal | null {
  const { sqlState, serverMessage, message, position } = (error ?? {}) as Record<string, unknown>;
  if (typeof sqlState !== 'string' || !/^(?:42|22|0A)/.test(sqlState) || sqlState === '42501') return null;
  return {
    sqlState,
    message: String(serverMessage ?? message),
    position: typeof position === 'number' ? position : null,
  };
}

function complete(rule: Rule, draft: FindingDraft, keys: Set<string>, severity: RunOptions['severity']): Finding {
  const stem = `${rule.id}:${draft.subject.name}${draft.detail === undefined ? '' : `:${draft.detail}`}`;
  let key = stem;
  for (let count = 2; keys.has(key); count++) key = `${stem}#${count}`;
  keys.add(key);
  return {
    key,
    rule: rule.id,
    severity: severity[rule.id] ?? draft.severity ?? rule.severity,
    certainty: draft.certainty ?? 'proven',
    subject: draft.subject,
    message: draft.message,
    evidence: draft.evidence ?? [],
    causedBy: draft.causedBy ?? [],
    remedy: draft.remedy ?? null,
  };
}

function isIgnored(finding: Finding, options: RunOptions): boolean {
  return options.ignore.some((entry) => {
    if (entry.object === undefined && entry.rule === undefined) return false;
    if (entry.until !== undefined && entry.until < options.today) return false;
    if (entry.rule !== undefined && entry.rule !== finding.rule) return false;
    return entry.object === undefined || matchesObject(entry.object, finding.subject.name);
  });
}

/** Turns rule ids and keys into keys of findings that are there; drops what would make a circle. */
function resolveCauses(findings: Finding[]): void {
  const byKey = new Map(findings.map((finding) => [finding.key, finding]));
  const keysByRule = new Map<string, string[]>();
  for (const { rule, key } of findings) {
    const keys = keysByRule.get(rule);
    if (keys) keys.push(key);
    else keysByRule.set(rule, [key]);
  }
  for (const finding of findings) {
    const wanted = finding.causedBy.flatMap((cause) => (byKey.has(cause) ? [cause] : (keysByRule.get(cause) ?? [])));
    finding.causedBy = [...new Set(wanted)].filter((key) => key !== finding.key).sort(compareText);
  }
  const circling = inOrBehindCircles(findings);
  for (const finding of circling.values())
    finding.causedBy = finding.causedBy.filter((cause) => !leadsTo(circling, cause, finding.key));
}

/** By key, findings whose causes lead back to one of their own: mostly none, and only those must be followed further. */
function inOrBehindCircles(findings: readonly Finding[]): Map<string, Finding> {
  const left = new Map(findings.map((finding) => [finding.key, finding]));
  const openCauses = new Map(findings.map(({ key, causedBy }) => [key, causedBy.length]));
  const effectsByCause = new Map<string, string[]>();
  for (const { key, causedBy } of findings)
    for (const cause of causedBy) {
      const effects = effectsByCause.get(cause);
      if (effects) effects.push(key);
      else effectsByCause.set(cause, [key]);
    }
  const roots = findings.filter(({ causedBy }) => causedBy.length === 0).map(({ key }) => key);
  for (let root = roots.pop(); root !== undefined; root = roots.pop()) {
    left.delete(root);
    for (const effect of effectsByCause.get(root) ?? []) {
      const open = (openCauses.get(effect) as number) - 1;
      openCauses.set(effect, open);
      if (open === 0) roots.push(effect);
    }
  }
  return left;
}

function leadsTo(byKey: ReadonlyMap<string, Finding>, from: string, goal: string): boolean {
  const seen = new Set([from]);
  const waiting = [from];
  for (let key = waiting.pop(); key !== undefined; key = waiting.pop()) {
    if (key === goal) return true;
    for (const cause of byKey.get(key)?.causedBy ?? [])
      if (!seen.has(cause)) {
        seen.add(cause);
        waiting.push(cause);
      }
  }
  return false;
}
