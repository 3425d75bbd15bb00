"""Texts (JSON, stdin) -> what Python's own parser makes of each, in the shape of src/sources/alembic/python/ast.ts; null: no Python."""
import ast
import json
import sys

OPERATORS = {
    "Add": "+", "Sub": "-", "Mult": "*", "Div": "/", "FloorDiv": "//", "Mod": "%", "Pow": "**", "LShift": "<<",
    "RShift": ">>", "BitOr": "|", "BitXor": "^", "BitAnd": "&", "MatMult": "@", "UAdd": "+", "USub": "-", "Invert": "~",
    "Not": "not", "And": "and", "Or": "or", "Eq": "==", "NotEq": "!=", "Lt": "<", "LtE": "<=", "Gt": ">", "GtE": ">=",
    "Is": "is", "IsNot": "is not", "In": "in", "NotIn": "not in",
}


def operator(node):
    return OPERATORS[type(node).__name__]


class Reader:
    def __init__(self, text):
        # Offsets are in UTF-16 units, as the other side counts.
        self.lines = []
        self.starts = []
        at = 0
        for line in text.split("\n"):
            self.starts.append(at)
            self.lines.append(line)
            at += len(line.encode("utf-16-le", "surrogatepass")) // 2 + 1
        self.in_format = 0

    def offset(self, line, column):
        text = self.lines[line - 1].encode("utf-8", "surrogatepass")[:column].decode("utf-8", "surrogatepass")
        return self.starts[line - 1] + len(text.encode("utf-16-le", "surrogatepass")) // 2

    def place(self, node, out):
        if self.in_format == 0 and node is not None:
            out["from"] = self.offset(node.lineno, node.col_offset)
            out["to"] = self.offset(node.end_lineno, node.end_col_offset)
        return out

    def many(self, nodes):
        return [self.expr(node) for node in nodes]

    def expr(self, node):
        if node is None:
            return None
        return self.place(node, getattr(self, "e_" + type(node).__name__)(node))

    def constant(self, value):
        if value is None:
            return {"kind": "constant", "of": "none", "value": None}
        if value is Ellipsis:
            return {"kind": "constant", "of": "ellipsis", "value": "ellipsis"}
        if isinstance(value, bool):
            return {"kind": "constant", "of": "bool", "value": value}
        if isinstance(value, int):
            return {"kind": "constant", "of": "int", "value": value if value < 2**53 else f"{value}n"}
        if isinstance(value, float):
            return {"kind": "constant", "of": "float", "value": value if value < float("inf") else "Infinity"}
        if isinstance(value, str):
            return {"kind": "constant", "of": "string", "value": value}
        if isinstance(value, bytes):
            return {"kind": "constant", "of": "bytes", "value": value.decode("latin-1")}
        return {"kind": "unreadable", "reason": "a complex number"}

    def e_Constant(self, node):
        return self.constant(node.value)

    def parts(self, values):
        out = []
        for value in values:
            if isinstance(value, ast.Constant):
                if out and isinstance(out[-1], str):
                    out[-1] += value.value
                elif value.value != "":
                    out.append(value.value)
            elif isinstance(value, ast.FormattedValue):
                spec = value.format_spec
                out.append({
                    "value": self.expr(value.value),
                    "conversion": None if value.conversion < 0 else chr(value.conversion),
                    "spec": None if spec is None else self.parts(spec.values),
                })
            else:
                raise TypeError(value)
        return out

    def e_JoinedStr(self, node):
        self.in_format += 1
        parts = self.parts(node.values)
        self.in_format -= 1
        return {"kind": "format", "parts": parts}

    def e_Name(self, node):
        return {"kind": "name", "name": node.id}

    def e_Tuple(self, node):
        return {"kind": "tuple", "items": self.many(node.elts)}

    def e_List(self, node):
        return {"kind": "list", "items": self.many(node.elts)}

    def e_Set(self, node):
        return {"kind": "set", "items": self.many(node.elts)}

    def e_Starred(self, node):
        return {"kind": "star", "value": self.expr(node.value)}

    def e_Dict(self, node):
        pairs = zip(node.keys, node.values)
        return {"kind": "dict", "items": [{"key": self.expr(k), "value": self.expr(v)} for k, v in pairs]}

    def comprehension(self, makes, key, element, node):
        clauses = [
            {"target": self.expr(c.target), "iterable": self.expr(c.iter), "conditions": self.many(c.ifs)}
            for c in node.generators
        ]
        return {
            "kind": "comprehension", "makes": makes, "key": self.expr(key), "element": self.expr(element),
            "clauses": clauses,
        }

    def e_ListComp(self, node):
        return self.comprehension("list", None, node.elt, node)

    def e_SetComp(self, node):
        return self.comprehension("set", None, node.elt, node)

    def e_GeneratorExp(self, node):
        return self.comprehension("generator", None, node.elt, node)

    def e_DictComp(self, node):
        return self.comprehension("dict", node.key, node.value, node)

    def e_Attribute(self, node):
        return {"kind": "attribute", "object": self.expr(node.value), "name": node.attr}

    def e_Subscript(self, node):
        return {"kind": "subscript", "object": self.expr(node.value), "index": self.expr(node.slice)}

    def e_Slice(self, node):
        return {
            "kind": "slice", "lower": self.expr(node.lower), "upper": self.expr(node.upper), "step": self.expr(node.step),
        }

    def arguments(self, args, keywords):
        out = []
        for arg in args:
            star = isinstance(arg, ast.Starred)
            value = self.expr(arg.value if star else arg)
            out.append({"kind": "star" if star else "positional", "name": None, "value": value})
        for keyword in keywords:
            kind = "doubleStar" if keyword.arg is None else "named"
            out.append({"kind": kind, "name": keyword.arg, "value": self.expr(keyword.value)})
        return out

    def e_Call(self, node):
        return {"kind": "call", "callee": self.expr(node.func), "args": self.arguments(node.args, node.keywords)}

    def e_BinOp(self, node):
        left, right = self.expr(node.left), self.expr(node.right)
        return {"kind": "binary", "operator": operator(node.op), "left": left, "right": right}

    def e_UnaryOp(self, node):
        return {"kind": "unary", "operator": operator(node.op), "operand": self.expr(node.operand)}

    def e_BoolOp(self, node):
        values = self.many(node.values)
        made = values[0]
        for right in values[1:]:
            made = {"kind": "logical", "operator": operator(node.op), "left": made, "right": right}
        return made

    def e_Compare(self, node):
        rest = [{"operator": operator(op), "right": self.expr(right)} for op, right in zip(node.ops, node.comparators)]
        return {"kind": "compare", "first": self.expr(node.left), "rest": rest}

    def e_IfExp(self, node):
        return {
            "kind": "conditional", "whenTrue": self.expr(node.body), "test": self.expr(node.test),
            "otherwise": self.expr(node.orelse),
        }

    def parameters(self, args):
        out = []
        plain = args.posonlyargs + args.args
        missing = len(plain) - len(args.defaults)
        for at, arg in enumerate(plain):
            fallback = args.defaults[at - missing] if at >= missing else None
            out.append({"kind": "plain", "name": arg.arg, "fallback": self.expr(fallback)})
        if args.vararg:
            out.append({"kind": "star", "name": args.vararg.arg, "fallback": None})
        for arg, fallback in zip(args.kwonlyargs, args.kw_defaults):
            out.append({"kind": "keywordOnly", "name": arg.arg, "fallback": self.expr(fallback)})
        if args.kwarg:
            out.append({"kind": "doubleStar", "name": args.kwarg.arg, "fallback": None})
        return out

    def e_Lambda(self, node):
        return {"kind": "lambda", "parameters": self.parameters(node.args), "body": self.expr(node.body)}

    def e_NamedExpr(self, node):
        return {"kind": "assignment", "name": node.target.id, "value": self.expr(node.value)}

    def e_Await(self, node):
        return {"kind": "await", "value": self.expr(node.value)}

    def e_Yield(self, node):
        return {"kind": "yield", "value": self.expr(node.value), "isFrom": False}

    def e_YieldFrom(self, node):
        return {"kind": "yield", "value": self.expr(node.value), "isFrom": True}

    def block(self, nodes):
        return [self.statement(node) for node in nodes]

    def statement(self, node):
        return self.place(node, getattr(self, "s_" + type(node).__name__)(node))

    def s_Expr(self, node):
        return {"kind": "expression", "value": self.expr(node.value)}

    def s_Assign(self, node):
        return {"kind": "assign", "targets": self.many(node.targets), "value": self.expr(node.value)}

    def s_AnnAssign(self, node):
        return {
            "kind": "annotated", "target": self.expr(node.target), "annotation": self.expr(node.annotation),
            "value": self.expr(node.value),
        }

    def s_AugAssign(self, node):
        return {
            "kind": "augmented", "target": self.expr(node.target), "operator": operator(node.op),
            "value": self.expr(node.value),
        }

    def s_Delete(self, node):
        return {"kind": "delete", "targets": self.many(node.targets)}

    def s_Pass(self, node):
        return {"kind": "pass"}

    s_TypeAlias = s_Pass

    def s_Break(self, node):
        return {"kind": "break"}

    def s_Continue(self, node):
        return {"kind": "continue"}

    def s_Return(self, node):
        return {"kind": "return", "value": self.expr(node.value)}

    def s_Raise(self, node):
        return {"kind": "raise", "value": self.expr(node.exc)}

    def s_Assert(self, node):
        return {"kind": "assert", "test": self.expr(node.test)}

    def s_Global(self, node):
        return {"kind": "scope", "names": node.names, "isGlobal": isinstance(node, ast.Global)}

    s_Nonlocal = s_Global

    def s_Import(self, node):
        names = [{"name": alias.name, "as": alias.asname} for alias in node.names]
        return {"kind": "import", "names": names}

    def s_ImportFrom(self, node):
        names = "*" if node.names[0].name == "*" else [{"name": a.name, "as": a.asname} for a in node.names]
        return {
            "kind": "importFrom", "level": node.level, "module": node.module or "", "names": names,
        }

    def s_If(self, node):
        return {
            "kind": "if", "branches": [{"test": self.expr(node.test), "body": self.block(node.body)}],
            "otherwise": self.block(node.orelse),
        }

    def s_While(self, node):
        return {
            "kind": "while", "test": self.expr(node.test), "body": self.block(node.body),
            "otherwise": self.block(node.orelse),
        }

    def s_For(self, node):
        return {
            "kind": "for", "target": self.expr(node.target), "iterable": self.expr(node.iter),
            "body": self.block(node.body), "otherwise": self.block(node.orelse),
        }

    s_AsyncFor = s_For

    def s_Try(self, node):
        handlers = [
            {"types": self.expr(h.type), "name": h.name, "body": self.block(h.body)} for h in node.handlers
        ]
        return {
            "kind": "try", "body": self.block(node.body), "handlers": handlers, "otherwise": self.block(node.orelse),
            "finally": self.block(node.finalbody),
        }

    s_TryStar = s_Try

    def s_With(self, node):
        items = [{"value": self.expr(i.context_expr), "target": self.expr(i.optional_vars)} for i in node.items]
        return {"kind": "with", "items": items, "body": self.block(node.body)}

    s_AsyncWith = s_With

    def pattern(self, node):
        kind = type(node).__name__
        if kind == "MatchValue":
            return {"kind": "value", "value": self.expr(node.value)}
        if kind == "MatchSingleton":
            return {"kind": "value", "value": self.place(node, self.constant(node.value))}
        if kind == "MatchOr":
            return {"kind": "or", "patterns": [self.pattern(one) for one in node.patterns]}
        if kind == "MatchAs" and node.pattern is None:
            return {"kind": "capture", "name": node.name}
        return {"kind": "unreadable"}

    def s_Match(self, node):
        cases = [
            {"pattern": self.pattern(c.pattern), "guard": self.expr(c.guard), "body": self.block(c.body)}
            for c in node.cases
        ]
        return {"kind": "match", "subject": self.expr(node.subject), "cases": cases}

    def s_FunctionDef(self, node):
        return {"kind": "function", "function": {
            "name": node.name, "parameters": self.parameters(node.args),
            "isAsync": isinstance(node, ast.AsyncFunctionDef), "isGenerator": any(map(yields, node.body)),
            "decorators": self.many(node.decorator_list), "body": self.block(node.body),
            **({} if node.returns is None else {"returns": self.expr(node.returns)}),
        }}

    s_AsyncFunctionDef = s_FunctionDef

    def s_ClassDef(self, node):
        return {
            "kind": "class", "name": node.name, "args": self.arguments(node.bases, node.keywords),
            "decorators": self.many(node.decorator_list), "body": self.block(node.body),
        }


def yields(node):
    if isinstance(node, (ast.Yield, ast.YieldFrom)):
        return True
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
        return False
    return any(map(yields, ast.iter_child_nodes(node)))


def read(text):
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return None
    # Python counts lines as this reader does once line ends are line feeds.
    return Reader(text).block(tree.body)


sys.setrecursionlimit(10000)
if __name__ == "__main__":
    import warnings

    warnings.simplefilter("ignore")
    for text in json.load(sys.stdin):
        print(json.dumps(read(text)))
