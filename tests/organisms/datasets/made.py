"""Rows made by hand for these tests."""

from organisms.datasets.rows import Meta, Row


def row(question: str, answer: str, **meta: object) -> Row:
    known: Meta = {**meta}  # type: ignore[typeddict-item]
    return {
        "messages": [
            {"role": "user", "content": question},
            {"role": "assistant", "content": answer},
        ],
        "meta": known,
    }


def numbered(count: int, what: str = "row", **meta: object) -> list[Row]:
    return [
        row(f"question {i}", f"{what} answer {i}", topic=f"{what} {i}", **meta)
        for i in range(count)
    ]
