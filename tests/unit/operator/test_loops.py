"""Every pass that runs has a thread for its store."""

import asyncio
import threading

from fedtrain_operator.kube.loops import AT_ONCE, give_every_pass_a_thread


def test_all_passes_may_wait_for_a_hanging_store_at_once() -> None:
    async def wait_for_each_other() -> None:
        give_every_pass_a_thread()
        together = threading.Barrier(AT_ONCE)
        await asyncio.gather(*(asyncio.to_thread(together.wait, 300) for _ in range(AT_ONCE)))

    asyncio.run(wait_for_each_other())
