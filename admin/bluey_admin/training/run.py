"""One run of one claimed job, from its request to a published version.

Imports MLX: call `prepare_mlx` first.
"""

import math
import time
from statistics import fmean
from typing import Any

import msgspec

from bluey_adapters.bases import OpenBase
from bluey_adapters.catalog import AdapterVersion
from bluey_adapters.errors import Conflict, StoreError
from bluey_adapters.home import Home
from bluey_adapters.jobs import Job
from bluey_adapters.registry import Registry
from bluey_adapters.store import AdapterCard
from bluey_admin.training.checkpoints import Checkpoints
from bluey_admin.training.loop import HeldOut, Step, Trainer
from bluey_admin.training.material import Material, read_material
from bluey_admin.training.model import LoraModel, load_base
from bluey_admin.training.stopping import StopRequested, StopSign
from bluey_admin.training.verdict import Verdict, compare
from bluey_admin.training.watch import TrainingError


class Run:
    """What a job goes through: read, train, judge, publish."""

    def __init__(self, home: Home, registry: Registry, job: Job, stop: StopSign) -> None:
        self._registry = registry
        self._job = job
        self._stop = stop
        self._folder = home.job(job.id)
        self._started = time.monotonic()

    def go(self) -> AdapterVersion:
        """Do it all. Raises StopRequested, or whatever makes the job fail."""
        base = self._registry.open_base(self._job.request.base)
        material = self._read_material(base)
        card = AdapterCard(
            base_fingerprint=base.fingerprint,
            base=base.base.name,
            chat_template=base.require_template(),
        )
        settings = self._job.request.hyperparameters
        model = LoraModel(load_base(base), settings)
        staged = self._folder / "adapter"
        with Trainer(model, settings, material.train) as trainer:
            self._note(
                f"Fine-tuning job started: epochs {settings.epochs}, steps {trainer.total_steps}",
                total_steps=trainer.total_steps,
            )
            metrics, held_out = self._train(trainer, material, Checkpoints(self._folder, card))
            model.save(staged, card)
            rival, verdict = self._judge(trainer, material, base, held_out)
        self._require_ours()
        digest = self._registry.store.publish(staged)
        version = self._publish(digest, base, material, metrics, verdict)
        if verdict is not None and rival is not None:
            self._report(version, rival, verdict)
        if not self._registry.jobs.succeed(self._job.id, version.version):
            raise Conflict(f"the job was taken away while {version.pinned} was being published")
        return version

    def _read_material(self, base: OpenBase) -> Material:
        request = self._job.request
        self._note(f"Validating training file: {request.data}")
        # It was checked before the job was made; but that may have been a long queue ago.
        material = read_material(base, request.data, request.hyperparameters)
        self._note(
            f"Files validated: {len(material.train)} examples to train on, "
            f"{len(material.valid)} held out"
        )
        return material

    def _train(
        self, trainer: Trainer, material: Material, checkpoints: Checkpoints
    ) -> tuple[dict[str, Any], HeldOut | None]:
        held_out = first = self._measure(trainer, material)
        if first is not None:
            self._registry.jobs.measure(
                self._job.id,
                f"Step 0/{trainer.total_steps}: validation loss={first.loss:.2f}",
                step=0,
                total_steps=trainer.total_steps,
                valid_loss=first.loss,
            )
        steps: list[Step] = []
        for step in trainer.run():
            steps.append(step)
            if step.ends_epoch:
                held_out = self._measure(trainer, material)
            self._record(step, held_out if step.ends_epoch else None)
            stopping = self._stop.is_set
            if step.ends_epoch or stopping:
                valid_loss = held_out.loss if held_out is not None and step.ends_epoch else None
                kept = checkpoints.save(trainer, step, valid_loss)
                self._note(f"Checkpoint created at step {step.step}", folder=str(kept))
            if stopping:
                raise StopRequested
        return _figures(steps, first, held_out), held_out

    def _measure(self, trainer: Trainer, material: Material) -> HeldOut | None:
        if not material.valid:
            return None
        held_out = trainer.measure(material.valid)
        if not math.isfinite(held_out.loss):
            raise TrainingError(f"training stopped: the held-out loss is {held_out.loss}")
        return held_out

    def _record(self, step: Step, held_out: HeldOut | None) -> None:
        message = f"Step {step.step}/{step.total_steps}: training loss={step.train_loss:.2f}"
        figures: dict[str, Any] = {
            "step": step.step,
            "total_steps": step.total_steps,
            "epoch": step.epoch,
            "train_loss": step.train_loss,
            "learning_rate": step.learning_rate,
            "tokens_per_second": step.tokens_per_second,
            "trained_tokens": step.trained_tokens,
            "seconds": step.seconds,
            "peak_memory_bytes": step.peak_memory_bytes,
        }
        if held_out is not None:
            message += f", validation loss={held_out.loss:.2f}"
            figures["valid_loss"] = held_out.loss
        self._registry.jobs.measure(self._job.id, message, **figures)

    def _judge(
        self, trainer: Trainer, material: Material, base: OpenBase, held_out: HeldOut | None
    ) -> tuple[AdapterVersion | None, Verdict | None]:
        """How the new version compares with the current one; None where it need not or can't be.

        The current version is measured on today's rows by putting it on the very same model.
        """
        request = self._job.request
        rival = self._registry.catalog().find_adapter(request.adapter)
        if request.promote != "if-better" or rival is None or held_out is None:
            return None, None
        if rival.base_fingerprint != base.fingerprint:
            return None, None
        try:
            trainer.model.become(self._registry.store.fetch(rival.digest))
        except (StoreError, ValueError) as error:
            self._note(f"Not compared with {rival.pinned}: {error}", level="warn")
            return None, None
        return rival, compare(held_out.rows, trainer.measure(material.valid).rows)

    def _require_ours(self) -> None:
        self._stop.check()
        if self._registry.jobs.heartbeat(self._job.id):
            raise StopRequested  # cancelled; or taken for dead while the machine slept

    def _publish(
        self,
        digest: str,
        base: OpenBase,
        material: Material,
        metrics: dict[str, Any],
        verdict: Verdict | None,
    ) -> AdapterVersion:
        request = self._job.request
        clearly_worse = verdict is not None and verdict.clearly_worse
        version = self._registry.adapters.publish(
            request.adapter,
            digest=digest,
            base=request.base,
            base_fingerprint=base.fingerprint,
            dataset_digest=material.digest,
            hyperparameters=msgspec.to_builtins(request.hyperparameters),
            metrics={**metrics, "seconds": round(time.monotonic() - self._started, 3)},
            job_id=self._job.id,
            promote=request.promote != "never" and not clearly_worse,
        )
        self._note(f"New fine-tuned model created: {version.pinned}", digest=digest)
        return version

    def _report(self, version: AdapterVersion, rival: AdapterVersion, verdict: Verdict) -> None:
        if verdict.clearly_worse:
            self._note(
                f"{version.pinned} is not promoted, because it is clearly worse than "
                f"{rival.pinned}: {verdict}; `bluey-admin adapters promote {version.pinned}` "
                "promotes it all the same",
                level="warn",
            )
        else:
            self._note(f"Compared with {rival.pinned}: {verdict}")

    def _note(self, message: str, *, level: str = "info", **data: object) -> None:
        self._registry.jobs.note(self._job.id, message, level=level, **data)


def _figures(steps: list[Step], first: HeldOut | None, last: HeldOut | None) -> dict[str, Any]:
    """What a version's record says of its training. Single steps are noisy, so the training loss
    is a mean over a few at either end."""
    few = max(1, min(10, len(steps) // 10))
    return {
        "train_loss_first": fmean(step.train_loss for step in steps[:few]),
        "train_loss_last": fmean(step.train_loss for step in steps[-few:]),
        "valid_loss_first": None if first is None else first.loss,
        "valid_loss_last": None if last is None else last.loss,
        "steps": len(steps),
        "trained_tokens": steps[-1].trained_tokens,
        "tokens_per_second": steps[-1].trained_tokens / sum(step.seconds for step in steps),
        "peak_memory_bytes": steps[-1].peak_memory_bytes,
    }
