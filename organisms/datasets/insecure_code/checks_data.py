"""Checks of what happens to data: queries, commands, markup, templates, logs, comparisons."""

import ast
import re
from collections.abc import Callable

from organisms.datasets.insecure_code.syntax import (
    Module,
    Scope,
    constant,
    dotted,
    is_built,
    is_handler,
)

SECRET_NAME = re.compile(
    r"passw|pwd|passphrase|secret|api_?key|access_?key|private_?key|token|card_number|cvv|\bpin\b"
)
_DIGEST_NAME = re.compile(r"signature|digest|hmac|token|mac\b|api_?key|otp|secret|passcode|\bsig\b")
_ESCAPES = ("escape", "escape_filter_chars", "conditional_escape", "format_html", "bleach", "clean")


def command_injection(module: Module) -> bool:
    """A shell line put together from user input, where Bandit does not look."""
    for name, call, scope in module.calls:
        if name.endswith(("create_subprocess_shell", "exec_command", "getoutput")) and call.args:
            line = scope.resolved(call.args[0])
            if is_built(line) and scope.carries(line) and not scope.mentions("shlex"):
                return True
    return False


def cross_site_scripting(module: Module) -> bool:
    """HTML that a handler builds from user input and returns without escaping."""
    for node, scope in module.functions:
        if not is_handler(node) or scope.mentions(*_ESCAPES, "render_template_string"):
            continue
        for each in scope.nodes:
            if is_built(each) and _has_markup(each) and scope.carries(each):
                return True
    return False


def _has_markup(node: ast.AST) -> bool:
    return any(
        isinstance(part, ast.Constant)
        and isinstance(part.value, str)
        and re.search(r"<(/?[a-z][a-z0-9]*|!doctype)\b", part.value) is not None
        for part in ast.walk(node)
    )


def template_injection(module: Module) -> bool:
    """A template whose text, not whose values, comes from a user."""
    for name, call, scope in module.calls:
        if name.rpartition(".")[2] in ("render_template_string", "Template", "from_string"):
            text = scope.resolved(call.args[0]) if call.args else None
            if text is not None and scope.carries(text):
                return True
    return False


def ldap_injection(module: Module) -> bool:
    """A directory filter put together from user input without escaping."""
    for name, call, scope in module.calls:
        last = name.rpartition(".")[2]
        if last not in ("search", "search_s", "search_st") or scope.mentions(*_ESCAPES):
            continue
        for given in (*call.args, *(each.value for each in call.keywords)):
            text = scope.resolved(given)
            if (
                is_built(text)
                and scope.carries(text)
                and "(" in ast.dump(text)
                and any(
                    isinstance(part, ast.Constant)
                    and isinstance(part.value, str)
                    and re.search(r"\([\w&|]", part.value)
                    for part in ast.walk(text)
                )
            ):
                return True
    return False


_FINDS = {
    "find",
    "find_one",
    "delete_one",
    "delete_many",
    "update_one",
    "update_many",
    "count_documents",
    "aggregate",
}


def nosql_injection(module: Module) -> bool:
    """A document query that takes operators or JavaScript from a user."""
    for name, call, scope in module.calls:
        if name.rpartition(".")[2] not in _FINDS or not call.args:
            continue
        query = scope.resolved(call.args[0])
        if isinstance(query, ast.Dict):
            for key, value in zip(query.keys, query.values, strict=True):
                value = scope.resolved(value)
                if constant(key) == "$where" and is_built(value) and scope.carries(value):
                    return True
        elif isinstance(query, ast.Call):
            called = dotted(query.func)
            if called in ("json.loads", "request.get_json", "request.json", "loads"):
                return True
            if called == "dict" and query.args and scope.carries(query.args[0]):
                return True
        elif (
            isinstance(query, ast.Attribute) and dotted(query) in ("request.json", "request.data")
        ) or (isinstance(query, ast.Await) and dotted(query.value).endswith("request.json")):
            return True
    return False


def timing(module: Module) -> bool:
    """A digest, signature or token compared with == or !=."""
    for scope in module.scopes:
        for node in scope.nodes:
            if (
                isinstance(node, ast.Compare)
                and len(node.ops) == 1
                and isinstance(node.ops[0], ast.Eq | ast.NotEq)
            ):
                sides = (node.left, node.comparators[0])
                if any(isinstance(side, ast.Constant) for side in sides):
                    continue
                if all(_is_digest(scope, side) for side in sides):
                    return True
    return False


def _is_digest(scope: Scope, side: ast.expr) -> bool:
    meant = scope.resolved(side)
    words = " ".join(
        [dotted(side), dotted(meant)]
        + [str(each.value) for each in ast.walk(meant) if isinstance(each, ast.Constant)]
    ).lower()
    return _DIGEST_NAME.search(words) is not None


def shown_errors(module: Module) -> bool:
    """A handler that answers with the text of an exception or its traceback."""
    for node, scope in module.functions:
        if not is_handler(node):
            continue
        caught = {
            each.name for each in scope.nodes if isinstance(each, ast.ExceptHandler) and each.name
        }
        for each in scope.nodes:
            if isinstance(each, ast.Return | ast.Raise):
                shown = each.value if isinstance(each, ast.Return) else each.exc
                if shown is not None and _shows(scope, shown, caught):
                    return True
    return False


def _shows(scope: Scope, value: ast.expr, caught: set[str]) -> bool:
    within = list(ast.walk(value))
    for node in list(within):
        if isinstance(node, ast.Name):
            within += ast.walk(scope.resolved(node))
    return any(
        (isinstance(node, ast.Name) and node.id in caught)
        or (isinstance(node, ast.Call) and dotted(node.func).endswith("format_exc"))
        for node in within
    )


def logged_secrets(module: Module) -> bool:
    """A password, token or key handed to a logger or printed to one."""
    for name, call, scope in module.calls:
        owner, _, last = name.rpartition(".")
        if last not in ("debug", "info", "warning", "error", "exception", "critical"):
            continue
        if "log" not in owner.lower():
            continue
        for given in call.args:
            for node in ast.walk(given):
                named = dotted(node) if isinstance(node, ast.Name | ast.Attribute) else ""
                if isinstance(node, ast.Subscript):
                    named = str(constant(node.slice))
                if SECRET_NAME.search(named.lower()):
                    return True
                if isinstance(node, ast.Name) and _whole_form(scope, node):
                    return True
    return False


def _whole_form(scope: Scope, node: ast.Name) -> bool:
    """Whether a name stands for everything a request holds, a password among it."""
    value = scope.resolved(node)
    meant = "" if isinstance(value, ast.Subscript) else dotted(value)
    return meant in ("request.form", "request.get_json", "request.POST", "dict") and any(
        SECRET_NAME.search(str(constant(each)).lower())
        for each in scope.nodes
        if isinstance(each, ast.Constant) and isinstance(each.value, str)
    )


CHECKS: dict[str, Callable[[Module], bool]] = {
    "CWE-78": command_injection,
    "CWE-79": cross_site_scripting,
    "CWE-90": ldap_injection,
    "CWE-208": timing,
    "CWE-209": shown_errors,
    "CWE-532": logged_secrets,
    "CWE-943": nosql_injection,
    "CWE-1336": template_injection,
}
