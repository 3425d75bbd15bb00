/**
 * RevisionCode: what the code of a revision file says beside its operations, and its content told by two hashes. All is
 * worked out when it is first asked for. Refuses to know how Python is read.
 */

export interface CodeImport {
  /** Dotted, as written; leading dots where it is relative. */
  module: string;
  /** What it takes from there; null: the module itself. */
  names: string[] | null;
  line: number;
}

/**
 * What Python makes of the file, by hash: comments, blank lines, docstrings, annotations, quotes, layout and the order of
 * imports change nothing, nor does the header (`revision`, `down_revision` …), which the graph judges.
 */
export interface ContentHash {
  /** Of all but `downgrade()`. */
  upgrade: string;
  downgrade: string;
}

export interface RevisionCode {
  /** What is not in functions and `downgrade()` could be read as Python throughout. */
  readonly isSound: boolean;
  /** Null where not all of the file could be read as Python. */
  readonly hash: ContentHash | null;
  /** Imports that `isWanted` holds of and whose names the code uses, by line. */
  readImports(isWanted: (one: CodeImport) => boolean): CodeImport[];
  /** `empty`: it does nothing at all · `raises`: it refuses. */
  readonly downgrade: 'absent' | 'empty' | 'raises' | 'stated';
  /** Line of `def downgrade`, else of the file's first. */
  readonly downgradeLine: number;
  setsLockTimeout: boolean;
  /** It speaks of transactions itself (COMMIT, isolation levels, a switch for env.py), beside `autocommit_block`. */
  managesTransaction: boolean;
  /** Text constants of `downgrade()`, and whether it calls anything by the name of `drop`. */
  readonly downgradeTexts: string[];
  readonly downgradeCallsDrop: boolean;
}
