/**
 * What a report means for the exit code: the one place where findings become a number.
 */
import { type ExitCode, exitCodes } from '../errors.ts';
import { type Severity, severities } from '../model/finding.ts';
import type { Report } from './report.ts';

export interface Verdict {
  failOn: Severity | 'never';
  /** What could not be checked fails too. */
  strict: boolean;
}

type Judged = Pick<Report, 'findings' | 'notChecked' | 'blindSpots'> & { problem?: unknown };

/** 3 (could not look) goes before 1 (findings). `isBlocked`: a privilege kept us from proving something. */
export function exitCodeOf(report: Judged, isBlocked: boolean, verdict: Verdict): ExitCode {
  if (report.problem !== undefined || isBlocked) return exitCodes.cannotLook;
  if (verdict.strict && (report.notChecked.length > 0 || report.blindSpots.length > 0)) return exitCodes.cannotLook;
  return report.findings.some((finding) => !finding.accepted && reaches(finding.severity, verdict.failOn))
    ? exitCodes.findings
    : exitCodes.ok;
}

export function reaches(severity: Severity, failOn: Severity | 'never'): boolean {
  return failOn !== 'never' && severities.indexOf(severity) <= severities.indexOf(failOn);
}
