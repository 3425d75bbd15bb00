/**
 * The tokens of Python: keywords, and how tightly operators bind.
 */

/** Token kinds. Operators are their character code, or one of the codes from 200 on; keywords start at 300. */
export const T = {
  end: 0,
  name: 1,
  number: 2,
  string: 3,
  newline: 4,
  indent: 5,
  dedent: 6,
  arrow: 200,
  walrus: 201,
  equal: 202,
  notEqual: 203,
  lessEqual: 204,
  greaterEqual: 205,
  shiftLeft: 206,
  shiftRight: 207,
  power: 208,
  floorDivide: 209,
  augmented: 210,
  ellipsis: 211,
  false: 300,
  none: 301,
  true: 302,
  and: 303,
  as: 304,
  assert: 305,
  async: 306,
  await: 307,
  break: 308,
  class: 309,
  continue: 310,
  def: 311,
  del: 312,
  elif: 313,
  else: 314,
  except: 315,
  finally: 316,
  for: 317,
  from: 318,
  global: 319,
  if: 320,
  import: 321,
  in: 322,
  is: 323,
  lambda: 324,
  nonlocal: 325,
  not: 326,
  or: 327,
  pass: 328,
  raise: 329,
  return: 330,
  try: 331,
  while: 332,
  with: 333,
  yield: 334,
} as const;

export const keywords: ReadonlyMap<string, number> = new Map<string, number>(
  [
    ...['and', 'as', 'assert', 'async', 'await', 'break', 'class', 'continue', 'def', 'del', 'elif', 'else', 'except'],
    ...['finally', 'for', 'from', 'global', 'if', 'import', 'in', 'is', 'lambda', 'nonlocal', 'not', 'or', 'pass'],
    ...['raise', 'return', 'try', 'while', 'with', 'yield'],
  ].map((word) => [word, T[word as keyof typeof T]] as [string, number]),
)
  .set('False', T.false)
  .set('None', T.none)
  .set('True', T.true);

export const comparison = 4;
export const bitwiseOr = 5;
/** Levels of the infix operators, loosest first; 0: none. `not` stands for `not in`. */
export const precedence: Uint8Array = new Uint8Array(512);
for (const [level, tokens] of [
  [1, [T.or]],
  [2, [T.and]],
  [comparison, [60, 62, T.equal, T.notEqual, T.lessEqual, T.greaterEqual, T.in, T.is, T.not]],
  [bitwiseOr, [124]],
  [6, [94]],
  [7, [38]],
  [8, [T.shiftLeft, T.shiftRight]],
  [9, [43, 45]],
  [10, [42, 47, T.floorDivide, 37, 64]],
] as const)
  for (const token of tokens) precedence[token] = level;

/** Tokens that an expression, starred or not, can start with; `yield` has its own places. */
export const opensExpression: Uint8Array = new Uint8Array(512);
for (const token of [T.name, T.number, T.string, 40, 91, 123, 43, 45, 126, 42, T.not, T.lambda, T.await, T.ellipsis])
  opensExpression[token] = 1;
for (const token of [T.none, T.true, T.false]) opensExpression[token] = 1;
