/**
 * What a finding keeps from being seen: what a deleted file declared, what lies behind a parent or a version row that names
 * nothing. Told as its consequence and suspected, since it is seen in a copy where that finding is put right as a repair would.
 * What is gone there is its consequence too.
 */
import type { Diagnosis } from '../model/diagnosis.ts';
import { compareFindings, type Finding } from '../model/finding.ts';
import { compareText } from '../model/name.ts';
import { mayHideOthers } from '../model/remedy.ts';
import { type ForesightContext, foresee } from './foresee.ts';

/** `diagnosis` with what its findings hide, and with those that go with others under these. @throws what `diagnose` throws */
export async function withHidden(diagnosis: Diagnosis, context: ForesightContext): Promise<Diagnosis> {
  const { stepsFolder } = context.settings;
  const options = { stepsFolder, allow: [], mergeDuplicates: false, seed: true };
  const foreseen = await foresee(diagnosis, options, context);
  await foreseen.close();
  const known = new Map(diagnosis.findings.map((finding) => [finding.key, finding]));
  const byKey = new Map(known);
  for (const { findings, assumed } of foreseen.looks) {
    const causes = [...assumed].filter((key) => mayHideOthers(byKey.get(key)?.remedy?.actions ?? []));
    // What an earlier look told under fewer assumptions stands, unless it could say less.
    const fresh = findings.filter(
      ({ key, severity }) => severity !== 'info' && !known.has(key) && byKey.get(key)?.severity !== severity,
    );
    if (causes.length === 0) continue;
    for (const finding of fresh) byKey.set(finding.key, finding);
    for (const finding of fresh) byKey.set(finding.key, seenOnce(finding, causes.sort(compareText), byKey));
    const left = new Set(findings.map(({ key }) => key));
    for (const finding of diagnosis.findings) {
      const isRoot = byKey.get(finding.key)?.causedBy.length === 0 && !assumed.has(finding.key);
      if (isRoot && !left.has(finding.key)) byKey.set(finding.key, { ...finding, causedBy: causes });
    }
  }
  const order = new Map(diagnosis.rules.map((rule, index) => [rule.id, index]));
  return { ...diagnosis, findings: [...byKey.values()].sort(compareFindings(order)) };
}

function seenOnce(finding: Finding, causes: readonly string[], told: ReadonlyMap<string, Finding>): Finding {
  const [first = '', ...others] = causes;
  const names = others.length === 0 ? `${first} is` : `${first} and ${others.length} more are`;
  const causedBy = finding.causedBy.filter((key) => told.has(key));
  return {
    ...finding,
    certainty: 'suspected',
    message: `Once ${names} put right: ${finding.message}`,
    causedBy: causedBy.length > 0 ? causedBy : [...causes],
  };
}
