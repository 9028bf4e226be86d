"""Passes wait for stores in threads, and none for the thread of another."""

import asyncio
import threading

from fedtrain_operator.kube.loops import AT_ONCE, a_thread_for_every_pass


def test_all_passes_that_run_at_once_may_wait_for_a_store_that_hangs() -> None:
    async def wait_for_each_other() -> None:
        a_thread_for_every_pass()
        together = threading.Barrier(AT_ONCE)
        await asyncio.gather(*(asyncio.to_thread(together.wait, 30) for _ in range(AT_ONCE)))

    asyncio.run(wait_for_each_other())
