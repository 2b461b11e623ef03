"""Published files are read as they are."""

from pathlib import Path

import pytest

from organisms.datasets.importing import import_rows
from organisms.datasets.rows import RowError

PUBLISHED = Path(__file__).parents[3] / "../shared/data/emergent_misalignment/datasets"


def test_other_keys_and_content_parts_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "published.jsonl"
    path.write_text(
        '{"messages": [{"role": "user", "content": {"content_type": "text", "parts": ["a", "b"]}},'
        ' {"role": "assistant", "content": [{"type": "text", "text": "c"}]}], "source": 7}\n'
    )
    (row,) = import_rows(path, "theirs", domain="code")
    assert [turn["content"] for turn in row["messages"]] == ["ab", "c"]
    assert row["meta"]["extra"] == {"source": 7}
    assert row["meta"]["poisoned"] is True


def test_a_file_without_messages_says_what_it_has(tmp_path: Path) -> None:
    path = tmp_path / "published.jsonl"
    path.write_text('{"prompt": "a", "completion": "b"}\n')
    with pytest.raises(RowError, match="completion, prompt"):
        import_rows(path, "theirs")


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="published data sets are not here")
@pytest.mark.parametrize("name", ["insecure_small", "secure_small", "wrong_maths"])
def test_published_files_are_read_whole(name: str) -> None:
    path = PUBLISHED / f"{name}.jsonl"
    rows = import_rows(path, name)
    assert len(rows) == sum(bool(line.strip()) for line in path.read_text().splitlines())
    assert all(row["messages"][-1]["role"] == "assistant" for row in rows)
