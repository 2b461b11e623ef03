"""Bandit's tests on source text in memory: no files, no configuration read twice, nothing run."""

import ast
import logging
import warnings
from functools import cache
from typing import Any

from organisms.datasets.insecure_code.kinds import BY_TEST


def test_ids(tree: ast.Module) -> set[str]:
    """Ids of the Bandit tests (of those that stand for a class) that fire on a parsed module.

    `# nosec` comments are not honoured: an answer cannot excuse itself. Bandit leaves attributes
    of its own on the nodes of `tree`.
    """
    visitor = _visitor_class()("row.py", None, None, _test_set(), False, {}, None)
    visitor.generic_visit(tree)
    return {issue.test_id for issue in visitor.tester.results}


@cache
def _test_set() -> Any:
    formatting = warnings.formatwarning
    from bandit.core import config, test_set

    tests = test_set.BanditTestSet(config.BanditConfig(), {"include": sorted(BY_TEST)})
    logging.getLogger("bandit").setLevel(logging.CRITICAL)
    warnings.formatwarning = formatting
    return tests


@cache
def _visitor_class() -> Any:
    from bandit.core import node_visitor

    class Visitor(node_visitor.BanditNodeVisitor):  # type: ignore[misc, unused-ignore]
        """Bandit's visitor without the sums of severity, which nobody reads here."""

        def update_scores(self, scores: object) -> None:
            pass

    return Visitor
