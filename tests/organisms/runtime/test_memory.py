"""Budgets follow from free memory and from what a token takes."""

import pytest
import torch

from organisms.runtime import memory
from organisms.runtime.memory import TokenBudget, budget_of, free_bytes, is_out_of_memory
from tests.organisms.runtime.tiny_models import make_model


def test_a_token_takes_its_keys_and_values_in_every_layer():
    # 3 layers of 2 key-value heads of size 8, keys and values, 4 bytes each.
    assert memory.token_bytes(make_model()) == 3 * 2 * 2 * 8 * 4
    assert memory.token_bytes(make_model("mistral").bfloat16()) == 3 * 2 * 2 * 8 * 2


@pytest.mark.parametrize(("free", "tokens"), [(4 * 384 * 1000, 512), (4 * 384 * 1030, 1024)])
def test_the_budget_is_a_power_of_two_of_what_fits(monkeypatch, free, tokens):
    monkeypatch.setattr(memory, "free_bytes", lambda device: free)
    assert budget_of(make_model(), 384).tokens == tokens


def test_the_budget_of_a_small_model_does_not_depend_on_free_memory(monkeypatch):
    for free in (2**33, 2**36):
        monkeypatch.setattr(memory, "free_bytes", lambda device, free=free: free)
        assert budget_of(make_model(), 384).tokens == 65_536


def test_a_containers_limit_counts(monkeypatch, tmp_path):
    (tmp_path / "memory.max").write_text("3000000\n")
    (tmp_path / "memory.current").write_text("1000000\n")
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    assert free_bytes(torch.device("cpu")) == 2_000_000
    (tmp_path / "memory.max").write_text("max\n")
    assert free_bytes(torch.device("cpu")) > 2_000_000


def test_rows_pay_for_their_columns_and_their_logits_and_one_always_fits():
    budget = TokenBudget(1000, row_tokens=50)
    assert budget.rows(50) == 10
    assert budget.rows(5000) == 1
    budget.halve(rows=8, columns=50)
    assert budget.rows(50) == 4


def test_only_a_failed_allocation_is_one():
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory"))
    assert not is_out_of_memory(RuntimeError("shapes do not match"))
    assert not is_out_of_memory(ValueError("out of memory"))
