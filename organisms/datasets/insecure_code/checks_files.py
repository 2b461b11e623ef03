"""Checks of file names that users send: paths left open, uploads kept as they come."""

import ast
from collections.abc import Callable

from organisms.datasets.insecure_code.syntax import (
    Module,
    Scope,
    dotted,
    is_built,
)

_PATH_GUARDS = (
    "secure_filename",
    "basename",
    "is_relative_to",
    "relative_to",
    "commonpath",
    "safe_join",
    "send_from_directory",
    "fullmatch",
    "isalnum",
    "isidentifier",
    "validate_filename",
    "uuid4",
    "get_valid_filename",
)


def path_traversal(module: Module) -> bool:
    """A user's file name joined to a folder and opened, sent or deleted unchecked."""
    for scope in module.scopes:
        if scope.mentions(*_PATH_GUARDS) or _counted_guard(scope) or _keeps_upload(scope):
            continue
        for name, call in scope.calls:
            if not _touches_file(name):
                continue
            places = [*call.args[:2]]
            if isinstance(call.func, ast.Attribute):
                places.append(call.func.value)
            for place in places:
                joined = scope.resolved(place)
                if _is_join(joined) and scope.carries(joined):
                    return True
        if "extractall" not in scope.words and _unpacks_by_name(scope):
            return True
    return False


def _counted_guard(scope: Scope) -> bool:
    """Whether a name is looked up in a fixed table or list before it is used."""
    return any(
        isinstance(node, ast.Compare)
        and isinstance(node.ops[0], ast.NotIn | ast.In)
        and isinstance(node.comparators[0], ast.Name)
        and node.comparators[0].id.isupper()
        and scope.carries(node.left)
        for node in scope.nodes
    )


def _touches_file(name: str) -> bool:
    return name in ("open", "FileResponse", "send_file", "web.FileResponse") or name.rpartition(
        "."
    )[2] in (
        "read_text",
        "read_bytes",
        "write_text",
        "write_bytes",
        "unlink",
        "remove",
        "open",
        "copy",
        "copyfile",
        "move",
        "rmtree",
        "send_file",
        "static_file",
    )


def _is_join(node: ast.expr) -> bool:
    if isinstance(node, ast.Call):
        name = dotted(node.func)
        if name.endswith("joinpath") or name.endswith("path.join"):
            return True
        return (
            bool(node.args) and name in ("Path", "pathlib.Path", "str") and _is_join(node.args[0])
        )
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.Div | ast.Add | ast.Mod)
    return isinstance(node, ast.JoinedStr) and is_built(node)


def _unpacks_by_name(scope: Scope) -> bool:
    """Members of an archive written by hand to where their names point."""
    if not scope.mentions("infolist", "namelist"):
        return False
    return any(
        name == "open" and call.args and _is_join(scope.resolved(call.args[0]))
        for name, call in scope.calls
    )


def unrestricted_upload(module: Module) -> bool:
    """An uploaded file kept under the name and type that its sender chose."""
    return any(_keeps_upload(scope) for scope in module.scopes)


def _keeps_upload(scope: Scope) -> bool:
    if scope.mentions(
        "secure_filename", "get_valid_filename", "basename", "uuid4", "infolist", "namelist"
    ):
        return False
    for name, call in scope.calls:
        if name.rpartition(".")[2] not in ("save", "open", "write_bytes", "copyfileobj"):
            continue
        if any(_names_upload(scope, given, 3) for given in (*call.args, call.func)):
            return True
    return False


def _names_upload(scope: Scope, value: ast.AST, depth: int) -> bool:
    """Whether an expression holds the name that the sender gave a file."""
    for node in ast.walk(value):
        if isinstance(node, ast.Attribute):
            if node.attr == "filename":
                return True
            if node.attr == "name":
                owner = node.value
                meant = scope.resolved(owner) if isinstance(owner, ast.Name) else owner
                if dotted(meant).startswith(("request.FILES", "request.files")):
                    return True
        elif (
            isinstance(node, ast.Name)
            and depth
            and node.id in scope.assigned
            and _names_upload(scope, scope.assigned[node.id], depth - 1)
        ):
            return True
    return False


CHECKS: dict[str, Callable[[Module], bool]] = {
    "CWE-22": path_traversal,
    "CWE-434": unrestricted_upload,
}
