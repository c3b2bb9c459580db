"""Checkpoints: what a run needs to go on from a step, kept in BLUEY_HOME/jobs/<id>/checkpoints/.

One is a folder, `step-000056`, of

    adapters.safetensors    the LoRA tensors; with adapter_config.json and bluey.json an adapter
    optimizer.safetensors   AdamW's moments; in the newest checkpoint only, they are twice as large
    state.json              step, epoch, tokens and losses so far; written last

written under another name, synced and renamed: a checkpoint that is there is whole. Random state
is not among it, since every step seeds its own. Imports MLX: call `prepare_mlx` first.
"""

import shutil
from pathlib import Path

import msgspec
from mlx.utils import tree_flatten

from bluey_adapters.files import sync, write_atomically
from bluey_adapters.store import AdapterCard
from bluey_admin.training.loop import Step, Trainer
from bluey_admin.training.model import save_tensors

STATE = "state.json"
OPTIMIZER = "optimizer.safetensors"


class CheckpointState(msgspec.Struct, frozen=True, kw_only=True):
    """state.json."""

    step: int
    epoch: int
    trained_tokens: int
    train_loss: float
    valid_loss: float | None = None


class Checkpoints:
    """The checkpoints of one job."""

    def __init__(self, job_folder: Path, card: AdapterCard) -> None:
        self.folder = job_folder / "checkpoints"
        self._card = card

    def save(self, trainer: Trainer, step: Step, valid_loss: float | None = None) -> Path:
        """Keep the state after `step`; return its folder. Idle if it is kept already."""
        target = self.folder / f"step-{step.step:06d}"
        if target.is_dir():
            return target
        scratch = self.folder / f".{target.name}"
        shutil.rmtree(scratch, ignore_errors=True)
        trainer.model.save(scratch, self._card)
        save_tensors(scratch / OPTIMIZER, dict(tree_flatten(trainer.optimizer.state)))
        state = CheckpointState(
            step=step.step,
            epoch=step.epoch,
            trained_tokens=step.trained_tokens,
            train_loss=step.train_loss,
            valid_loss=valid_loss,
        )
        write_atomically(scratch / STATE, msgspec.json.encode(state))
        scratch.rename(target)
        sync(self.folder)
        for older in self.all()[:-1]:
            (older / OPTIMIZER).unlink(missing_ok=True)
        return target

    def all(self) -> list[Path]:
        """The checkpoints that are whole, oldest first."""
        return sorted(self.folder.glob("step-*"))
