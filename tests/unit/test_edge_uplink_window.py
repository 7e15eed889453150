import pytest

from ecoduct_edge.settings import UplinkSettings
from ecoduct_edge.uplink import Window

S = 1_000_000_000
RULE = UplinkSettings(batch_messages=10, linger_ms=200, window_batches=3, resend_after_s=5.0)


@pytest.fixture
def window() -> Window:
    fresh = Window(RULE)
    fresh.restart(receipted=100, now_ns=0)
    return fresh


def sent_batches(window: Window, *, kept: int, now_ns: int) -> list[int]:
    batches = []
    while (after := window.next_after(kept=kept, now_ns=now_ns)) is not None:
        window.note_sent(min(after + RULE.batch_messages, kept), now_ns=now_ns)
        batches.append(after)
    return batches


def test_no_more_batches_than_the_window_go_ahead_of_the_receipt(window: Window) -> None:
    assert sent_batches(window, kept=1_000, now_ns=S) == [100, 110, 120]
    window.note_receipt(115, now_ns=S)
    assert sent_batches(window, kept=1_000, now_ns=S) == [130]


def test_short_batch_lingers_once(window: Window) -> None:
    assert sent_batches(window, kept=103, now_ns=S) == []
    assert sent_batches(window, kept=104, now_ns=S + 199_000_000) == []
    assert sent_batches(window, kept=105, now_ns=S + 200_000_000) == [100]
    assert sent_batches(window, kept=105, now_ns=9 * S) == []


def test_without_progress_it_goes_back_to_the_receipt_and_waits_longer_each_time(
    window: Window,
) -> None:
    sent_batches(window, kept=1_000, now_ns=0)
    assert not window.go_back_if_stuck(now_ns=4 * S)
    assert window.go_back_if_stuck(now_ns=5 * S)
    assert sent_batches(window, kept=1_000, now_ns=5 * S) == [100]
    assert not window.go_back_if_stuck(now_ns=14 * S)
    assert window.go_back_if_stuck(now_ns=15 * S)


def test_server_set_back_to_an_older_state_is_met_where_it_stands(window: Window) -> None:
    sent_batches(window, kept=1_000, now_ns=0)
    window.note_receipt(40, now_ns=S)  # perhaps retained from long ago: not believed yet
    assert window.go_back_if_stuck(now_ns=5 * S)
    assert sent_batches(window, kept=1_000, now_ns=5 * S) == [100]
    window.note_receipt(40, now_ns=6 * S)  # the answer to the batch just sent again
    assert window.go_back_if_stuck(now_ns=15 * S)
    assert sent_batches(window, kept=1_000, now_ns=15 * S) == [40]
    window.note_receipt(50, now_ns=16 * S)
    assert sent_batches(window, kept=1_000, now_ns=16 * S) == [50, 60, 70]


def test_wait_before_going_back_is_at_most_a_minute(window: Window) -> None:
    now_ns = 0
    for _ in range(20):
        sent_batches(window, kept=1_000, now_ns=now_ns)
        now_ns += 60 * S
        assert window.go_back_if_stuck(now_ns=now_ns)


def test_progress_opens_the_window_again(window: Window) -> None:
    sent_batches(window, kept=1_000, now_ns=0)
    assert window.go_back_if_stuck(now_ns=5 * S)
    sent_batches(window, kept=1_000, now_ns=5 * S)
    window.note_receipt(110, now_ns=6 * S)
    assert sent_batches(window, kept=1_000, now_ns=6 * S) == [110, 120, 130]


def test_old_receipt_is_no_progress(window: Window) -> None:
    sent_batches(window, kept=1_000, now_ns=0)
    window.note_receipt(100, now_ns=4 * S)
    assert window.go_back_if_stuck(now_ns=5 * S)


def test_nothing_on_its_way_is_never_stuck(window: Window) -> None:
    assert not window.go_back_if_stuck(now_ns=1_000 * S)


def test_idle_time_before_a_batch_does_not_count_as_stuck(window: Window) -> None:
    sent_batches(window, kept=110, now_ns=500 * S)
    assert not window.go_back_if_stuck(now_ns=501 * S)
