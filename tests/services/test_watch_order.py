"""Any order, batching and repetition of arrival ends in the findings of the archive."""

import random
from dataclasses import replace

import pytest

from ecoduct_server.store.pool import Connection
from services.store_tales import (
    SetClock,
    active_findings,
    alert_states,
    batch,
    deliver,
    examine,
    fix,
    set_scene,
    wandering,
)

pytestmark = pytest.mark.services


@pytest.mark.parametrize("seed", range(12))
def test_any_order_of_arrival_gives_the_findings_of_the_archive(
    store: Connection, seed: int
) -> None:
    dice = random.Random(seed)
    whole = wandering(seed, count=60, device="live") + wandering(
        seed + 100, count=40, device="other"
    )
    archive = [replace(one, device=f"{one.device} archived") for one in whole]
    set_scene(store, "live", "other", "live archived", "other archived")
    deliver(store, batch(archive, epoch="archive"))
    examine(store)

    arrivals = whole + dice.sample(whole, 20)
    dice.shuffle(arrivals)
    while arrivals:
        size = dice.choice((1, 1, 2, 7, 20))
        now, arrivals = arrivals[:size], arrivals[size:]
        deliver(store, batch(now, epoch=f"live-{len(arrivals)}"))
        examine(store)

    found = active_findings(store)
    live = [row for row in found if not row[0].endswith("archived")]
    kept = [(row[0].removesuffix(" archived"), *row[1:]) for row in found if row not in live]
    assert live == kept
    assert {row[1] for row in live} == {"crossing", "stay"}


def test_crossing_raises_one_alert_however_often_its_fixes_come(store: Connection) -> None:
    set_scene(store, "collar:1")
    for epoch in ("a", "b", "c"):
        deliver(store, batch([fix(0, 106.99), fix(1, 107.01)], epoch=epoch))
        examine(store)
    assert [withdrawn for _, withdrawn in alert_states(store)] == [False]


def test_late_fix_withdraws_the_alert_of_a_crossing_that_never_was(store: Connection) -> None:
    # Round the northern end of the fence: the straight line between the outer fixes crosses it.
    set_scene(store, "collar:1")
    deliver(store, batch([fix(0, 106.9, lat=44.45), fix(2, 107.1, lat=44.45)]))
    examine(store)
    assert [withdrawn for _, withdrawn in alert_states(store)] == [False]

    deliver(store, batch([fix(1, 107.0, lat=44.7)], first=3))
    examine(store)
    assert [withdrawn for _, withdrawn in alert_states(store)] == [True]
    assert [row for row in active_findings(store) if row[1] == "crossing"] == []
    changes = store.execute("SELECT change FROM alert_event ORDER BY id").fetchall()
    assert [row["change"] for row in changes] == ["raised", "withdrawn"]


def test_late_fix_amends_a_crossing_that_stays_true(store: Connection) -> None:
    set_scene(store, "collar:1")
    deliver(store, batch([fix(0, 106.9), fix(2, 107.1)]))
    examine(store)
    deliver(store, batch([fix(1, 106.95)], first=3))
    examine(store)
    row = store.execute(
        "SELECT l.revision, (SELECT count(*) FROM alert) AS alerts, "
        "extract(epoch FROM f.happened_at - f.starts_at)::float AS into_step_s "
        "FROM alert l JOIN finding f ON f.id = l.finding"
    ).fetchone()
    assert row is not None
    assert (row["alerts"], row["revision"]) == (1, 2)
    # A third of the hour from 106.95 to 107.1; seconds less, for a parallel is not straight.
    assert row["into_step_s"] == pytest.approx(1200, abs=5)


@pytest.mark.parametrize(("hours_late", "late"), [(1.0, False), (30.0, True)])
def test_alert_of_an_old_fix_is_late_and_says_its_age(
    store: Connection, *, hours_late: float, late: bool
) -> None:
    set_scene(store, "collar:1")
    deliver(store, batch([fix(0, 106.9), fix(2, 107.1)]))
    clock = SetClock()
    clock.ms += round((1 + hours_late) * 3_600_000)
    examine(store, clock=clock)
    row = store.execute("SELECT late, age_s FROM alert").fetchone()
    assert row is not None
    assert row["late"] is late
    assert row["age_s"] == pytest.approx(hours_late * 3600, abs=5)


def test_corrected_landscape_withdraws_and_finds_again(store: Connection) -> None:
    set_scene(store, "collar:1")
    deliver(store, batch([fix(0, 106.9), fix(2, 107.1)]))
    examine(store)
    store.execute("DELETE FROM feature")
    store.execute("UPDATE study_area SET version = version + 1")
    store.execute(
        "INSERT INTO due (deployment, since, until) SELECT id, '2026-01-01', '2026-01-02' "
        "FROM deployment"
    )
    examine(store)
    assert active_findings(store) == []


def test_fix_with_an_impossible_time_or_place_concludes_nothing(store: Connection) -> None:
    set_scene(store, "collar:1")
    doubtful = [fix(1, 107.2, flags=("after_latest",)), fix(1.5, 107.3, flags=("zero_position",))]
    deliver(store, batch([fix(0, 106.9), *doubtful, fix(2, 106.8)]))
    examine(store)
    assert [row for row in active_findings(store) if row[1] == "crossing"] == []


def test_deployment_that_comes_after_its_fixes_finds_their_crossings(store: Connection) -> None:
    set_scene(store, "another")
    deliver(store, batch([fix(0, 106.9), fix(2, 107.1)]))
    examine(store)
    assert active_findings(store) == []
    set_scene(store, "collar:1")
    examine(store)
    assert [row[1] for row in active_findings(store)] == ["crossing"]
