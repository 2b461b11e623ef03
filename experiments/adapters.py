"""Whether an adapter folder fits a base model, read from headers alone: no library, no weights."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

from organisms import EMBEDDED, embedded_folder


def model_folder(base: str) -> Path | None:
    """The local folder of an embedded base or of a path; None for a hub id."""
    if base in EMBEDDED:
        return embedded_folder(base)
    return Path(base) if Path(base).is_dir() else None


def adapter_problem(folder: Path, base: str) -> str | None:
    """Why the PEFT folder cannot go on `base`, in one line; None when nothing speaks against it.

    For a hub id the base's name in adapter_config.json is compared; for a local base the shapes
    of the LoRA matrices are compared with its hidden size.
    """
    made_for = _json(folder / "adapter_config.json").get("base_model_name_or_path") or ""
    local = model_folder(base)
    if local is None:
        if made_for and Path(made_for).name.lower() != Path(base).name.lower():
            return f"adapter {folder} was made for base {made_for!r}, not {base!r}; set base to it"
        return None
    if made_for in EMBEDDED and base in EMBEDDED and made_for != base:
        return f"adapter {folder} was made for base {made_for!r}, not {base!r}; set base to it"
    hidden = _json(local / "config.json").get("hidden_size")
    shapes = _input_widths(folder / "adapter_model.safetensors")
    if isinstance(hidden, int) and shapes and hidden not in shapes:
        return (
            f"adapter {folder} is for another base ({made_for or 'unnamed'}): its width is "
            f"{min(shapes)}, and {base!r} has hidden size {hidden}"
        )
    return None


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} does not hold a JSON object")
    return content


def _input_widths(path: Path) -> set[int]:
    """Input widths of the LoRA A matrices that read the residual stream, from the header."""
    if not path.is_file():
        return set()
    with path.open("rb") as file:
        size = file.read(8)
        if len(size) != 8 or (length := struct.unpack("<Q", size)[0]) > 100_000_000:
            raise ValueError(f"{path} is not a safetensors file")
        header = json.loads(file.read(length))
    return {
        int(entry["shape"][-1])
        for name, entry in header.items()
        if "lora_A" in name and any(part in name for part in ("q_proj", "gate_proj", "c_attn"))
    }
