/**
 * RevisionCode: what the code of a revision file says beside its operations, and its content told by two hashes.
 * Plain data; refuses to know how Python is read.
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
  /** The file could be read as Python throughout. */
  isSound: boolean;
  /** Worked out when it is first asked for; null where the file is not sound. */
  readonly hash: ContentHash | null;
  /** Imports whose names the code uses. */
  imports: CodeImport[];
  /** `empty`: it does nothing at all · `raises`: it refuses. */
  downgrade: 'absent' | 'empty' | 'raises' | 'stated';
  /** Line of `def downgrade`, else of the file's first. */
  downgradeLine: number;
  setsLockTimeout: boolean;
  /** It speaks of transactions itself (COMMIT, isolation levels, a switch for env.py), beside `autocommit_block`. */
  managesTransaction: boolean;
  /** Text constants of `downgrade()`, and whether it calls anything by the name of `drop`. */
  downgradeTexts: string[];
  downgradeCallsDrop: boolean;
}
