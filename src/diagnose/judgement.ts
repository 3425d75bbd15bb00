import type { Connection } from '../database/index.ts';
import { ChainError } from '../errors.ts';
import type { DatabaseProblem } from '../model/diagnosis.ts';
import type { ProbePort } from '../rules/index.ts';
import type { InputName, RuleInputs } from '../rules/rule.ts';
import type { Settings } from '../settings.ts';

import type { DiagnoseOptions, Endpoints, Looked, Project } from './subject.ts';
/** A misspelt rule would leave a gate open without a word. @throws ChainError `usage` */
export async function checkRuleNames({ only, skip, severity, ignore }: Settings): Promise<void> {
  const named: [where: string, ids: readonly string[]][] = [
    ['--only', only],
    ['--skip', skip],
    ['"severity" of the settings', Object.keys(severity)],
    ['"ignore" of the settings', ignore.flatMap(({ rule }) => (rule === undefined ? [] : [rule]))],
  ];
  if (named.every(([, ids]) => ids.length === 0)) return;
  const { closestRule, findRule } = await import('../rules/index.ts');
  for (const [where, ids] of named) {
    for (const id of ids) {
      if (findRule(id) !== null) continue;
      const close = closestRule(id);
      throw new ChainError('usage', `${where} names "${id}", which is no rule.`, {
        hint: `${close === null ? '' : `Did you mean ${close}? `}\`chain explain\` lists all rules.`,
      });
    }
  }
}

/** Requests are made for a person who looks at what runs: not before a deploy, and not for a scratch copy. */
export async function askEndpoints(settings: Settings, options: DiagnoseOptions): Promise<Endpoints> {
  const wanted = settings.expectations.filter((expectation) => expectation.kind === 'http');
  if (wanted.length === 0) return { answers: [] };
  if (options.occasion === 'gate') return { reason: 'a gate stands before the deploy: no request was made' };
  if (settings.offline) return { reason: '--offline: no request was made' };
  if (options.reuse?.connection !== undefined) return { reason: 'no request was made for a copy of the database' };
  options.progress?.('asking the endpoints');
  const { checkExpectations } = await import('../seeds/index.ts');
  const results = await checkExpectations(null, wanted, { timeoutMs: settings.timeouts.connectMs });
  return {
    answers: results.map(({ name, isMet, expected, actual, message }, index) => ({
      name,
      url: String(wanted[index]?.url ?? ''),
      isMet,
      expected,
      actual,
      message,
    })),
  };
}

/** `problem`: the connection was lost while the rules asked for rows; what it left open is not checked. */
export async function judge(project: Project, looked: Looked) {
  const { settings, options, facts, graph, replay, declaredAtHeads, models, seeds, history } = project;
  const { database, connection } = looked;
  project.progress('judging');
  const [{ allRules, runRules }, { compareSchemas }] = await Promise.all([
    import('../rules/index.ts'),
    import('../diff/index.ts'),
  ]);
  const inputs: Partial<RuleInputs> = {
    graph,
    config: facts,
    declared: {
      replay,
      heads: declaredAtHeads,
      schema: database?.declared ?? declaredAtHeads,
      comparedAt: database?.comparedAt ?? graph.heads,
      comparedBy: database?.comparedBy ?? 'nothing',
      isElaborated: database?.isElaborated ?? false,
    },
  };
  const reasons: Partial<Record<InputName, string>> = {};
  if (database !== null) {
    const { findStrayRevisions } = await import('../sources/alembic/index.ts');
    inputs.live = database.live;
    inputs.drift = database.drift;
    inputs.stamp = {
      ...database.stamp,
      looksLike: database.looksLike,
      ...findStrayRevisions(settings.project, facts.config.versionLocations, database.stamp.unknown),
    };
  } else {
    reasons.live = reasons.drift = reasons.stamp = looked.reason;
  }
  inputs.seeds = seeds;
  if (models !== null) {
    inputs.models = {
      reading: models,
      drift: compareSchemas(models.schema, declaredAtHeads, { comparedAt: graph.heads }),
    };
  } else reasons.models = 'no models were found (target_metadata does not lead to any)';
  inputs.code = project.code;
  if ('answers' in project.endpoints) inputs.endpoints = project.endpoints.answers;
  else reasons.endpoints = project.endpoints.reason;
  if (options.runsSeedsTwice) {
    const { runSeedsTwice } = await import('./seeds-twice.ts');
    inputs.reruns = await runSeedsTwice(project, looked);
  }
  if (history.isAvailable || history.lock) inputs.history = history;
  else reasons.history = history.reason ?? 'there is no git history here';
  let lost: DatabaseProblem | null = null;
  const ask: ProbePort = async (sql) => {
    try {
      return (await (connection as Connection).query(sql)).rows as Record<string, unknown>[];
    } catch (error) {
      if (error instanceof ChainError && error.code === 'connection-lost')
        lost ??= { code: error.code, message: error.message, hint: error.hint };
      throw error;
    }
  };
  const results = await runRules(allRules, inputs, {
    policy: { allowedHeads: settings.allowedHeads, occasion: options.occasion ?? 'doctor' },
    reasons,
    only: settings.only,
    skip: settings.skip,
    ignore: settings.ignore,
    severity: settings.severity,
    today: options.today ?? new Date().toISOString().slice(0, 10),
    ask: connection === null ? null : ask,
    ...(options.signal ? { signal: options.signal } : {}),
  });
  return { ...results, problem: lost as DatabaseProblem | null };
}
