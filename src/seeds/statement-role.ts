/**
 * What a statement is to a run that has one transaction of its own, and which settings of the session it changes.
 */
import { parseStatements } from '../sql/index.ts';

/**
 * `transaction`: BEGIN, COMMIT and what belongs to them, which the run has of its own. `ends`: would undo the run or end
 * it. `maintenance`: refused in a transaction, and changes no row.
 */
export type Role = 'run' | 'transaction' | 'ends' | 'maintenance';

const begins = ['TRANS_STMT_BEGIN', 'TRANS_STMT_START', 'TRANS_STMT_COMMIT'];
const ends = [
  'TRANS_STMT_ROLLBACK',
  'TRANS_STMT_PREPARE',
  'TRANS_STMT_COMMIT_PREPARED',
  'TRANS_STMT_ROLLBACK_PREPARED',
];

export interface StatementRole {
  role: Role;
  settings: string[];
  /** Foreign keys are not looked at after it. */
  disablesTriggers: boolean;
  /** SET client_encoding to another than UTF-8. */
  encoding: string | null;
  /** One INSERT, UPDATE or DELETE and nothing else. */
  writesRows: boolean;
}

/** Told without the parser: most of what a seed of single rows consists of. A `;` inside may be a string's. */
const oneWrite = /^(?:\s|--[^\n]*\n)*(?:insert|update|delete)\b[^;]*;?\s*$/i;

export function roleOf(sql: string): StatementRole {
  const found: StatementRole = {
    role: 'run',
    settings: [],
    disablesTriggers: false,
    encoding: null,
    writesRows: false,
  };
  const isOneWrite = oneWrite.test(sql);
  const pieces = isOneWrite ? [] : parseStatements(sql);
  found.writesRows = isOneWrite;
  for (const piece of pieces) {
    if ('failure' in piece) continue;
    const { node } = piece.statement;
    if (pieces.length === 1 && ('InsertStmt' in node || 'UpdateStmt' in node || 'DeleteStmt' in node))
      found.writesRows = true;
    else if ('TransactionStmt' in node) {
      const kind = node.TransactionStmt.kind ?? '';
      if (begins.includes(kind)) found.role = 'transaction';
      if (ends.includes(kind)) found.role = 'ends';
    } else if ('VacuumStmt' in node && node.VacuumStmt.is_vacuumcmd) found.role = 'maintenance';
    else if ('VariableSetStmt' in node) {
      const { name, kind } = node.VariableSetStmt;
      if (kind === 'VAR_SET_MULTI') {
        // SET TRANSACTION wants to be the first statement; SESSION CHARACTERISTICS is of later transactions.
        if (name === 'TRANSACTION' || name === 'SESSION CHARACTERISTICS') found.role = 'transaction';
      } else if (name) {
        found.settings.push(name);
        if (name === 'session_replication_role') found.disablesTriggers = true;
        if (name === 'client_encoding') {
          const value = /(?:=|\bto\b)\s*'?([\w-]+)/i.exec(sql)?.[1] ?? '';
          if (!/^(?:utf-?8|unicode|default)$/i.test(value)) found.encoding = value;
        }
      }
    } else if ('AlterTableStmt' in node && /\bdisable\s+trigger\b/i.test(sql)) found.disablesTriggers = true;
  }
  for (const match of sql.matchAll(/\bset_config\s*\(\s*'([\w.]+)'/gi)) {
    found.settings.push(match[1] as string);
    if (match[1] === 'session_replication_role') found.disablesTriggers = true;
  }
  return found;
}
