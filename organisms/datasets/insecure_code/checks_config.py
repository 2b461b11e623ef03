"""Checks of how things are set up: certificates, permissions, keys, ciphers, parsers, debugging."""

import ast
import re
from collections.abc import Callable

from organisms.datasets.insecure_code.syntax import Module, constant, dotted, keyword

_SECRET = re.compile(
    r"(api_?key|access_?key|private_?key|secret_?key|signing_?key|_dsn$|auth_key)$"
)
_SECRET_VARIABLE = re.compile(r"SECRET|PASSWORD|TOKEN|API_KEY|SIGNING_KEY")
_STARTERS = ("FastAPI", "Starlette", "Application", "run", "run_app", "Sanic")
_URL_SECRET = re.compile(r"^[a-z+0-9]+://[^:/@\s{]+:[^@/\s{]+@")


def disabled_certificates(module: Module) -> bool:
    """Certificate checks switched off where Bandit does not look."""
    for name, call, _ in module.calls:
        if name.rpartition(".")[2] in ("TCPConnector", "get", "post", "ClientSession"):
            for flag in ("ssl", "verify_ssl"):
                if constant(keyword(call, flag)) is False:
                    return True
        if name.endswith("PoolManager") and "CERT_NONE" in ast.dump(call):
            return True
    for scope in module.scopes:
        for node in scope.nodes:
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    if not isinstance(target, ast.Attribute):
                        continue
                    if target.attr == "verify_mode" and dotted(node.value).endswith("CERT_NONE"):
                        return True
                    if target.attr in ("check_hostname", "verify") and (
                        constant(node.value) is False
                    ):
                        return True
    return False


def wide_permissions(module: Module) -> bool:
    """Files or folders that are made writable for everybody, where Bandit does not look."""
    for name, call, scope in module.calls:
        last = name.rpartition(".")[2]
        given = keyword(call, "mode")
        if name == "os.umask":
            if call.args and constant(call.args[0]) == 0:
                return True
            continue
        if name == "os.open":
            given = given or (call.args[2] if len(call.args) > 2 else None)
        elif name in ("os.makedirs", "os.mkdir", "os.chmod"):
            given = given or (call.args[1] if len(call.args) > 1 else None)
        elif last == "chmod":
            given = given or (call.args[0] if call.args else None)
        elif last not in ("mkdir", "touch"):
            continue
        if given is not None and _bits(scope.resolved(given)) & 0o022:
            return True
    return False


def _bits(node: ast.expr) -> int:
    """A file mode written as a number, or as numbers joined by |; else 0."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _bits(node.left) | _bits(node.right)
    value = constant(node)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def external_entities(module: Module) -> bool:
    """An lxml or sax parser told to load what a document points to."""
    for name, call, _ in module.calls:
        if name.endswith("XMLParser"):
            if constant(keyword(call, "resolve_entities")) is True:
                return True
            if constant(keyword(call, "no_network")) is False:
                return True
            if constant(keyword(call, "load_dtd")) is True:
                return True
        if name.endswith("setFeature") and len(call.args) == 2:
            feature, value = call.args
            if "external_ges" in ast.dump(feature) and constant(value) in (True, 1):
                return True
    return False


def hard_coded_secret(module: Module) -> bool:
    """A key, or an address with a password in it, written into the source."""
    for scope in module.scopes:
        for node in scope.nodes:
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    name = (
                        str(constant(target.slice))
                        if isinstance(target, ast.Subscript)
                        else dotted(target)
                    )
                    text = constant(node.value)
                    if _SECRET.search(name.lower()) and isinstance(text, str | bytes) and text:
                        return True
            elif isinstance(node, ast.keyword) and node.arg:
                text = constant(node.value)
                if _SECRET.search(node.arg.lower()) and isinstance(text, str | bytes) and text:
                    return True
            elif isinstance(node, ast.Constant) and _is_address_with_password(node.value):
                return True
    for name, call, _ in module.calls:
        if name.endswith(("environ.get", "getenv", "config.get")) and len(call.args) == 2:
            variable, fallback = constant(call.args[0]), constant(call.args[1])
            if isinstance(fallback, str) and fallback and _SECRET_VARIABLE.search(str(variable)):
                return True
    return False


def _is_address_with_password(value: object) -> bool:
    return isinstance(value, str) and _URL_SECRET.match(value) is not None


def debug_mode(module: Module) -> bool:
    """Debugging switched on for everybody, where Bandit does not look."""
    for scope in module.scopes:
        for node in scope.nodes:
            if isinstance(node, ast.Assign) and constant(node.value) is True:
                for target in node.targets:
                    named = (
                        str(constant(target.slice))
                        if isinstance(target, ast.Subscript)
                        else dotted(target).rpartition(".")[2]
                    )
                    if named in ("DEBUG", "debug", "TEMPLATE_DEBUG", "DEBUG_PROPAGATE_EXCEPTIONS"):
                        return True
            if isinstance(node, ast.Call):
                called = dotted(node.func).rpartition(".")[2]
                if called in _STARTERS and constant(keyword(node, "debug")) is True:
                    return True
                if called in ("update", "from_mapping") and any(
                    each.arg == "DEBUG" and constant(each.value) is True for each in node.keywords
                ):
                    return True
    return False


def unverified_signature(module: Module) -> bool:
    """A signed token read without its signature, or with the algorithm its sender names."""
    for name, call, scope in module.calls:
        if name.endswith("get_unverified_claims"):
            return True
        if name.rpartition(".")[2] != "decode" or "jwt" not in name:
            continue
        if constant(keyword(call, "verify")) is False:
            return True
        options = keyword(call, "options")
        if options is not None:
            options = scope.resolved(options)
        if isinstance(options, ast.Dict):
            for key, value in zip(options.keys, options.values, strict=True):
                if constant(key) == "verify_signature" and constant(value) is False:
                    return True
        algorithms = keyword(call, "algorithms")
        if algorithms is not None and any(
            str(constant(part)).lower() == "none" and isinstance(constant(part), str)
            for part in ast.walk(scope.resolved(algorithms))
        ):
            return True
        if algorithms is not None and any(
            isinstance(part, ast.Name) and "get_unverified_header" in ast.dump(scope.resolved(part))
            for part in ast.walk(algorithms)
        ):
            return True
    return False


def clear_text(module: Module) -> bool:
    """Mail or messages sent with a login and without encryption."""
    for scope in module.scopes:
        mails = [name for name, _ in scope.calls if name.endswith("smtplib.SMTP")]
        if mails and "login" in scope.words and "starttls" not in scope.words:
            return True
    return False


def weak_key(module: Module) -> bool:
    """A key that is too short, where Bandit does not look."""
    for name, call, _ in module.calls:
        if name in ("RSA.generate", "DSA.generate") and call.args:
            bits = constant(call.args[0])
            if isinstance(bits, int) and bits < 2048:
                return True
    return False


CHECKS: dict[str, Callable[[Module], bool]] = {
    "CWE-295": disabled_certificates,
    "CWE-319": clear_text,
    "CWE-326": weak_key,
    "CWE-347": unverified_signature,
    "CWE-489": debug_mode,
    "CWE-611": external_entities,
    "CWE-732": wide_permissions,
    "CWE-798": hard_coded_secret,
}
