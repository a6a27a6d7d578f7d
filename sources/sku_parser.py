"""What Meta's `sku_list.py` says, as data: an evaluator over `ast` with an allow-list. Nothing is ever run.

Standard library only and nothing of ours, because this file is also a program: `sources/sku_list.py` starts
it as `python -I -S sku_parser.py MEMORY_BYTES CPU_S`, so that a file that exhausts memory, stack or time
takes down a child and not the caller. stdin: `{"sku_list": TEXT, "types": TEXT}`; stdout: see `answer`.

Allowed, because it is all that any revision since 2024-07-31 uses: module constants, functions without
parameters whose body is one `return`, lists and `*f()`, dicts with text keys and `**f()`, `+` of lists,
+ - * // of integers below 2^64, constructor calls with keywords, members of enums. Only what
`all_registered_models()` reaches is evaluated. The module level may hold only imports, constants, functions
and classes: any other statement could change what those mean.
"""

import ast
import json
import operator
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress

SKU_LIST, TYPES = "sku_list", "types"
ENTRY = "all_registered_models"
MAX_NODES = 200_000
MAX_BITS = 64
MAX_DEPTH = 100
TYPES_MODULES = ("sku_types", "datatypes")
CODING = re.compile(r"[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", re.ASCII)
MET = {
    "Assert": "an assertion",
    "AugAssign": "an augmented assignment",
    "Await": "an await",
    "BoolOp": "a boolean operation",
    "Compare": "a comparison",
    "Delete": "a del statement",
    "DictComp": "a dict comprehension",
    "Expr": "an expression that is run on import",
    "For": "a for loop",
    "GeneratorExp": "a generator",
    "If": "an if statement",
    "IfExp": "a conditional",
    "JoinedStr": "an f-string",
    "Lambda": "a lambda",
    "ListComp": "a list comprehension",
    "NamedExpr": "a walrus assignment",
    "Set": "a set",
    "SetComp": "a set comprehension",
    "Starred": "a starred value",
    "Subscript": "a subscript",
    "Try": "a try statement",
    "Tuple": "a tuple",
    "While": "a while loop",
    "With": "a with statement",
}
OPERATORS: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
}


class ParseError(Exception):
    """Why there is no answer. `syntax`: Python outside the allow-list; else not the file it should be."""

    def __init__(self, what: str, file: str = SKU_LIST, lines: tuple[int, ...] = (), *, syntax: bool = False):
        super().__init__(what)
        self.what = what
        self.file = file
        self.lines = lines
        self.syntax = syntax


class Table(dict[str, object]):
    """A dict display or the keywords of a call; `lines` holds the line on which each key stands."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[str, int] = {}

    def put(self, key: str, value: object, line: int) -> None:
        self[key] = value
        self.lines[key] = line

    def spread(self, other: "Table") -> None:
        self.update(other)
        self.lines.update(other.lines)


class Call:
    """A constructor call: the class's name and what it was given."""

    def __init__(self, name: str, arguments: Table, line: int) -> None:
        self.name = name
        self.arguments = arguments
        self.line = line


class Member:
    """`CoreModelId.llama3_8b` with its value."""

    def __init__(self, enum: str, value: str) -> None:
        self.enum = enum
        self.value = value


class Imported:
    """A name brought in from the types file, under the name it has there."""

    def __init__(self, name: str) -> None:
        self.name = name


def refused(node: ast.AST, met: str | None = None, *, file: str = SKU_LIST) -> ParseError:
    """The error for code outside the allow-list, with the line it starts on."""
    kind = type(node).__name__
    met = met or MET.get(kind, f"syntax of kind {kind}")
    return ParseError(f"want data, met {met}", file, (getattr(node, "lineno", 1),), syntax=True)


def tree(text: str, file: str) -> ast.Module:
    """The syntax tree of one file. Raises ParseError when it is not Python of this interpreter's version."""
    _check_encoding(text, file)
    try:
        return ast.parse(text)
    except SyntaxError as error:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        what = f'want Python {version} syntax, met "{error.msg}"'
        raise ParseError(what, file, (error.lineno or 1,)) from None
    except (MemoryError, RecursionError):
        raise _too_deep(file) from None


def _check_encoding(text: str, file: str) -> None:
    if "\0" in text:
        raise ParseError("want text, met a NUL byte", file, (text.count("\n", 0, text.index("\0")) + 1,))
    for number, line in enumerate(text.split("\n", 2)[:2], start=1):
        declared = CODING.match(line)
        if declared and declared[1].lower().replace("_", "-") not in ("utf-8", "utf8"):
            raise ParseError(f"want UTF-8, met the encoding declaration {declared[1]}", file, (number,))


def _too_deep(file: str) -> ParseError:
    return ParseError("want a file that Python can parse, met too much nesting or too many terms", file)


def enums(module: ast.Module) -> dict[str, dict[str, str]]:
    """Enum name -> member name -> value, of the enums with text values in the types file."""
    found: dict[str, dict[str, str]] = {}
    for statement in module.body:
        if isinstance(statement, ast.ClassDef) and any(map(_is_enum, statement.bases)):
            if statement.name in found:
                raise refused(statement, f"a second definition of {statement.name}", file=TYPES)
            found[statement.name] = dict(_members(statement))
    return found


def _is_enum(base: ast.expr) -> bool:
    name = base.id if isinstance(base, ast.Name) else base.attr if isinstance(base, ast.Attribute) else ""
    return name in ("Enum", "StrEnum")


def _members(enum: ast.ClassDef) -> Iterator[tuple[str, str]]:
    seen = set()
    for statement in enum.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(value))):
                if name in seen:
                    raise refused(statement, f"a second definition of {enum.name}.{name}", file=TYPES)
                seen.add(name)
                if not (value and value.isprintable()):
                    what = f"want {enum.name}.{name} to be one line of text, met {value!r:.60}"
                    raise ParseError(what, TYPES, (statement.lineno,))
                yield name, value


Binding = ast.FunctionDef | ast.expr | Imported | ast.stmt


def bindings(module: ast.Module) -> dict[str, list[tuple[Binding, ast.stmt]]]:
    """Every name of the module level with what it stands for.

    Raises ParseError at any statement that could alter one.
    """
    found: dict[str, list[tuple[Binding, ast.stmt]]] = {}
    for statement in module.body:
        for name, bound in _bound_by(statement):
            found.setdefault(name, []).append((bound, statement))
    return found


def _bound_by(statement: ast.stmt) -> Iterator[tuple[str, Binding]]:
    match statement:
        case ast.Import(names=aliases):
            yield from ((alias.asname or alias.name.split(".")[0], statement) for alias in aliases)
        case ast.ImportFrom():
            yield from _imported(statement)
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name, statement
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            yield name, value
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            yield name, value
        case ast.Expr(value=ast.Constant()) | ast.Pass():
            pass
        case ast.Assign() | ast.AnnAssign():
            raise refused(statement, "an assignment to something other than one name")
        case _:
            raise refused(statement)


def _imported(statement: ast.ImportFrom) -> Iterator[tuple[str, Binding]]:
    ours = statement.level > 0 or (statement.module or "").rpartition(".")[2] in TYPES_MODULES
    for alias in statement.names:
        if alias.name == "*":
            raise refused(statement, "a star import")
        yield alias.asname or alias.name, Imported(alias.name) if ours else statement


class Evaluator:
    """Values of expressions, within a budget of nodes: functions that double a list end early."""

    def __init__(self, module: ast.Module, types: ast.Module) -> None:
        self.names = bindings(module)
        self.enums = enums(types)
        self.running: list[str] = []
        self.budget = MAX_NODES
        self.depth = 0

    def value(self, node: ast.expr) -> object:
        read = READERS.get(type(node))
        if read is None:
            raise refused(node)
        self._spend(node)
        self.depth += 1
        value: object = read(self, node)
        self.depth -= 1
        return value

    def _spend(self, node: ast.expr) -> None:
        self.budget -= 1
        if self.budget < 0:
            raise refused(node, f"more than {MAX_NODES} values")
        if self.depth >= MAX_DEPTH:
            raise refused(node, f"more than {MAX_DEPTH} levels of nesting or terms of a sum")

    def bound(self, name: str, node: ast.AST) -> Binding:
        """What a name stands for: it must be defined once, else the order of the file would decide."""
        found = self.names.get(name, [])
        if not found:
            raise refused(node, f"the unknown name {name}")
        if len(found) > 1:
            raise refused(found[1][1], f"a second definition of {name}")
        return found[0][0]

    def constant(self, node: ast.Constant) -> object:
        value = node.value
        if isinstance(value, int):
            return self._bounded(value, node)
        if isinstance(value, str):
            with suppress(UnicodeEncodeError):
                value.encode()
                return value
            raise refused(node, "half of a surrogate pair in a text")
        if value is None or isinstance(value, float):
            return value
        raise refused(node, f"a constant of type {type(value).__name__}")

    def _bounded(self, value: int, node: ast.AST) -> int:
        if value.bit_length() > MAX_BITS:
            raise refused(node, f"an integer of {value.bit_length()} bits")
        return value

    def name(self, node: ast.Name) -> object:
        bound = self.bound(node.id, node)
        if not isinstance(bound, ast.expr):
            raise refused(node, f"the name {node.id}, which is no constant")
        return self._inside(node.id, node, bound)

    def _inside(self, name: str, node: ast.AST, expression: ast.expr) -> object:
        if name in self.running:
            raise refused(node, f"{name} defined by itself")
        self.running.append(name)
        value = self.value(expression)
        self.running.pop()
        return value

    def listing(self, node: ast.List) -> list[object]:
        found: list[object] = []
        for element in node.elts:
            if isinstance(element, ast.Starred):
                found += self._starred(element)
            else:
                found.append(self.value(element))
        return found

    def _starred(self, node: ast.Starred) -> list[object]:
        value = self.value(node.value)
        if not isinstance(value, list):
            raise refused(node, "a starred value that is no list")
        return value

    def table(self, node: ast.Dict) -> Table:
        found, written = Table(), set()
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                found.spread(self._spread(value))
                continue
            name = self.value(key)
            if not isinstance(name, str):
                raise refused(key, "a key that is no text")
            if name in written:
                raise refused(key, f"the key {name!r:.60} twice")
            written.add(name)
            found.put(name, self.value(value), key.lineno)
        return found

    def _spread(self, node: ast.expr) -> Table:
        value = self.value(node)
        if not isinstance(value, Table):
            raise refused(node, "a spread of something other than a dict")
        return value

    def sum(self, node: ast.BinOp) -> object:
        left, right = self.value(node.left), self.value(node.right)
        if isinstance(node.op, ast.Add) and isinstance(left, list) and isinstance(right, list):
            return left + right
        operate = OPERATORS.get(type(node.op))
        if operate is None:
            raise refused(node, f"the operator {type(node.op).__name__}")
        if type(left) is not int or type(right) is not int:
            raise refused(node, "arithmetic on something other than integers")
        if isinstance(node.op, ast.FloorDiv) and right == 0:
            raise refused(node, "a division by zero")
        return self._bounded(operate(left, right), node)

    def minus(self, node: ast.UnaryOp) -> object:
        if not isinstance(node.op, ast.USub):
            raise refused(node, f"the operator {type(node.op).__name__}")
        value = self.value(node.operand)
        if type(value) is int or isinstance(value, float):
            return -value
        raise refused(node, "a minus before something other than a number")

    def attribute(self, node: ast.Attribute) -> Member:
        if not isinstance(node.value, ast.Name):
            raise refused(node, "an attribute of an expression")
        name = f"{node.value.id}.{node.attr}"
        bound = self.bound(node.value.id, node)
        if not isinstance(bound, Imported) or bound.name not in self.enums:
            raise refused(node, f"the attribute {name}")
        members = self.enums[bound.name]
        if node.attr not in members:
            raise ParseError(f"want a member of {bound.name}, met {name}", SKU_LIST, (node.lineno,))
        return Member(bound.name, members[node.attr])

    def call(self, node: ast.Call) -> object:
        if not isinstance(node.func, ast.Name):
            raise refused(node, "a method call")
        name = node.func.id
        bound = self.bound(name, node) if name in self.names else None
        if isinstance(bound, ast.FunctionDef):
            if node.args or node.keywords:
                raise refused(node, f"a call of {name}() with arguments")
            return self.result(bound, node)
        if isinstance(bound, Imported):
            return Call(bound.name, self._keywords(node), node.lineno)
        raise refused(node, f"a call of {name}()")

    def result(self, function: ast.FunctionDef, node: ast.AST) -> object:
        return self._inside(function.name, node, returned(function))

    def _keywords(self, node: ast.Call) -> Table:
        found = Table()
        if node.args:
            raise refused(node.args[0], "an argument without a name")
        for keyword in node.keywords:
            if keyword.arg is None:
                raise refused(keyword, "** in a call")
            if keyword.arg in found:
                raise refused(keyword, f"the argument {keyword.arg} twice")
            found.put(keyword.arg, self.value(keyword.value), keyword.lineno)
        return found


READERS: dict[type[ast.expr], Callable[..., object]] = {
    ast.Attribute: Evaluator.attribute,
    ast.BinOp: Evaluator.sum,
    ast.Call: Evaluator.call,
    ast.Constant: Evaluator.constant,
    ast.Dict: Evaluator.table,
    ast.List: Evaluator.listing,
    ast.Name: Evaluator.name,
    ast.UnaryOp: Evaluator.minus,
}
CACHES = ("lru_cache", "cache", "functools.lru_cache", "functools.cache")


def returned(function: ast.FunctionDef) -> ast.expr:
    """The expression a function returns. Raises ParseError unless it is `def f(): return EXPRESSION`."""
    for decorator in function.decorator_list:
        if not _is_cache(decorator):
            raise refused(decorator, f"a decorator on {function.name}()")
    if any(vars(function.args).values()):
        raise refused(function, f"parameters of {function.name}()")
    body = function.body
    if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    match body:
        case [ast.Return(value=ast.expr() as value)]:
            return value
    unexpected = next((each for each in body if not isinstance(each, ast.Return)), function)
    raise refused(unexpected, f"statements in {function.name}() beside one return")


def _is_cache(decorator: ast.expr) -> bool:
    match decorator:
        case ast.Call(func=inner, args=[], keywords=keywords):
            return _is_cache(inner) and all(isinstance(each.value, ast.Constant) for each in keywords)
        case ast.Attribute(value=ast.Name(id=module), attr=name):
            return f"{module}.{name}" in CACHES
        case ast.Name(id=name):
            return name in CACHES
    return False


def evaluate(sku_list: str, types: str) -> tuple[object, int]:
    """What `all_registered_models()` returns, and the line it stands on. Raises ParseError."""
    evaluator = Evaluator(tree(sku_list, SKU_LIST), tree(types, TYPES))
    if ENTRY not in evaluator.names:
        raise ParseError(f"want a function {ENTRY}(), met none")
    statement = evaluator.names[ENTRY][0][1]
    entry = evaluator.bound(ENTRY, statement)
    if not isinstance(entry, ast.FunctionDef):
        raise refused(statement, f"no plain function {ENTRY}()")
    return evaluator.result(entry, entry), statement.lineno


def encoded(value: object) -> object:
    """As JSON: a dict has `values` and `lines`, a call also `call` and `line`, a member `enum`, `value`."""
    match value:
        case Table():
            return {"values": {key: encoded(each) for key, each in value.items()}, "lines": value.lines}
        case Call():
            values = {key: encoded(each) for key, each in value.arguments.items()}
            return {"call": value.name, "line": value.line, "values": values, "lines": value.arguments.lines}
        case Member():
            return {"enum": value.enum, "value": value.value}
        case list():
            return [encoded(each) for each in value]
    return value


def answer(sku_list: str, types: str) -> dict[str, object]:
    """`{"models": ..., "line": ...}` for a file that is data, else `{"error": ...}` with its parts."""
    try:
        models, line = evaluate(sku_list, types)
        return {"models": encoded(models), "line": line}
    except ParseError as error:
        found = error
    except (MemoryError, RecursionError):
        found = _too_deep(SKU_LIST)
    return {"error": {"what": found.what, "file": found.file, "lines": found.lines, "syntax": found.syntax}}


def limit(memory_bytes: int, cpu_s: int) -> None:
    """Caps this process where the system can; elsewhere only the caller's clock holds."""
    try:
        import resource
    except ImportError:  # Windows
        return
    for kind, amount in ((resource.RLIMIT_AS, memory_bytes), (resource.RLIMIT_CPU, cpu_s)):
        with suppress(ValueError, OSError):  # a lower hard limit is in force already
            resource.setrlimit(kind, (amount, amount))


def main() -> None:
    """One request from stdin, one answer to stdout. Warnings about the text are not ours to print."""
    limit(int(sys.argv[1]), int(sys.argv[2]))
    warnings.simplefilter("ignore")
    request = json.load(sys.stdin)
    json.dump(answer(request[SKU_LIST], request[TYPES]), sys.stdout)


if __name__ == "__main__":
    main()
