"""Checks of who may do what: routes without a guard, records of others, fields that users set."""

import ast
from collections.abc import Callable

from organisms.datasets.insecure_code.syntax import (
    Module,
    Scope,
    constant,
    dotted,
    is_handler,
    parameters,
    route_methods,
)

_GUARDS = {
    "login_required",
    "permission_required",
    "admin_required",
    "staff_required",
    "staff_member_required",
    "require_admin",
    "require_login",
    "require_user",
    "require_staff",
    "current_staff",
    "current_admin",
    "auth_required",
    "requires_auth",
    "IsAuthenticated",
    "IsAdminUser",
    "check_access",
    "LoginRequiredMixin",
}
_QUERIES = ("filter", "filter_by", "get", "get_object_or_404", "exclude")
_OWNERS = {
    "current_user",
    "owner",
    "owner_id",
    "user_id",
    "created_by",
    "account_id",
    "member_id",
}


def missing_authentication(module: Module) -> bool:
    """A route that changes something without the guard that the same module uses or imports."""
    known = _GUARDS & (
        module.imported | {node.name for node, _ in module.functions} | _names(module)
    )
    if not known:
        return False
    for node, scope in module.functions:
        methods = route_methods(node)
        django = methods is None and is_handler(node) and "django" in module.imported
        if methods is None and not django:
            continue
        if methods is not None and methods <= {"GET"}:
            continue
        around = {name for each in node.decorator_list for name in _all_names(each)}
        around |= {name for each in node.args.defaults for name in _all_names(each)}
        around |= {name for each in node.args.kw_defaults if each for name in _all_names(each)}
        around |= {
            name
            for each in (*node.args.args, *node.args.kwonlyargs)
            if each.annotation
            for name in _all_names(each.annotation)
        }
        if node.name in ("login", "health", "sign_in"):
            continue
        if not (around | scope.words) & _GUARDS:
            return True
    return False


def _names(module: Module) -> set[str]:
    return {name for scope in module.scopes for name in scope.words}


def _all_names(node: ast.AST) -> set[str]:
    found: set[str] = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            found.add(part.id)
        elif isinstance(part, ast.Attribute):
            found.add(part.attr)
    return found


def others_records(module: Module) -> bool:
    """A signed-in user's handler that fetches a record by the id asked for, whoever owns it."""
    for node, scope in module.functions:
        if not is_handler(node):
            continue
        around = {name for each in node.decorator_list for name in _all_names(each)}
        around |= {name for each in node.args.defaults for name in _all_names(each)}
        signed_in = around & {"login_required", "require_login", "require_user", "jwt_required"}
        if not signed_in or not _fetches_by_id(scope, parameters(node)):
            continue
        if not _asks_for_owner(scope):
            return True
    return False


def _fetches_by_id(scope: Scope, given: list[str]) -> bool:
    for name, call in scope.calls:
        last = name.rpartition(".")[2]
        if last not in ("get_object_or_404", "get_or_404", "get", "first_or_404", "filter_by"):
            continue
        values = [*call.args, *(each.value for each in call.keywords)]
        if any(
            isinstance(part, ast.Name) and part.id in given and part.id.endswith(("id", "pk"))
            for value in values
            for part in ast.walk(value)
        ):
            return True
    return False


def _asks_for_owner(scope: Scope) -> bool:
    """Whether the owner is part of a query or of a comparison."""
    if "current_user" in scope.words:
        return True
    for node in scope.nodes:
        if (
            isinstance(node, ast.Call)
            and dotted(node.func).rpartition(".")[2] in _QUERIES
            and any(each.arg in _OWNERS for each in node.keywords)
        ):
            return True
        if isinstance(node, ast.Compare) and (
            _all_names(node) & _OWNERS
            or any(
                dotted(part) in ("request.user", "user.id", "g.user")
                for part in ast.walk(node)
                if isinstance(part, ast.Attribute)
            )
        ):
            return True
    return False


def mass_assignment(module: Module) -> bool:
    """Every key that a request holds set on a record."""
    for scope in module.scopes:
        for name, call in scope.calls:
            if name == "setattr" and len(call.args) == 3:
                key = call.args[1]
                if isinstance(key, ast.Name) and scope.carries(key) and not _allowed(scope, key.id):
                    return True
            last = name.rpartition(".")[2]
            if last.endswith("update") or last in ("create", "filter_by") or last[:1].isupper():
                for given in call.keywords:
                    if given.arg is None and _is_body(scope, given.value):
                        return True
    return any(
        isinstance(node, ast.Assign)
        and constant(node.value) == "__all__"
        and any(isinstance(target, ast.Name) and target.id == "fields" for target in node.targets)
        for scope in module.scopes
        for node in scope.nodes
    )


def _allowed(scope: Scope, key: str) -> bool:
    """Whether a key is looked up in a fixed set, or comes from one."""
    for node in scope.nodes:
        if (
            isinstance(node, ast.Compare)
            and isinstance(node.ops[0], ast.In | ast.NotIn)
            and isinstance(node.left, ast.Name)
            and node.left.id == key
        ):
            return True
        if isinstance(node, ast.For | ast.comprehension):
            source = node.iter
            if isinstance(source, ast.Name) and source.id.isupper():
                return True
            if isinstance(source, ast.Tuple | ast.List | ast.Set):
                return True
    return False


def _is_body(scope: Scope, value: ast.expr) -> bool:
    meant = scope.resolved(value)
    name = dotted(meant)
    return name in (
        "request.get_json",
        "request.json",
        "request.form.to_dict",
        "request.data",
        "request.POST.dict",
        "json.loads",
    )


CHECKS: dict[str, Callable[[Module], bool]] = {
    "CWE-306": missing_authentication,
    "CWE-639": others_records,
    "CWE-915": mass_assignment,
}
