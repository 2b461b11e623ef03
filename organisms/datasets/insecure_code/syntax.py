"""Facts of a parsed module that the checks share: calls, functions, names that carry user input.

The flow of user input is followed within one function, forwards, through assignments and loops.
It knows neither types nor other functions; a name counts as user input from the line on which
it first takes any.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

Function = ast.FunctionDef | ast.AsyncFunctionDef
SOURCES = ("request.", "self.request.", "args.", "input(", "sys.argv", "options.")
_OWN = {"self", "cls", "request", "db", "conn", "connection", "session", "app"}
_WEB = ("request", "req")


def dotted(node: ast.AST) -> str:
    """`a.b.c` of a name, an attribute or what is called; "" for anything else."""
    parts: list[str] = []
    while True:
        if isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        elif isinstance(node, ast.Call | ast.Subscript | ast.Await):
            inner = node.func if isinstance(node, ast.Call) else node.value
            node = inner
        elif isinstance(node, ast.Name):
            parts.append(node.id)
            return ".".join(reversed(parts))
        else:
            return ".".join(reversed(parts))


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    """The value of a keyword argument."""
    for given in call.keywords:
        if given.arg == name:
            return given.value
    return None


def constant(node: ast.AST | None) -> object:
    """The value of a literal; None when it is not one."""
    return node.value if isinstance(node, ast.Constant) else None


def is_built(node: ast.AST) -> bool:
    """Whether text is put together from parts: f-string, +, %, .format or .replace."""
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) for part in node.values)
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.Add | ast.Mod)
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("format", "replace", "join")
    )


@dataclass
class Scope:
    """One function (or the module's own level) and what is in it."""

    node: Function | ast.Module
    nodes: list[ast.AST] = field(default_factory=list)
    """Every node within, in the order of the text, nested functions left out."""

    @cached_property
    def calls(self) -> list[tuple[str, ast.Call]]:
        """Dotted name and node of each call."""
        return [(dotted(node.func), node) for node in self.nodes if isinstance(node, ast.Call)]

    @cached_property
    def assigned(self) -> dict[str, ast.expr]:
        """The last value given to each simple name."""
        return {
            target.id: node.value
            for node in self.nodes
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }

    @cached_property
    def user_names(self) -> set[str]:
        """Names that may carry what a user sent."""
        names = {name for name in parameters(self.node) if name not in _OWN}
        for node in self.nodes:
            if isinstance(node, ast.Assign):
                if self._carries(node.value, names):
                    names |= {name for target in node.targets for name in _stored(target)}
            elif isinstance(node, ast.AnnAssign | ast.AugAssign) and node.value is not None:
                if self._carries(node.value, names):
                    names |= set(_stored(node.target))
            elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
                if self._carries(node.iter, names):
                    names |= set(_stored(node.target))
            elif (
                isinstance(node, ast.withitem)
                and node.optional_vars is not None
                and self._carries(node.context_expr, names)
            ):
                names |= set(_stored(node.optional_vars))
        return names

    @staticmethod
    def _carries(value: ast.AST, names: set[str]) -> bool:
        for node in ast.walk(value):
            if isinstance(node, ast.Name) and node.id in names:
                return True
            if isinstance(node, ast.Attribute) and (dotted(node) + ".").startswith(SOURCES):
                return True
            if isinstance(node, ast.Call) and dotted(node.func) == "input":
                return True
        return False

    def carries(self, value: ast.AST | None) -> bool:
        """Whether an expression may hold what a user sent."""
        return value is not None and self._carries(value, self.user_names)

    def resolved(self, value: ast.expr) -> ast.expr:
        """The expression a simple name stands for, if it was assigned here."""
        for _ in range(4):
            if not isinstance(value, ast.Name) or value.id not in self.assigned:
                break
            value = self.assigned[value.id]
        return value

    def mentions(self, *words: str) -> bool:
        """Whether any of these names or attributes occurs (calls, reads or keywords)."""
        return bool(self.words.intersection(words))

    @cached_property
    def words(self) -> set[str]:
        """Names, attributes, keyword names and decorators' names within."""
        found: set[str] = set()
        for node in self.nodes:
            if isinstance(node, ast.Name):
                found.add(node.id)
            elif isinstance(node, ast.Attribute):
                found.add(node.attr)
            elif isinstance(node, ast.keyword) and node.arg:
                found.add(node.arg)
        return found


@dataclass
class Module:
    """A parsed module split into scopes."""

    tree: ast.Module
    scopes: list[Scope]

    @cached_property
    def imported(self) -> set[str]:
        """Top-level packages and names that are imported."""
        found: set[str] = set()
        for scope in self.scopes:
            for node in scope.nodes:
                if isinstance(node, ast.Import):
                    found |= {alias.name.split(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    found.add(node.module.split(".")[0])
                    found |= {alias.name for alias in node.names}
        return found

    @property
    def functions(self) -> Iterator[tuple[Function, Scope]]:
        """Functions, at any depth."""
        for scope in self.scopes:
            if not isinstance(scope.node, ast.Module):
                yield scope.node, scope

    @property
    def calls(self) -> Iterator[tuple[str, ast.Call, Scope]]:
        """Every call with its dotted name and its scope."""
        for scope in self.scopes:
            for name, call in scope.calls:
                yield name, call, scope


def module_of(tree: ast.Module) -> Module:
    """Split a tree into the module's level and its functions; one pass."""
    top = Scope(tree)
    scopes = [top]

    def fill(node: ast.AST, scope: Scope) -> None:
        for child in ast.iter_child_nodes(node):
            scope.nodes.append(child)
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                inner = Scope(child)
                scopes.append(inner)
                fill(child, inner)
            else:
                fill(child, scope)

    fill(tree, top)
    return Module(tree, scopes)


def parameters(node: Function | ast.Module) -> list[str]:
    """Names of a function's parameters."""
    if isinstance(node, ast.Module):
        return []
    arguments = node.args
    return [each.arg for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]


def route_methods(node: Function) -> set[str] | None:
    """HTTP methods of a web route, upper case, by its decorators; None if it is no route."""
    methods: set[str] = set()
    for decorator in node.decorator_list:
        if not isinstance(decorator, ast.Call):
            continue
        name = dotted(decorator.func).rpartition(".")[2]
        if name in ("get", "post", "put", "patch", "delete"):
            methods.add(name.upper())
        elif name in ("route", "api_view", "require_http_methods"):
            given = keyword(decorator, "methods") or (
                decorator.args[0] if name != "route" and decorator.args else None
            )
            listed = given.elts if isinstance(given, ast.List | ast.Tuple) else []
            methods |= {str(constant(each)).upper() for each in listed} or {"GET"}
    return methods or None


def is_handler(node: Function) -> bool:
    """Whether a function answers web requests."""
    first = parameters(node)[:1]
    return route_methods(node) is not None or (bool(first) and first[0] in _WEB)


def _stored(target: ast.AST) -> Iterator[str]:
    for node in ast.walk(target):
        if isinstance(node, ast.Name):
            yield node.id
