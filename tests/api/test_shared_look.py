"""Looks that are shared: few for many questions, and never older than the question."""

from __future__ import annotations

import asyncio
import threading

import pytest

from songbloom_x2.api.shared_look import SharedLook


def test_many_questions_share_a_look_that_began_after_them() -> None:
    truth, looks, hold, begun = ["old"], [], threading.Event(), threading.Event()

    def look(text: str) -> tuple[str, str]:
        looks.append(text)
        seen = truth[0]
        begun.set()
        hold.wait(300)
        return text, seen

    async def ask() -> None:
        shared = SharedLook(look)
        first = asyncio.create_task(shared("a"))
        await asyncio.to_thread(begun.wait, 300)
        # The first look has seen the old state already: who asks now must not be told of that.
        truth[0] = "new"
        later = [asyncio.create_task(shared("a")) for _ in range(50)]
        other = asyncio.create_task(shared("b"))
        await asyncio.sleep(0.05)
        later.pop().cancel()
        hold.set()
        assert await first == ("a", "old")
        assert set(await asyncio.gather(*later)) == {("a", "new")}
        assert await other == ("b", "new")
        assert sorted(looks) == ["a", "a", "b"]
        assert await shared("a") == ("a", "new") and len(looks) == 4

    asyncio.run(ask())


def test_what_goes_wrong_is_told_to_all_of_them_and_forgotten() -> None:
    answers = [ValueError("away"), "there"]

    def look(_: str) -> str:
        answer = answers.pop(0)
        if isinstance(answer, ValueError):
            raise answer
        return answer

    async def ask() -> None:
        shared = SharedLook(look)
        told = await asyncio.gather(shared(""), shared(""), return_exceptions=True)
        assert [str(error) for error in told] == ["away", "away"]
        assert await shared("") == "there"

    asyncio.run(ask())


def test_a_question_that_is_given_up_does_not_end_the_look() -> None:
    hold = threading.Event()

    async def ask() -> None:
        shared = SharedLook(lambda text: hold.wait(300) and text)
        left, stays = asyncio.create_task(shared("x")), asyncio.create_task(shared("x"))
        await asyncio.sleep(0.02)
        left.cancel()
        hold.set()
        assert await stays == "x"
        with pytest.raises(asyncio.CancelledError):
            await left

    asyncio.run(ask())
