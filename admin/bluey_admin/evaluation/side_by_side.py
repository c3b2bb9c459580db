"""The same work on many things, several at a time."""

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def side_by_side(
    work: Callable[[T], R], things: Iterable[T], at_once: int, done: Callable[[R], None]
) -> list[R]:
    """The results in the order of `things`; `done` hears of each as it comes, in this thread.

    The first exception stops what hasn't begun, and is raised when what had begun is over: `done`
    hears of that too, so that nothing which was paid for is lost.
    """
    told: set[Future[R]] = set()

    def tell(future: Future[R]) -> None:
        result = future.result()
        told.add(future)
        done(result)

    with ThreadPoolExecutor(at_once) as pool:
        futures = [pool.submit(work, thing) for thing in things]
        try:
            for future in as_completed(futures):
                tell(future)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            for future in futures:
                if future not in told and not future.cancelled() and not future.exception():
                    tell(future)
            raise
    return [future.result() for future in futures]
