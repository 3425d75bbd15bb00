/**
 * Which MetaData a project's models hang on and the naming convention it carries: the class, the `declarative_base()`,
 * the `SQLAlchemy()` behind `target_metadata`. Reads code only; what it cannot follow is null.
 */
import type { NamingConvention } from '../../../model/project.ts';
import type { Expression } from '../python/index.ts';
import { type CodeModule, type Definition, dottedName, moduleLevel, type ProjectCode } from './code.ts';
import { readNaming } from './naming.ts';

export interface MetadataFound {
  /** Where it is made. */
  module: CodeModule;
  /** `Base.metadata`, `metadata`, `db.metadata`. */
  attribute: string;
  /** Made by a package out of the project: its dotted name. */
  outsideModule?: string;
  naming: NamingConvention | null;
  /** A convention is given and could not be read. */
  hasUnknownNaming: boolean;
}

export class MetadataReader {
  private readonly code: ProjectCode;

  constructor(code: ProjectCode) {
    this.code = code;
  }

  /** Every metadata of a list, or the only one; null where one of them cannot be followed. */
  findEach(module: CodeModule, expression: Expression, hops = 0): MetadataFound[] | null {
    if (hops > 10) return null;
    if (expression.kind === 'list' || expression.kind === 'tuple') {
      const each = expression.items.map((item) => this.findEach(module, item, hops + 1));
      return each.includes(null) ? null : (each as MetadataFound[][]).flat();
    }
    const bound = this.code.defineExpression(module, expression);
    if (bound?.binding.kind === 'value' && /^(?:list|tuple)$/.test(bound.binding.expression.kind))
      return this.findEach(bound.module, bound.binding.expression, hops + 1);
    const found = this.find(module, expression);
    return found === null ? null : [found];
  }

  /** What an expression such as `Base.metadata` or `metadata` stands for. */
  find(module: CodeModule, expression: Expression, hops = 0): MetadataFound | null {
    if (hops > 10) return null;
    if (expression.kind === 'list' || expression.kind === 'tuple') {
      for (const item of expression.items) {
        const found = this.find(module, item, hops + 1);
        if (found !== null) return found;
      }
      return null;
    }
    const isOfModule = expression.kind === 'attribute' && this.code.moduleOf(module, expression.object) !== null;
    if (expression.kind === 'attribute' && expression.name === 'metadata' && !isOfModule) {
      const owner = this.code.defineExpression(module, expression.object);
      if (owner !== null) {
        if (owner.binding.kind === 'import') return this.ofOutside(owner, expression);
        return this.ofOwner(owner, hops + 1);
      }
    }
    const found = this.code.defineExpression(module, expression);
    if (found === null || found.binding.kind !== 'value') return null;
    const value = uncast(found.binding.expression);
    if (isCallOf(value, 'MetaData'))
      return { module: found.module, attribute: found.name, ...this.namingOfMetadata(found.module, value) };
    return this.find(found.module, value, hops + 1);
  }

  /** `SQLModel.metadata`, whose class stands outside of the project. */
  private ofOutside(owner: Definition, expression: Expression): MetadataFound {
    const { module, binding, name } = owner;
    const attribute =
      binding.kind === 'import' && binding.name !== null
        ? `${binding.name}.metadata`
        : (dottedName(expression) ?? `${name}.metadata`);
    const outsideModule = binding.kind === 'import' && binding.level === 0 ? binding.module : undefined;
    return {
      module,
      attribute,
      naming: null,
      hasUnknownNaming: false,
      ...(outsideModule === undefined ? {} : { outsideModule }),
    };
  }

  /** A declarative base, a Flask `db`, a registry. */
  ofOwner(owner: Definition, hops = 0): MetadataFound | null {
    const { module, name, binding } = owner;
    const at = { module, attribute: `${name}.metadata` };
    if (hops > 10) return null;
    if (binding.kind === 'class') {
      for (const statement of moduleLevel(binding.body)) {
        const value =
          statement.kind === 'assign' &&
          statement.targets.some((target) => target.kind === 'name' && target.name === 'metadata')
            ? statement.value
            : statement.kind === 'annotated' && statement.target.kind === 'name' && statement.target.name === 'metadata'
              ? statement.value
              : null;
        if (value !== null) return { ...at, ...this.namingOfValue(module, value) };
      }
      const ofDecorator = binding.decorators
        .flatMap((decorator) => (decorator.kind === 'call' ? [argumentOf(decorator, 'metadata')] : []))
        .find((value) => value !== null);
      if (ofDecorator) return { ...at, ...this.namingOfValue(module, ofDecorator) };
      for (const { value } of binding.args) {
        const parent = this.code.defineExpression(module, value);
        if (parent === null || parent.binding.kind === 'import' || (parent.module === module && parent.name === name))
          continue;
        const found = this.ofOwner(parent, hops + 1);
        if (found !== null)
          return {
            ...found,
            module: found.naming === null && !found.hasUnknownNaming ? module : found.module,
            attribute: found.naming === null && !found.hasUnknownNaming ? at.attribute : found.attribute,
          };
      }
      return { ...at, naming: null, hasUnknownNaming: false };
    }
    if (binding.kind !== 'value') return null;
    const value = uncast(binding.expression);
    if (value.kind === 'call') {
      const metadata = argumentOf(value, 'metadata');
      if (metadata !== null) return { ...at, ...this.namingOfValue(module, metadata) };
      const base = argumentOf(value, 'model_class') ?? argumentOf(value, 'cls');
      const parent = base === null ? null : this.code.defineExpression(module, base);
      if (parent !== null && parent.binding.kind !== 'import') {
        const found = this.ofOwner(parent, hops + 1);
        if (found !== null) return { ...found, ...at };
      }
      // `mapper_registry.generate_base()`
      if (value.callee.kind === 'attribute' && value.callee.name === 'generate_base') {
        const registry = this.code.defineExpression(module, value.callee.object);
        if (registry !== null) return this.ofOwner(registry, hops + 1);
      }
      return { ...at, naming: null, hasUnknownNaming: false };
    }
    return null;
  }

  private namingOfValue(module: CodeModule, value: Expression): Pick<MetadataFound, 'naming' | 'hasUnknownNaming'> {
    if (isCallOf(value, 'MetaData')) return this.namingOfMetadata(module, value);
    const found = this.find(module, value, 1);
    return found === null
      ? { naming: null, hasUnknownNaming: false }
      : { naming: found.naming, hasUnknownNaming: found.hasUnknownNaming };
  }

  namingOfMetadata(module: CodeModule, call: Expression): Pick<MetadataFound, 'naming' | 'hasUnknownNaming'> {
    const value = call.kind === 'call' ? argumentOf(call, 'naming_convention') : null;
    if (value === null) return { naming: null, hasUnknownNaming: false };
    const naming = readNaming(this.code, module, value);
    return { naming, hasUnknownNaming: naming === null || Object.values(naming).includes(null) };
  }

  /**
   * `Base.metadata.naming_convention = {…}` and `X.metadata = MetaData(…)` among the statements of a module; with `attribute`,
   * of that metadata alone.
   */
  assignedNaming(module: CodeModule, attribute: string | null = null): NamingConvention | null {
    for (const statement of moduleLevel(module.plainStatements)) {
      if (statement.kind !== 'assign') continue;
      for (const target of statement.targets) {
        if (target.kind !== 'attribute') continue;
        if (attribute !== null && dottedName(target.object) !== attribute) continue;
        if (target.name === 'naming_convention') return readNaming(this.code, module, statement.value);
        if (target.name === 'metadata' && isCallOf(statement.value, 'MetaData')) {
          const { naming } = this.namingOfMetadata(module, statement.value);
          if (naming !== null) return naming;
        }
      }
    }
    return null;
  }
}

/** What `typing.cast(Any, value)` hands through. */
function uncast(expression: Expression): Expression {
  const value = isCallOf(expression, 'cast') ? expression.args[1] : undefined;
  return value?.kind === 'positional' ? uncast(value.value) : expression;
}

export function isCallOf(expression: Expression, name: string): expression is Extract<Expression, { kind: 'call' }> {
  return expression.kind === 'call' && (dottedName(expression.callee) ?? '').split('.').pop() === name;
}

export function argumentOf(call: Extract<Expression, { kind: 'call' }>, name: string): Expression | null {
  return call.args.find((argument) => argument.kind === 'named' && argument.name === name)?.value ?? null;
}
