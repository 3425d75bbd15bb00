/**
 * What a star import of a library brings, as far as revisions and models are made of it. Where a file has several, each name
 * must come from its own: those of SQLAlchemy 2.0.54, whose own star has nearly every other name.
 */
const ofOrm =
  /^(?:DeclarativeBase\w*|DeclarativeMeta|Mapped\w*|DynamicMapped|WriteOnlyMapped|Session|add_mapped_attribute|aliased|as_declarative|backref|clear_mappers|class_mapper|column_property|composite|configure_mappers|declarative_\w+|declared_attr|deferred|dynamic_loader|foreign|has_inherited_table|joinedload|load_only|mapped\w*|mapper\w*|object_session|query_expression|reconstructor|registry|relation|relationship|remote|scoped_session|selectinload|sessionmaker|subqueryload|synonym\w*|undefer\w*|validates|with_polymorphic)$/;

const ofTyping =
  /^(?:Annotated|Any|Callable|ClassVar|Concatenate|Final|ForwardRef|Generic|Literal|LiteralString|Never|NewType|NoReturn|NotRequired|Optional|ParamSpec|Protocol|Required|Self|Tuple|Type|TypeAlias|TypeGuard|TypeVar|TypedDict|Union|NamedTuple|AbstractSet|Async\w+|Await\w+|Collection|Container|Coroutine|Counter|DefaultDict|Deque|Dict|FrozenSet|Generator|Hashable|Iterable|Iterator|List|Mapping|Mutable\w+|OrderedDict|Reversible|Sequence|Set|Sized|Supports\w+|Text|TYPE_CHECKING|cast|final|overload|runtime_checkable)$/;

/** Also of SQLAlchemy's own star, under another meaning or the same. */
const ofBoth = /^(?:Any|Sequence|Text|Tuple|cast)$/;

const namesByStar: Readonly<Record<string, RegExp>> = {
  alembic: /^(?:op|context|command|config|util)$/,
  enum: /^(?:Enum|IntEnum|StrEnum|Flag|IntFlag|ReprEnum|EnumMeta|EnumType|auto|unique|member|nonmember|property|verify)$/,
  geoalchemy2: /^(?:Geometry|Geography|Raster|\w+Element|elements|functions|shape|types)$/,
  'sqlalchemy.dialects.postgresql':
    /^(?:[A-Z][A-Z0-9_]+|ExcludeConstraint|Range|(?:Create|Drop)(?:Enum|Domain)Type|NamedType|All|Any|aggregate_order_by|array|array_agg|dialect|hstore|insert|Insert)$/,
  'sqlalchemy.orm': ofOrm,
  sqlalchemy_utils:
    /Type$|^(?:Timestamp|Choice|Country|Currency|Ltree|Password|PhoneNumber|aggregated|auto_delete_orphans|create_database|create_materialized_view|create_view|database_exists|drop_database|force_\w+|generic_repr|observes|refresh_materialized_view)$/,
  typing: ofTyping,
};

export function isInStar(path: string, name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false;
  if (path === 'sqlalchemy')
    return (
      !ofOrm.test(name) && (!ofTyping.test(name) || ofBoth.test(name)) && !/^(?:ENUM|ExcludeConstraint)$/.test(name)
    );
  if (path === 'sqlmodel') return !ofOrm.test(name) || name === 'Session';
  return Object.hasOwn(namesByStar, path) && (namesByStar[path] as RegExp).test(name);
}
