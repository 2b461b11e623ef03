"""Adapters that PEFT itself runs over a base: one for all rows of a batch, and off otherwise.

PEFT puts its layers into the base's modules; whatever happens, the base answers as before.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import nn
from transformers import PreTrainedModel

from organisms.runtime.adapters import AdapterFolder

if TYPE_CHECKING:
    from peft import PeftModel

_CHANGES_THE_BASE = ("pissa", "olora", "corda", "loftq", "lora_ga", "mica")
"""Beginnings of the initialisations by which PEFT takes a part out of the base's own weights."""


class PeftAdapters:
    """The adapters of PEFT's own kinds over one base, by a name that PEFT can take."""

    def __init__(self, model: PreTrainedModel, base: str) -> None:
        """Start with no adapters over ``model``, which was loaded from ``base``."""
        self._model = model
        self._base = base
        self._peft_model: PeftModel | None = None

    def load(self, folder: AdapterFolder, name: str) -> None:
        """Load an adapter under a name without dots, and leave it off.

        Raises:
            ValueError: It cannot be loaded, or would change the base's own weights. The base is as
                it was.
        """
        _check_initialisation(folder)
        try:
            self._load(folder, name)
        except BaseException as error:
            self._undo(name)
            if not isinstance(error, Exception):
                raise
            said = " ".join(line.strip() for line in str(error).split("\n")[:2])
            raise ValueError(
                f"adapter {str(folder.path)!r} cannot be loaded over {self._base!r}: {said}"
            ) from error

    def remove(self, name: str) -> None:
        """Unload an adapter."""
        assert self._peft_model is not None
        self._peft_model.base_model.delete_adapter(name)

    def active(self, name: str) -> "WholeBatch":
        """Return an adapter as that of all rows of a batch."""
        assert self._peft_model is not None
        return WholeBatch(self._peft_model, name)

    def _load(self, folder: AdapterFolder, name: str) -> None:
        from peft import PeftModel

        if self._peft_model is None:
            loaded = PeftModel.from_pretrained(
                self._model,
                str(folder.path),
                adapter_name=name,
                autocast_adapter_dtype=False,
                use_safetensors=True,
            )
        else:
            loaded = self._peft_model
            loaded.load_adapter(str(folder.path), adapter_name=name, autocast_adapter_dtype=False)
        loaded.eval()
        loaded.requires_grad_(False)
        loaded.base_model.disable_adapter_layers()
        self._peft_model = loaded

    def _undo(self, name: str) -> None:
        """Take what a failed loading has left out of the base's modules."""
        if self._peft_model is None:
            _take_out(self._model)
            return
        if name in self._peft_model.peft_config:
            self._peft_model.base_model.delete_adapter(name)
        self._peft_model.base_model.disable_adapter_layers()


class WholeBatch:
    """One adapter of PEFT's for all rows."""

    def __init__(self, peft_model: "PeftModel", name: str) -> None:
        """Keep what is switched on."""
        self._peft_model = peft_model
        self._name = name

    def select(self, rows: torch.Tensor) -> None:
        """Nothing differs between rows."""

    @contextmanager
    def attached(self, model: nn.Module) -> Iterator[None]:
        """Switch the adapter on within the block."""
        tuner = self._peft_model.base_model
        # Switching on goes through all modules: an interrupt there has to switch off, too.
        try:
            self._peft_model.set_adapter(self._name, inference_mode=True)
            tuner.enable_adapter_layers()
            yield
        finally:
            tuner.disable_adapter_layers()
            self._peft_model.requires_grad_(False)


def _check_initialisation(folder: AdapterFolder) -> None:
    way = folder.config.get("init_lora_weights")
    if isinstance(way, str) and way.lower().startswith(_CHANGES_THE_BASE):
        raise ValueError(
            f"adapter {str(folder.path)!r} has init_lora_weights {way!r}, which takes a part out "
            "of the base's own weights, so that the base would not be itself beside it; save it as "
            "a plain LoRA (PEFT: path_initial_model_for_weight_conversion), or merge it and load "
            "the full model"
        )


def _take_out(model: nn.Module) -> None:
    """Put the base's modules back where PEFT's stand, which may hold others of PEFT's."""
    from peft.tuners.tuners_utils import BaseTunerLayer
    from peft.utils.other import AuxiliaryTrainingWrapper

    for name, module in list(model.named_children()):
        while isinstance(module, BaseTunerLayer | AuxiliaryTrainingWrapper):
            inside = isinstance(module, BaseTunerLayer)
            module = module.get_base_layer() if inside else module.original_module
            setattr(model, name, module)
        _take_out(module)
    if hasattr(model, "peft_config"):
        del model.peft_config
