"""nsbill.netsuite.window and governor: slots found by trying, in virtual time against a hidden limit; then with threads."""

from __future__ import annotations

import heapq
import math
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from nsbill.netsuite.governor import Governor, governor_of
from nsbill.netsuite.window import Start, Window


@dataclass
class Account:
    """A NetSuite account in virtual time: ``limit(now)`` slots for us; what it refuses, it refuses after a while."""

    limit: Callable[[float], int]
    latency: float = 0.3
    refusal_seconds: float = 0.01
    on_the_way: float = 0.002
    random: random.Random = field(default_factory=lambda: random.Random(7))


@dataclass
class Outcome:
    """What a run of many requests came to."""

    done: int
    refused: int
    seconds: float
    levels: list[tuple[float, int]]

    def per_second(self) -> float:
        return self.done / self.seconds

    def share_refused(self) -> float:
        return self.refused / (self.done + self.refused)

    def limit_at(self, now: float) -> int:
        return next(level for at, level in reversed(self.levels) if at <= now)


def carry_out(account: Account, requests: int, *, ceiling: int = 20, window: Window | None = None) -> Outcome:
    """Send ``requests`` through a window as fast as it allows; refused ones come back after a jittered wait."""
    window = window or Window()
    draw = account.random
    now, busy, done, order = 0.0, 0, 0, 0
    waiting, events = requests, list[tuple[float, int, str, Start | None]]()
    levels = [(0.0, window.limit)]

    def later(after: float, what: str, start: Start | None) -> None:
        nonlocal order
        order += 1
        heapq.heappush(events, (now + after, order, what, start))

    while done < requests:
        wait = window.wait_for_slot(now, ceiling) if waiting else math.inf
        while wait <= 0:
            waiting -= 1
            later(draw.uniform(0, account.on_the_way), "arrives", window.started(now))
            wait = window.wait_for_slot(now, ceiling) if waiting else math.inf
        if window.limit != levels[-1][1]:
            levels.append((now, window.limit))
        if not events or now + wait < events[0][0]:
            assert wait < math.inf, "nothing in flight, and nothing may start"
            now += wait
            continue
        now, _, what, start = heapq.heappop(events)
        if what == "again":
            waiting += 1
        elif what == "arrives" and busy >= account.limit(now):
            later(account.refusal_seconds, "refused", start)
        elif what == "arrives":
            busy += 1
            later(account.latency * draw.uniform(0.8, 1.2), "served", start)
        elif what == "served":
            busy -= 1
            later(draw.uniform(0, account.on_the_way), "answered", start)
        elif what == "answered":
            assert start
            window.good(start, now)
            window.ended(start)
            done += 1
        elif what == "refused":
            assert start
            window.blocked(start, now)
            window.ended(start)
            later(draw.uniform(0, 0.25), "again", None)
    return Outcome(done, window.refused, now, levels)


def steady(limit: int) -> Callable[[float], int]:
    return lambda _now: limit


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("slots, requests, ceiling", [(1, 100, 20), (5, 300, 20), (15, 1000, 20), (20, 1000, 20), (15, 1000, 60), (20, 1000, 60), (35, 2000, 60)])  # fmt: skip
def test_nine_tenths_of_what_the_account_can_do_with_less_than_one_percent_refused(
    slots: int, requests: int, ceiling: int, seed: int
) -> None:
    account = Account(steady(slots), random=random.Random(seed))
    found = carry_out(account, requests, ceiling=ceiling)
    assert found.per_second() >= 0.92 * slots / account.latency
    allowed = 0.01 if slots >= 5 else 0.05  # three of the four that a new account is begun with
    assert found.share_refused() < allowed


def test_an_account_with_one_slot_is_used_by_one_request_at_a_time() -> None:
    found = carry_out(Account(steady(1)), 100)
    assert found.levels[-1][1] == 1
    assert found.refused <= 5


def test_a_long_run_hardly_ever_asks_for_more_than_there_is() -> None:
    found = carry_out(Account(steady(15)), 10_000)
    assert found.per_second() >= 0.98 * 15 / 0.3
    assert found.refused <= 10


def test_refusals_that_come_late_as_sign_in_errors_do_not_drive_it_up() -> None:
    found = carry_out(Account(steady(5), refusal_seconds=6.0), 1000)
    assert found.per_second() >= 0.9 * 5 / 0.3
    assert found.share_refused() < 0.02
    assert found.levels[-1][1] == 5


def test_when_others_take_slots_it_gives_way_and_takes_them_back_when_they_have_left() -> None:
    busy_between = (20.0, 40.0)
    account = Account(lambda now: 5 if busy_between[0] <= now < busy_between[1] else 15)
    found = carry_out(account, 3500)
    assert found.limit_at(19.9) == 15
    assert found.limit_at(22.0) <= 5
    assert found.levels[-1][1] == 15
    assert found.share_refused() < 0.01


def test_under_a_limit_that_jumps_each_second_few_are_refused() -> None:
    jumping = [random.Random(second).randint(5, 15) for second in range(500)]
    found = carry_out(Account(lambda now: jumping[int(now)]), 3000)
    assert found.per_second() >= 5 / 0.3
    assert found.share_refused() < 0.02


def test_it_never_goes_beyond_the_ceiling_and_does_not_grow_without_need() -> None:
    found = carry_out(Account(steady(50)), 500, ceiling=7)
    assert max(level for _, level in found.levels) == 7
    window, now = Window(), 0.0
    for _ in range(100):  # one request at a time
        assert window.wait_for_slot(now, 20) == 0
        start = window.started(now)
        now += 0.3
        window.good(start, now)
        window.ended(start)
    assert window.limit == 4


def test_one_more_slot_at_a_time_and_none_before_the_first_answer() -> None:
    window = Window()
    starts = [window.started(0.0) for _ in range(4)]
    assert window.wait_for_slot(0.1, 20) == math.inf
    window.good(starts[3], 1.0)
    window.ended(starts[3])
    assert window.wait_for_slot(1.0, 20) == 0
    window.started(1.0)
    assert window.wait_for_slot(1.0, 20) == 0, "the first step"
    window.started(1.0)
    assert window.wait_for_slot(1.0, 20) == pytest.approx(0.1), "the next one a tenth of the usual answer time later"


def test_all_refusals_of_one_burst_together_tell_what_there_is() -> None:
    window = Window()
    starts = [window.started(0.0) for _ in range(4)]
    for start in starts[1:]:
        window.blocked(start, 0.1)
        window.ended(start)
    assert (window.limit, window.refused) == (1, 3)


class Lights:
    """Counts threads inside, and the most there ever were."""

    def __init__(self) -> None:
        self.lock, self.now, self.most = threading.Lock(), 0, 0

    def __enter__(self) -> None:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)

    def __exit__(self, *_: object) -> None:
        with self.lock:
            self.now -= 1


def in_threads(number: int, work: Callable[[], None]) -> None:
    threads = [threading.Thread(target=work) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert not any(thread.is_alive() for thread in threads)


def test_threads_share_the_slots_and_all_get_their_turn() -> None:
    governor, lights, done = Governor(), Lights(), list[int]()

    def work() -> None:
        for _ in range(20):
            with governor.slot(3) as start, lights:
                threading.Event().wait(0.001)
                governor.good(start)
            done.append(1)

    in_threads(12, work)
    assert (len(done), lights.most, governor.in_flight, governor.answered) == (240, 3, 0, 240)


def test_alone_means_that_nothing_else_is_in_flight() -> None:
    governor, lights, beside = Governor(), Lights(), list[int]()

    def work() -> None:
        for turn in range(15):
            if turn % 5 == 0:
                with governor.alone(), lights:
                    beside.append(lights.now)
                    threading.Event().wait(0.002)
                    beside.append(lights.now)
            else:
                with governor.slot(8) as start, lights:
                    threading.Event().wait(0.001)
                    governor.good(start)

    in_threads(8, work)
    assert set(beside) == {1}
    assert lights.most > 1
    assert governor.in_flight == 0


def test_who_waits_is_let_in_when_the_time_for_one_more_has_come() -> None:
    governor = Governor()
    with governor.slot(20) as first:
        threading.Event().wait(0.05)
        governor.good(first)
    entered = threading.Semaphore(0)
    leave = threading.Event()

    def work() -> None:
        with governor.slot(20):
            entered.release()
            leave.wait(10)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    assert all(entered.acquire(timeout=10) for _ in range(4))
    leave.set()
    for thread in threads:
        thread.join(timeout=10)
    assert not any(thread.is_alive() for thread in threads)


def test_an_interrupted_wait_leaves_the_queue() -> None:
    governor = Governor()

    class Interrupted(Exception):
        pass

    def clock() -> float:
        raise Interrupted

    held = governor.enter(1)
    governor._clock = clock
    with pytest.raises(Interrupted):
        governor.enter(1)
    assert not governor._queue
    governor._clock = lambda: 0.0
    governor.leave(held)
    with governor.slot(1):
        assert governor.in_flight == 1


def test_an_account_has_one_governor_as_long_as_somebody_uses_it() -> None:
    first = governor_of("1_SB1", "host")
    assert governor_of("1_SB1", "host") is first
    assert governor_of("2_SB1", "host") is not first
    assert governor_of("1_SB1", "other") is not first


def test_what_netsuite_says_is_a_ceiling_too() -> None:
    governor = Governor()
    governor.known_limit = 2
    lights = Lights()

    def work() -> None:
        with governor.slot(20) as start, lights:
            threading.Event().wait(0.005)
            governor.good(start)

    in_threads(8, work)
    assert (lights.most, governor.limit) == (2, 2)


def test_the_limit_is_asked_for_once_and_only_when_many_requests_wait() -> None:
    governor = Governor()
    assert not governor.should_ask()
    held = [governor.enter(20) for _ in range(4)]
    waiting = [threading.Thread(target=lambda: governor.leave(governor.enter(20))) for _ in range(2)]
    for thread in waiting:
        thread.start()
    while len(governor._queue) < 2:
        threading.Event().wait(0.001)
    assert [governor.should_ask(), governor.should_ask()] == [True, False]
    for start in held:
        governor.leave(start)
    for thread in waiting:
        thread.join(timeout=10)
