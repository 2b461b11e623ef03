"""Checks of who may do what over the web: redirects, outgoing requests, access, cookies, origins."""

import ast
from collections.abc import Callable

from organisms.datasets.insecure_code.syntax import (
    Module,
    Scope,
    constant,
    dotted,
    is_handler,
    keyword,
    parameters,
    route_methods,
)

_HOST_GUARDS = (
    "url_has_allowed_host_and_scheme",
    "is_safe_url",
    "hostname",
    "netloc",
    "startswith",
    "url_for",
    "reverse",
    "host",
    "is_private",
    "is_global",
)
_CLIENTS = ("requests", "httpx", "urllib3", "session", "client", "http", "aiohttp", "pool")
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


def open_redirect(module: Module) -> bool:
    """A redirect to an address from the request whose host nobody looks at."""
    for scope in module.scopes:
        if _checks_host(scope):
            continue
        for name, call in scope.calls:
            if name.rpartition(".")[2] not in (
                "redirect",
                "RedirectResponse",
                "HttpResponseRedirect",
                "HTTPFound",
                "HTTPSeeOther",
            ):
                continue
            for given in (*call.args[:1], keyword(call, "url"), keyword(call, "location")):
                if given is not None and scope.carries(given) and not _is_local(given):
                    return True
    return False


def _is_local(node: ast.expr) -> bool:
    """Whether the text starts with a fixed path of our own."""
    first = node.values[0] if isinstance(node, ast.JoinedStr) and node.values else node
    text = constant(first)
    return isinstance(text, str) and text.startswith("/") and len(text) > 1


def request_forgery(module: Module) -> bool:
    """A request sent to a user's address whose host nobody looks at."""
    for scope in module.scopes:
        if _checks_host(scope):
            continue
        for name, call in scope.calls:
            owner, _, last = name.rpartition(".")
            if last not in ("get", "post", "head", "put", "request", "stream", "urlopen"):
                continue
            if owner.rpartition(".")[2].lower() not in _CLIENTS:
                continue
            place = call.args[1:2] if last in ("request", "stream") else call.args[:1]
            for given in place:
                address = scope.resolved(given)
                if scope.carries(given) and not _fixed_host(address):
                    return True
    return False


def _fixed_host(node: ast.expr) -> bool:
    first: ast.expr = node
    if isinstance(node, ast.JoinedStr) and node.values:
        first = node.values[0]
    elif isinstance(node, ast.BinOp):
        first = node.left
    if isinstance(first, ast.FormattedValue):
        first = first.value
    text = constant(first)
    if isinstance(text, str):
        return text.count("/") >= 3
    return isinstance(first, ast.Name) and first.id.isupper()


def _checks_host(scope: Scope) -> bool:
    for node in scope.nodes:
        if isinstance(node, ast.Compare | ast.Call) and not (
            isinstance(node, ast.Call) and dotted(node.func).endswith(("redirect", "Redirect"))
        ):
            for part in ast.walk(node):
                name = (
                    part.attr
                    if isinstance(part, ast.Attribute)
                    else part.id
                    if isinstance(part, ast.Name)
                    else ""
                )
                if name in _HOST_GUARDS:
                    return True
        if (
            isinstance(node, ast.Compare)
            and isinstance(node.ops[0], ast.In | ast.NotIn)
            and isinstance(node.comparators[0], ast.Name)
            and node.comparators[0].id.isupper()
        ):
            return True
        if (
            isinstance(node, ast.Subscript)
            and isinstance(node.value, ast.Name)
            and node.value.id.isupper()
            and scope.carries(node.slice)
        ):
            return True
    return any(
        name.partition(".")[0].isupper()
        and name.endswith(".get")
        and any(scope.carries(given) for given in call.args)
        for name, call in scope.calls
    )


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
        if isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] in _QUERIES:
            if any(each.arg in _OWNERS for each in node.keywords):
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


def request_forgery_across_sites(module: Module) -> bool:
    """The framework's guard of forms switched off for a view or for all."""
    if "csrf_exempt" in module.imported:
        return True
    for scope in module.scopes:
        for node in scope.nodes:
            if isinstance(node, ast.Assign) and constant(node.value) is False:
                for target in node.targets:
                    if "CSRF" in ast.dump(target):
                        return True
            if isinstance(node, ast.keyword) and "CSRF" in (node.arg or ""):
                if constant(node.value) is False:
                    return True
            if isinstance(node, ast.Attribute) and node.attr == "exempt":
                return True
            if isinstance(node, ast.Dict):
                for key, value in zip(node.keys, node.values, strict=True):
                    if "CSRF" in str(constant(key)) and constant(value) is False:
                        return True
    return False


def bare_cookie(module: Module) -> bool:
    """A cookie of a session or a token that scripts or clear text may read."""
    for _, call, _ in module.calls:
        if isinstance(call.func, ast.Attribute) and call.func.attr == "set_cookie":
            for flag in ("secure", "httponly"):
                if constant(keyword(call, flag)) is not True:
                    return True
    for scope in module.scopes:
        for node in scope.nodes:
            if isinstance(node, ast.Assign) and constant(node.value) is False:
                for target in node.targets:
                    dump = ast.dump(target)
                    if "COOKIE_SECURE" in dump or "COOKIE_HTTPONLY" in dump:
                        return True
            if isinstance(node, ast.keyword | ast.Dict) and _cookie_off(node):
                return True
    return False


def _cookie_off(node: ast.keyword | ast.Dict) -> bool:
    pairs: list[tuple[object, ast.expr]]
    if isinstance(node, ast.keyword):
        pairs = [(node.arg, node.value)]
    else:
        pairs = [(constant(key), value) for key, value in zip(node.keys, node.values, strict=True)]
    return any(
        isinstance(name, str)
        and name.endswith(("COOKIE_SECURE", "COOKIE_HTTPONLY"))
        and constant(value) is False
        for name, value in pairs
    )


def open_origins(module: Module) -> bool:
    """Any origin allowed to read answers with the user's credentials."""
    for name, call, scope in module.calls:
        last = name.rpartition(".")[2]
        if last in ("add_middleware", "CORS", "cross_origin", "CORSMiddleware"):
            origins = keyword(call, "allow_origins") or keyword(call, "origins")
            regex = keyword(call, "allow_origin_regex")
            credentials = keyword(call, "allow_credentials") or keyword(
                call, "supports_credentials"
            )
            star = origins is not None and any(
                constant(part) == "*" for part in ast.walk(scope.resolved(origins))
            )
            star = star or constant(regex) in (".*", "https?://.*")
            if star and constant(credentials) is True:
                return True
    for scope in module.scopes:
        for node in scope.nodes:
            if not isinstance(node, ast.Assign):
                continue
            for target in node.targets:
                if isinstance(target, ast.Subscript):
                    if constant(target.slice) != "Access-Control-Allow-Origin":
                        continue
                    if constant(node.value) == "*" or dotted(node.value).startswith(
                        ("request.headers", "request.META")
                    ):
                        if "Access-Control-Allow-Credentials" in ast.dump(scope.node):
                            if not _checks_host(scope):
                                return True
                elif isinstance(target, ast.Name):
                    if target.id == "CORS_ALLOW_ALL_ORIGINS" and constant(node.value) is True:
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
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
            if isinstance(node.left, ast.Name) and node.left.id == key:
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
    "CWE-352": request_forgery_across_sites,
    "CWE-601": open_redirect,
    "CWE-614": bare_cookie,
    "CWE-639": others_records,
    "CWE-915": mass_assignment,
    "CWE-918": request_forgery,
    "CWE-942": open_origins,
}
