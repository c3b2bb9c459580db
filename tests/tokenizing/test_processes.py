"""Tokenizers in processes of their own: shared, let go, killed, broken."""

import asyncio
import os
import shutil
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from bluey_adapters.bases import Base, OpenBase, open_base
from bluey_adapters.errors import BaseError
from bluey_adapters.home import Home
from bluey_adapters.tokenizer import Tokenizer
from bluey_data.catalog import embedded_model
from bluey_server.child_watch import WatchLimits
from bluey_server.tokenizer_processes import TokenizerProcesses
from bluey_server.tokenizer_protocol import UnencodableText

TINY = embedded_model("tiny-it")
TOKENIZER = Tokenizer.load(TINY)
TEXT = "<start_of_turn>user\nG'day 🐶!<end_of_turn>"
IDS = TOKENIZER.encode(TEXT, special=False)

Scenario = Callable[[TokenizerProcesses], Awaitable[None]]
Run = Callable[..., None]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a scenario, and sees that no process is left behind."""

    def run(scenario: Scenario, **options: Any) -> None:
        async def whole() -> None:
            tokenizers = TokenizerProcesses(Home(tmp_path / "home"), **options)
            try:
                await asyncio.wait_for(scenario(tokenizers), 60)
            finally:
                await tokenizers.close()

        asyncio.run(whole())
        assert not [
            one for one in psutil.Process().children() if "tokenizing" in str(one.cmdline())
        ]

    return run


async def opened(tokenizers: TokenizerProcesses, folder: Path = TINY) -> OpenBase:
    vocabulary = await tokenizers.vocabulary(folder)
    return open_base(Base(name="b", source=f"path:{folder}"), "f" * 64, vocabulary)


def another(folder: Path, number: int) -> Path:
    """A folder whose tokenizer.json is the same to all but its digest."""
    shutil.copytree(TINY, folder)
    with (folder / "tokenizer.json").open("a") as file:
        file.write(" " * number)
    return folder


def test_the_ids_and_the_vocabulary_are_the_tokenizers(run: Run) -> None:
    async def scenario(tokenizers: TokenizerProcesses) -> None:
        base = await opened(tokenizers)
        assert base.vocabulary == TOKENIZER.vocabulary()
        encoded = await tokenizers.encode(base, TEXT, borders=[0, 15, len(TEXT)])
        assert (encoded.ids, encoded.borders) == (IDS, [0, 1, len(IDS)])
        texts = [f"{number} {TEXT}" for number in range(50)]
        many = await asyncio.gather(*(tokenizers.encode(base, text) for text in texts))
        assert [one.ids for one in many] == [TOKENIZER.encode(t, special=False) for t in texts]
        whole = await tokenizers.encode(base, "One", special=True, starts=True)
        assert (whole.ids, whole.starts) == (TOKENIZER.encode("One"), [0] * len(whole.ids))

    run(scenario)


def test_bases_with_one_tokenizer_share_its_process(run: Run, tmp_path: Path) -> None:
    async def scenario(tokenizers: TokenizerProcesses) -> None:
        first = await opened(tokenizers)
        second = await opened(tokenizers, Path(shutil.copytree(TINY, tmp_path / "second")))
        assert first.vocabulary is second.vocabulary
        await asyncio.gather(*(tokenizers.encode(base, TEXT) for base in (first, second)))
        (status,) = tokenizers.status()
        assert status.tokenizer == first.vocabulary.digest
        assert status.pid != os.getpid()

    run(scenario)


def test_a_kept_vocabulary_needs_no_process(run: Run) -> None:
    async def first(tokenizers: TokenizerProcesses) -> None:
        await opened(tokenizers)
        assert len(tokenizers.status()) == 1

    async def second(tokenizers: TokenizerProcesses) -> None:
        base = await opened(tokenizers)
        assert tokenizers.status() == []
        assert base.vocabulary == TOKENIZER.vocabulary()
        assert (await tokenizers.encode(base, TEXT)).ids == IDS

    run(first)
    run(second)


def test_a_preloaded_one_is_there_before_the_first_text(run: Run) -> None:
    async def kept(tokenizers: TokenizerProcesses) -> None:
        await opened(tokenizers)

    async def scenario(tokenizers: TokenizerProcesses) -> None:
        base = await opened(tokenizers)
        assert tokenizers.status() == []
        await tokenizers.preload(base)
        (status,) = tokenizers.status()
        assert status.pid is not None
        assert (await tokenizers.encode(base, TEXT)).ids == IDS
        assert tokenizers.status() == [status]

    run(kept)
    run(scenario)


def test_a_killed_process_is_followed_by_another(run: Run) -> None:
    async def scenario(tokenizers: TokenizerProcesses) -> None:
        base = await opened(tokenizers)
        (status,) = tokenizers.status()
        assert status.pid is not None
        os.kill(status.pid, signal.SIGSTOP)  # so that the text is still there when it dies
        asked = asyncio.create_task(tokenizers.encode(base, TEXT))
        await asyncio.sleep(0.05)
        os.kill(status.pid, signal.SIGKILL)
        assert (await asked).ids == IDS
        (after,) = tokenizers.status()
        assert after.pid not in (None, status.pid)

    run(scenario)


def test_a_hung_process_is_ended_and_followed_by_another(run: Run) -> None:
    async def scenario(tokenizers: TokenizerProcesses) -> None:
        base = await opened(tokenizers)
        (status,) = tokenizers.status()
        assert status.pid is not None
        os.kill(status.pid, signal.SIGSTOP)
        assert (await tokenizers.encode(base, TEXT)).ids == IDS
        (after,) = tokenizers.status()
        assert after.pid != status.pid

    run(scenario, limits=WatchLimits(every=0.05, silence=0.4, loading=20))


def test_whoever_hangs_up_leaves_the_others_their_answer(run: Run) -> None:
    async def scenario(tokenizers: TokenizerProcesses) -> None:
        asked = [asyncio.create_task(opened(tokenizers)) for _ in range(3)]
        await asyncio.sleep(0)
        asked[0].cancel()
        bases = await asyncio.gather(*asked[1:])
        assert len(tokenizers.status()) == 1
        texts = [asyncio.create_task(tokenizers.encode(bases[0], TEXT)) for _ in range(3)]
        await asyncio.sleep(0)
        texts[0].cancel()
        assert [one.ids for one in await asyncio.gather(*texts[1:])] == [IDS, IDS]

    run(scenario)


def test_unused_ones_are_let_go(run: Run, tmp_path: Path) -> None:
    async def scenario(tokenizers: TokenizerProcesses) -> None:
        folders = [another(tmp_path / str(number), number) for number in range(3)]
        bases = [await opened(tokenizers, folder) for folder in folders]
        for base in bases:
            assert (await tokenizers.encode(base, TEXT)).ids == IDS
        while len(tokenizers.status()) > 1:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        (kept,) = tokenizers.status()
        assert kept.tokenizer == bases[-1].vocabulary.digest, "the one used last"
        assert (await tokenizers.encode(bases[0], TEXT)).ids == IDS

    run(scenario, most=1)


def test_one_that_nobody_uses_is_let_go(run: Run) -> None:
    async def scenario(tokenizers: TokenizerProcesses) -> None:
        base = await opened(tokenizers)
        while tokenizers.status():  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        assert (await tokenizers.encode(base, TEXT)).ids == IDS

    run(scenario, idle=0.3)


def test_a_broken_tokenizer_is_one_clear_error_and_mending_it_helps(
    run: Run, tmp_path: Path
) -> None:
    folder = another(tmp_path / "broken", 0)
    whole = (folder / "tokenizer.json").read_bytes()

    async def scenario(tokenizers: TokenizerProcesses) -> None:
        (folder / "tokenizer.json").write_text("{}")
        for _ in range(2):
            with pytest.raises(BaseError, match=r"tokenizer\.json can't be read"):
                await opened(tokenizers, folder)
        (folder / "tokenizer.json").write_bytes(whole)
        assert (await tokenizers.encode(await opened(tokenizers, folder), TEXT)).ids == IDS
        (folder / "tokenizer.json").unlink()
        with pytest.raises(BaseError, match=r"no tokenizer\.json"):
            await opened(tokenizers, folder)

    run(scenario)


def test_a_home_that_cannot_keep_it_serves_all_the_same(run: Run, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "cache").write_text("a file where a folder should be")

    async def scenario(tokenizers: TokenizerProcesses) -> None:
        base = await opened(tokenizers)
        assert base.vocabulary == TOKENIZER.vocabulary()
        assert (await tokenizers.encode(base, TEXT)).ids == IDS

    run(scenario)


def test_half_a_surrogate_pair_fails_alone(run: Run) -> None:
    async def scenario(tokenizers: TokenizerProcesses) -> None:
        base = await opened(tokenizers)
        with pytest.raises(UnencodableText):
            await tokenizers.encode(base, "Hi \ud83d")
        assert (await tokenizers.encode(base, TEXT)).ids == IDS

    run(scenario)
