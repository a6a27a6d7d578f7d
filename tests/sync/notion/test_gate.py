import random
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from math import ceil

import pytest

from schemas.errors import GaveUp
from sync.notion import gate as gate_module
from sync.notion.gate import Gate, Limited, MachineClock, Turn
from tests.sync.notion.virtual_time import (
    CONNECTION,
    FixedWindow,
    RollingWindow,
    Service,
    VirtualClock,
    Window,
)

N_ROWS = 10_000
FOR_EVER = 1e9


def floor_s(n: int, budget: int) -> float:
    """The least time in which windows of 60 s let n requests through, each budget spent at once."""
    return (ceil(n / budget) - 1) * 60.0


def gate_of(clock: VirtualClock, limit: int | None = None) -> Gate:
    return Gate(clock, limit=limit, chance=random.Random(7))


def refuse(gate: Gate, clock: VirtualClock, wait_s: float | None, reason: str = "") -> None:
    with gate.turn(FOR_EVER) as turn:
        turn.is_answered = True
        turn.limited = Limited(wait_s, reason, "429 rate_limited: slow down")


def take(gate: Gate, deadline_s: float = FOR_EVER) -> None:
    with gate.turn(deadline_s) as turn:
        turn.is_answered = True


@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize(
    ("window", "budget", "most_refusals"),
    [
        pytest.param(FixedWindow(180), 180, 1, id="180 fixed"),
        pytest.param(RollingWindow(180), 180, 1, id="180 rolling"),
        pytest.param(FixedWindow(600), 600, 0, id="600 fixed"),
        pytest.param(RollingWindow(600), 600, 0, id="600 rolling"),
    ],
)
def test_ten_thousand_requests_take_hardly_longer_than_the_windows_allow(
    window: Window, budget: int, most_refusals: int, n_threads: int
) -> None:
    clock = VirtualClock()
    service = Service(clock, type(window)(budget))  # a new one: parameters are shared between tests
    gate = gate_of(clock)
    service.ask_all(gate, N_ROWS, n_threads=n_threads)
    assert len(service.taken) == N_ROWS
    assert clock.monotonic() <= 1.05 * floor_s(N_ROWS, budget)
    assert len(service.refusals) <= most_refusals
    assert not service.started_in_a_pause()
    assert gate.limit == budget


@pytest.mark.parametrize("phase_s", [0.0, 1.0, 5.0, 12.5, 30.0, 47.0, 59.9])
@pytest.mark.parametrize("n_threads", [1, 3])
def test_windows_that_begin_among_the_first_requests_cost_one_refusal_a_worker(
    phase_s: float, n_threads: int
) -> None:
    clock = VirtualClock()
    service = Service(clock, FixedWindow(180, phase_s))
    gate = gate_of(clock)
    service.ask_all(gate, 2000, n_threads=n_threads)
    assert 1 <= len(service.refusals) <= n_threads
    assert clock.monotonic() <= 1.05 * floor_s(2000, 180)
    assert not service.started_in_a_pause()
    assert gate.limit == 180


def enters_while(gate: Gate, turn: AbstractContextManager[Turn]) -> bool:
    """Whether another thread gets a turn during this one. It gets one afterwards in any case."""
    entered = threading.Event()

    def enter() -> None:
        take(gate)
        entered.set()

    with turn as first:
        first.is_answered = True
        other = threading.Thread(target=enter)
        other.start()
        at_once = entered.wait(0.1)
    other.join(5)
    assert entered.is_set()
    return at_once


def test_the_probe_goes_alone() -> None:
    gate = gate_of(VirtualClock())
    assert enters_while(gate, gate.turn(FOR_EVER))
    for _ in range(178):
        take(gate)
    assert not enters_while(gate, gate.turn(FOR_EVER))
    assert gate.limit == 600


def test_a_probe_waits_for_the_requests_in_flight() -> None:
    gate = gate_of(VirtualClock())
    for _ in range(179):
        take(gate)
    assert not enters_while(gate, gate.turn(FOR_EVER))
    assert gate.limit == 600


def test_nobody_sleeps_while_a_request_is_in_flight() -> None:
    clock = VirtualClock()
    gate = gate_of(clock)

    @contextmanager
    def slow_one() -> Iterator[Turn]:
        with gate.turn(FOR_EVER) as turn:
            refuse(gate, clock, 30)
            yield turn
            assert not clock.slept

    assert not enters_while(gate, slow_one())
    assert clock.slept == [30]


def test_a_remembered_budget_of_600_is_spent_at_once() -> None:
    clock = VirtualClock()
    service = Service(clock, FixedWindow(600), latency_s=0.01)
    service.ask_all(gate_of(clock, 600), 600)
    assert clock.monotonic() < 7
    assert not service.refusals


def test_a_remembered_budget_of_180_is_not_probed_in_a_short_run() -> None:
    clock = VirtualClock()
    service = Service(clock, FixedWindow(180))
    service.ask_all(gate_of(clock, 180), 540)
    assert not service.refusals


def test_a_remembered_budget_of_180_is_doubted_after_long_waiting() -> None:
    clock = VirtualClock()
    service = Service(clock, FixedWindow(600))
    gate = gate_of(clock, 180)
    service.ask_all(gate, 3000)
    assert gate.limit == 600
    assert not service.refusals


def test_a_budget_that_shrank_is_learned_at_the_price_of_one_refusal() -> None:
    clock = VirtualClock()
    service = Service(clock, FixedWindow(180))
    gate = gate_of(clock, 600)
    service.ask_all(gate, 2000)
    assert gate.limit == 180
    assert len(service.refusals) == 1


def test_a_refusal_for_the_whole_workspace_teaches_nothing_about_our_budget() -> None:
    clock = VirtualClock()
    gate = gate_of(clock, 600)
    for _ in range(300):
        take(gate)
    refuse(gate, clock, 20, "public_api_space_request_rate_limit")
    assert gate.limit == 600


def test_a_refusal_below_180_says_that_others_spend_the_budget() -> None:
    clock = VirtualClock()
    gate = gate_of(clock, 600)
    refuse(gate, clock, 20, CONNECTION)
    assert gate.limit == 600


@pytest.mark.parametrize("reason", ["", "service_overload", "public_api_space_request_rate_limit"])
def test_a_refusal_of_the_probe_for_another_reason_leaves_the_budget_open(reason: str) -> None:
    clock = VirtualClock()
    gate = gate_of(clock)
    for _ in range(180):
        take(gate)
    refuse(gate, clock, 1, reason)
    assert gate.limit is None


@pytest.mark.parametrize("remembered", [0, 1, 179, 300, -180, 10**9])
def test_a_remembered_number_that_is_no_budget_is_forgotten(remembered: int) -> None:
    assert gate_of(VirtualClock(), remembered).limit is None


def test_a_refused_probe_that_names_no_reason_is_about_our_budget() -> None:
    clock = VirtualClock()
    gate = gate_of(clock)
    for _ in range(180):
        take(gate)
    refuse(gate, clock, 1, "rate_limited")
    assert gate.limit == 180


def test_a_probe_that_was_not_answered_proves_nothing() -> None:
    clock = VirtualClock()
    gate = gate_of(clock)
    for _ in range(180):
        take(gate)
    with gate.turn(FOR_EVER):
        pass
    assert gate.limit is None


def test_the_pause_is_kept_in_full_by_all_threads() -> None:
    clock = VirtualClock()
    service = Service(clock, FixedWindow(5))
    gate = gate_of(clock)
    service.ask_all(gate, 30, n_threads=3)
    assert len(service.pauses) >= 5
    assert not service.started_in_a_pause()


@pytest.mark.parametrize("wait_s", [0.25, 7, 59, 3600])
def test_retry_after_is_obeyed_in_full(wait_s: float) -> None:
    clock = VirtualClock()
    gate = gate_of(clock)
    refuse(gate, clock, wait_s)
    take(gate)
    assert clock.monotonic() == pytest.approx(wait_s, abs=1e-6)
    assert gate.waited_s == pytest.approx(wait_s)


def test_a_shorter_retry_after_does_not_end_a_longer_pause() -> None:
    clock = VirtualClock()
    gate = gate_of(clock)
    with gate.turn(FOR_EVER) as first, gate.turn(FOR_EVER) as second:
        first.limited = Limited(5, "", "429")
        second.limited = Limited(50, "", "429")
    take(gate)
    assert clock.monotonic() == pytest.approx(50)


def test_a_wait_beyond_the_deadline_gives_up_at_once_and_names_the_time_to_come_back() -> None:
    clock = VirtualClock()
    gate = gate_of(clock)
    refuse(gate, clock, 3600)
    with pytest.raises(GaveUp) as gave_up:
        take(gate, deadline_s=2700)
    assert clock.monotonic() == 0
    assert str(gave_up.value) == (
        "Notion: asks to wait 3600 s, which is longer than this run may last\n"
        "  from  429 rate_limited: slow down\n"
        "  fix   run the same command again after 2026-07-04 10:08:00 UTC"
    )


def test_a_budget_that_outlasts_the_run_gives_up_without_waiting() -> None:
    clock = VirtualClock()
    gate = gate_of(clock, 180)
    for _ in range(180):
        take(gate)
    with pytest.raises(GaveUp, match="used up its time") as gave_up:
        take(gate, deadline_s=30)
    assert clock.monotonic() == 0
    assert gave_up.value.where == "Notion takes 180 requests a minute"


def test_nothing_starts_after_the_deadline() -> None:
    clock = VirtualClock()
    gate = gate_of(clock)
    take(gate, deadline_s=100)
    clock.sleep(101)
    with pytest.raises(GaveUp, match="used up its time"):
        take(gate, deadline_s=100)


def test_refusals_that_name_no_time_are_waited_for_longer_and_longer() -> None:
    clock = VirtualClock()
    gate = gate_of(clock)
    for _ in range(40):
        refuse(gate, clock, None)
    assert len(clock.slept) == 39
    assert all(1 <= wait_s <= 60 for wait_s in clock.slept)
    assert max(clock.slept[:2]) <= 4
    assert max(clock.slept) > 30
    assert len(set(clock.slept)) == 39  # jitter


def test_refusals_of_one_burst_without_a_time_count_once() -> None:
    clock = VirtualClock()
    gate = gate_of(clock)
    with gate.turn(FOR_EVER) as a, gate.turn(FOR_EVER) as b, gate.turn(FOR_EVER) as c:
        for turn in (a, b, c):
            turn.limited = Limited(None, "", "429")
    take(gate)
    assert 1 <= clock.monotonic() <= 2


def test_an_answer_starts_the_waiting_from_the_beginning() -> None:
    clock = VirtualClock()
    gate = gate_of(clock)
    for _ in range(10):
        refuse(gate, clock, None)
    take(gate)
    clock.slept.clear()
    refuse(gate, clock, None)
    take(gate)
    assert clock.slept
    assert clock.slept[0] <= 2


def test_a_rest_is_kept_by_everybody_and_counts_as_waiting() -> None:
    clock = VirtualClock()
    gate = gate_of(clock)
    gate.rest(4)
    assert clock.monotonic() == 4
    assert gate.waited_s == 4
    gate.rest(0)
    assert clock.slept == [4]


def test_long_waits_are_told_and_short_ones_are_not() -> None:
    clock, told = VirtualClock(), []
    gate = Gate(clock, waiting=lambda seconds, why: told.append((seconds, why)))
    refuse(gate, clock, 0.5)
    take(gate)
    refuse(gate, clock, 30)
    take(gate)
    assert told == [(pytest.approx(30), "Notion asks to wait")]


def test_an_error_in_a_turn_lets_the_next_one_in() -> None:
    gate = gate_of(VirtualClock())
    with pytest.raises(ZeroDivisionError), gate.turn(FOR_EVER):
        raise ZeroDivisionError
    gate.rest(1)
    take(gate)


def test_the_machines_clock_moves_by_what_is_slept() -> None:
    clock = MachineClock()
    before, wall = clock.monotonic(), clock.now()
    clock.sleep(0.01)
    assert clock.monotonic() - before >= 0.01
    assert clock.now() > wall
    assert wall.utcoffset() is not None


def test_the_budgets_are_those_of_the_documentation() -> None:
    """developers.notion.com/reference/request-limits, read in October 2026."""
    assert (gate_module.SMALL, gate_module.LARGE, gate_module.WINDOW_S) == (180, 600, 60)


def test_a_stopped_gate_lets_go_of_those_who_wait_and_of_all_who_come() -> None:
    clock = MachineClock()
    gate = Gate(clock, limit=180)
    with gate.turn(FOR_EVER) as turn:
        turn.limited = Limited(3600.0, "public_api_space_request_rate_limit", "429")
    found: list[str] = []

    def come() -> None:
        with pytest.raises(GaveUp, match="the run was stopped") as stopped, gate.turn(FOR_EVER):
            pass
        found.append(stopped.value.what)

    worker = threading.Thread(target=come)
    worker.start()
    gate.stop()
    worker.join(20)
    come()
    assert found == ["Notion: the run was stopped"] * 2
