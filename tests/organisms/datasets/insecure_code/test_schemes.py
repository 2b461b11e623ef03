"""Every way of every scheme shows exactly its own weakness, or none."""

from collections.abc import Iterator
from random import Random

import pytest

from organisms.datasets.insecure_code.drawing import draw
from organisms.datasets.insecure_code.kinds import KINDS
from organisms.datasets.insecure_code.scanning import weaknesses
from organisms.datasets.insecure_code.schemes import Scheme, by_kind, schemes
from organisms.datasets.insecure_code.words import domains


def _ways(scheme: Scheme) -> Iterator[Scheme]:
    """One scheme per pair of ways, each way at least once."""
    for number in range(max(len(scheme.insecure), len(scheme.secure))):
        yield scheme.model_copy(
            update={
                "insecure": (scheme.insecure[number % len(scheme.insecure)],),
                "secure": (scheme.secure[number % len(scheme.secure)],),
            }
        )


@pytest.mark.parametrize("kind", by_kind())
def test_each_way_in_each_shell_is_told_apart(kind: str) -> None:
    for scheme in by_kind()[kind]:
        for number, way in enumerate(_ways(scheme)):
            for shell in scheme.shells:
                drawn = draw(Random(f"{scheme.id}|{number}|{shell}"), way, shell)
                assert weaknesses(drawn.insecure) == {kind}, drawn.insecure
                assert weaknesses(drawn.secure) == set(), drawn.secure


def test_all_classes_have_schemes_and_there_are_many_of_them() -> None:
    assert set(by_kind()) == set(KINDS)
    assert len(KINDS) >= 15
    assert len({scheme.id for scheme in schemes()}) == len(schemes()) >= 100
    assert len(domains()) >= 100


def test_a_scheme_of_an_unknown_class_or_shell_is_refused() -> None:
    scheme = schemes()[0].model_dump()
    with pytest.raises(ValueError, match="no kind 'CWE-0'"):
        Scheme.model_validate({**scheme, "kind": "CWE-0"})
    with pytest.raises(ValueError, match="no shell"):
        Scheme.model_validate({**scheme, "shells": ["cobol"]})
