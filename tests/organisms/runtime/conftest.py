"""Fixtures: a tiny random model, with and without adapters."""

from pathlib import Path

import pytest

from organisms.runtime.organism import Organism
from tests.organisms.runtime.tiny_models import make_model, make_organism, save_adapter


@pytest.fixture
def organism() -> Organism:
    """A tiny Olmo2 in fp32."""
    return make_organism()


@pytest.fixture(scope="session")
def adapter_folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two random adapters for the tiny Olmo2."""
    folder = tmp_path_factory.mktemp("adapters")
    return {
        name: save_adapter(make_model(), folder / name, seed)
        for seed, name in enumerate(("first.step-5", "second"))
    }


@pytest.fixture
def adapted(organism: Organism, adapter_folders: dict[str, Path]) -> Organism:
    """The tiny Olmo2 with both adapters."""
    for name, path in adapter_folders.items():
        organism.add_adapter(name, path)
    return organism
