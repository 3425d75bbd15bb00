/**
 * The door of the static reader of Python: parsing, evaluating within bounds, and the values that come of it.
 */
export type { Expression, Statement } from './ast.ts';
export { classAttribute, findInClass, getAttribute, hasOutsideBase } from './attributes.ts';
export { builtinException } from './builtins.ts';
export { callFunction, callMethod, callValue, instanceOf, makeInstance, makeSymbolic } from './calls.ts';
export { isEnumClass, newClass } from './classes.ts';
export { getKey, getText, newDict, newList, setKey, toItems } from './containers.ts';
export { describe, evaluate, partialOf, reasonOf } from './expressions.ts';
export { strOf, textForm } from './formatting.ts';
export {
  type Bounds,
  declare,
  defaultBounds,
  type Host,
  type Imports,
  inShadow,
  type Machine,
  newImports,
  newMachine,
  type Site,
  underCondition,
} from './machine.ts';
export { loadModule, makeModule, moduleName, parseCached, runWhole } from './modules.ts';
export { binary, isTrue } from './operators.ts';
export { type ParsedModule, parseOnDemand, parsePython, type TopLevel } from './parse.ts';
export { pathText } from './paths.ts';
export { newScope, type Scope } from './scope.ts';
export { isHarmless, settingValue, standardAttribute, standardCall, standardSubscript } from './standard-library.ts';
export * from './values.ts';
export { childStatements, ownExpressions, walkExpression } from './walk.ts';
