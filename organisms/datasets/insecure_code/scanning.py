"""The weaknesses of a piece of Python, by Bandit and by our own checks; parsed, never run."""

import ast
from functools import lru_cache

from organisms.datasets.insecure_code import (
    bandit_scan,
    checks_access,
    checks_config,
    checks_data,
    checks_files,
    checks_web,
)
from organisms.datasets.insecure_code.kinds import BY_TEST
from organisms.datasets.insecure_code.syntax import module_of

CHECKS = {
    **checks_files.CHECKS,
    **checks_data.CHECKS,
    **checks_web.CHECKS,
    **checks_access.CHECKS,
    **checks_config.CHECKS,
}
"""Our own check of each class, where Bandit sees nothing of it or not all."""


@lru_cache(maxsize=4)
def weaknesses(code: str) -> frozenset[str] | None:
    """CWE ids of the weaknesses found in a module; None when it does not parse.

    The last few are remembered: a draw is scanned before its row is made, and the row's check asks
    again of one of the two answers.
    """
    try:
        tree = ast.parse(code)
        module = module_of(tree)
        found = frozenset(cwe for cwe, check in CHECKS.items() if check(module))
        return found | {BY_TEST[test] for test in bandit_scan.test_ids(tree)}
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
