"""Animals that walk a landscape: journeys between places, and what they do at barriers.

A journey is a correlated random walk drawn towards the next way-point. An animal that meets a
barrier crosses it with the barrier's probability; else it turns back for a while (bounce) or
follows the line (trace), and later tries by a corridor.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from ecoduct_sim.landscape import Barrier, Corridor, Landscape, Place
from ecoduct_sim.plane import (
    Point,
    crossing_of,
    direction,
    is_inside,
    moved,
    nearest_on,
)

DAY_MS: Final = 86_400_000
_ARRIVED_M: Final = 300.0
_WANDER_RAD: Final = 0.35
_GRAZE_M_S: Final = 0.08
_TRACE_OFFSET_M: Final = 60.0
_TRACE_SHARE: Final = 0.6
_BOUNCE_MS: Final = (20 * 60_000, 60 * 60_000)
_TRACE_MS: Final = (30 * 60_000, 120 * 60_000)


@dataclass(frozen=True, slots=True)
class Position:
    """Where an animal truly is when its collar takes a fix; degrees."""

    animal: str
    at_ms: int
    lon: float
    lat: float


@dataclass(frozen=True, slots=True)
class Crossing:
    """An animal's true path went through a barrier; degrees."""

    animal: str
    barrier: str
    at_ms: int
    lon: float
    lat: float


@dataclass(frozen=True, slots=True)
class Stay:
    """An animal was inside a place; ``is_open`` if it still was when the simulation ended."""

    animal: str
    place: str
    starts_at_ms: int
    ends_at_ms: int
    is_open: bool = False


Event = Position | Crossing | Stay


@dataclass(slots=True)
class Walker:
    """One animal and what is on its mind."""

    name: str
    rng: random.Random
    at: Point
    goal: Place
    heading: float = 0.0
    via: list[Point] = field(default_factory=list)
    leaves_at_ms: int | None = None
    away_until_ms: int = 0
    traced: Barrier | None = None
    trace_until_ms: int = 0
    trace_sign: float = 0.0
    is_dead: bool = False
    inside: tuple[Place, int] | None = None


class Herd:
    """A herd on a landscape; the same seed walks the same paths.

    Parameters
    ----------
    interval_ms : int
        Between fixes of one animal. Animals take theirs at different moments of it.
    """

    def __init__(
        self, landscape: Landscape, *, animals: int, seed: int, start_ms: int, interval_ms: int
    ) -> None:
        self._land = landscape
        self._substeps = max(1, math.ceil(interval_ms / 60_000))
        self._substep_ms = interval_ms / self._substeps
        self._start_ms = start_ms
        digits = max(2, len(str(animals)))
        self._walkers = [
            self._begin(f"A{number:0{digits}d}", seed, start_ms) for number in range(1, animals + 1)
        ]
        self._send_first_on_its_way()

    @property
    def animals(self) -> list[str]:
        """Names, in order."""
        return [walker.name for walker in self._walkers]

    def events(self, *, until_ms: float = math.inf) -> Iterator[Event]:
        """Everything that happens, in order of time, up to and without ``until_ms``."""
        step = 0
        at_ms = self._start_ms
        while at_ms < until_ms:
            for number, walker in enumerate(self._walkers):
                if step:
                    yield from self._step(walker, at_ms)
                if step % self._substeps == number % self._substeps:
                    yield Position(walker.name, at_ms, *self._land.to_lon_lat(walker.at))
            step += 1
            at_ms = self._start_ms + round(step * self._substep_ms)

    def open_stays(self, *, at_ms: int) -> Iterator[Stay]:
        """Stays that have not ended, for the end of a simulation."""
        for walker in self._walkers:
            if walker.inside:
                place, since_ms = walker.inside
                yield Stay(walker.name, place.id, since_ms, at_ms, is_open=True)

    def _begin(self, name: str, seed: int, start_ms: int) -> Walker:
        rng = random.Random(f"{seed}/{name}")  # noqa: S311 - a herd, not a secret
        home = rng.choice(self._land.places)
        at = moved(
            home.centre, distance=home.radius_m * rng.uniform(0, 0.5), heading=rng.uniform(-3, 3)
        )
        _, longest_h = self._land.habits.stay_h
        leaves_at_ms = start_ms + round(rng.uniform(0, longest_h) * 3_600_000)
        walker = Walker(name, rng, at, goal=home, leaves_at_ms=leaves_at_ms)
        walker.inside = (home, start_ms)
        return walker

    def _send_first_on_its_way(self) -> None:
        first, habits = self._walkers[0], self._land.habits
        first.at = habits.first_at
        first.leaves_at_ms = first.inside = None
        self._head_for(first, self._land.place(habits.first_to), by_corridor=True)
        # It stands at the mouth already; going round by it would cost the morning.
        first.via = first.via[1:]

    def _step(self, walker: Walker, at_ms: int) -> Iterator[Event]:
        if walker.is_dead or self._dies(walker):
            return
        if walker.leaves_at_ms is not None and at_ms >= walker.leaves_at_ms:
            self._leave(walker)
        before = walker.at
        if walker.leaves_at_ms is not None:
            self._graze(walker)
        else:
            self._travel(walker, at_ms)
        yield from self._crossings(walker, before, at_ms)
        yield from self._stays(walker, at_ms)

    def _dies(self, walker: Walker) -> bool:
        chance = self._land.habits.deaths_per_day * self._substep_ms / DAY_MS
        walker.is_dead = walker.rng.random() < chance
        return walker.is_dead

    def _leave(self, walker: Walker) -> None:
        walker.leaves_at_ms = None
        others = [place for place in self._land.places if place is not walker.goal]
        nearness = [1 / math.dist(walker.at, place.centre) for place in others]
        (goal,) = walker.rng.choices(others, nearness)
        self._head_for(
            walker, goal, by_corridor=walker.rng.random() < self._land.habits.corridor_habit
        )

    def _head_for(self, walker: Walker, goal: Place, *, by_corridor: bool) -> None:
        walker.goal, walker.traced, walker.trace_sign, walker.via = goal, None, 0.0, []
        corridor = self._corridor_towards(walker.at, goal) if by_corridor else None
        if corridor:
            walker.via = sorted(corridor.mouths, key=lambda mouth: self._sides(walker.at, mouth))
        walker.heading = direction(walker.at, self._aim(walker))

    def _corridor_towards(self, here: Point, goal: Place) -> Corridor | None:
        barriers = {barrier.id: barrier for barrier in self._land.barriers}
        on_the_way = (
            corridor
            for corridor in self._land.corridors
            if crossing_of(here, goal.centre, barriers[corridor.barrier].line)
        )
        return min(on_the_way, key=lambda one: math.dist(here, one.mouths[0]), default=None)

    def _sides(self, here: Point, mouth: Point) -> tuple[int, float]:
        """Sort key of a corridor's mouths: the one with fewer barriers in the way comes first."""
        blocked = sum(crossing_of(here, mouth, one.line) is not None for one in self._land.barriers)
        return blocked, math.dist(here, mouth)

    def _aim(self, walker: Walker) -> Point:
        return walker.via[0] if walker.via else walker.goal.centre

    def _graze(self, walker: Walker) -> None:
        """Wander about the place, drawn back the more the further out."""
        reach = math.dist(walker.at, walker.goal.centre) / (0.7 * walker.goal.radius_m)
        home = direction(walker.at, walker.goal.centre)
        turn = walker.rng.gauss(0, 0.8) + min(reach, 1.5) * _turn(walker.heading, home) * 0.3
        walker.heading += turn
        self._walk(walker, walker.rng.expovariate(1 / _GRAZE_M_S))

    def _travel(self, walker: Walker, at_ms: int) -> None:
        if walker.traced and (at_ms >= walker.trace_until_ms or self._is_clear(walker)):
            gave_up = at_ms >= walker.trace_until_ms
            walker.traced = None
            if gave_up:
                self._head_for(walker, walker.goal, by_corridor=True)
        if walker.traced:
            walker.heading = self._along(walker, walker.traced)
        elif at_ms >= walker.away_until_ms:
            wanted = _turn(walker.heading, direction(walker.at, self._aim(walker)))
            walker.heading += 0.6 * wanted + walker.rng.gauss(0, _WANDER_RAD)
        else:
            walker.heading += walker.rng.gauss(0, _WANDER_RAD)
        speed_m_s = self._land.habits.speed_m_s * walker.rng.uniform(0.6, 1.3)
        self._walk(walker, speed_m_s, at_ms=at_ms)
        self._arrive(walker, at_ms)

    def _is_clear(self, walker: Walker) -> bool:
        """Whether the traced barrier no longer stands between the animal and its aim."""
        assert walker.traced is not None
        return crossing_of(walker.at, self._aim(walker), walker.traced.line) is None

    def _along(self, walker: Walker, barrier: Barrier) -> float:
        """Heading along the barrier, keeping a little way off."""
        near, piece = nearest_on(walker.at, barrier.line)
        along = direction(barrier.line[piece], barrier.line[piece + 1])
        if walker.trace_sign == 0.0:
            aim = direction(walker.at, self._aim(walker))
            walker.trace_sign = 1.0 if abs(_turn(along, aim)) < math.pi / 2 else -1.0
        heading = along if walker.trace_sign > 0 else along + math.pi
        off_m = math.dist(walker.at, near)
        back = direction(walker.at, near)
        pull = max(-0.6, min(0.6, (off_m - _TRACE_OFFSET_M) / _TRACE_OFFSET_M))
        return heading + pull * math.copysign(1.0, _turn(heading, back)) + walker.rng.gauss(0, 0.1)

    def _walk(self, walker: Walker, speed_m_s: float, *, at_ms: int | None = None) -> None:
        """Take one step, unless a barrier is met and not crossed; grazing animals never cross."""
        there = moved(
            walker.at, distance=speed_m_s * self._substep_ms / 1000, heading=walker.heading
        )
        for barrier in self._land.barriers:
            met = crossing_of(walker.at, there, barrier.line)
            if met and (at_ms is None or not self._passes(walker, barrier, there)):
                self._respond(walker, barrier, at_ms)
                return
        walker.at = there

    def _passes(self, walker: Walker, barrier: Barrier, there: Point) -> bool:
        if any(
            one.barrier == barrier.id
            and is_inside(walker.at, one.ring)
            and is_inside(there, one.ring)
            for one in self._land.corridors
        ):
            return True
        # An animal that follows a fence bumps into it again and again; that is one meeting.
        if walker.traced is barrier:
            return False
        return walker.rng.random() < barrier.crossing_probability

    def _respond(self, walker: Walker, barrier: Barrier, at_ms: int | None) -> None:
        near, _ = nearest_on(walker.at, barrier.line)
        away = direction(near, walker.at)
        if at_ms is None or walker.traced is barrier:
            walker.heading = away
        elif walker.rng.random() < _TRACE_SHARE:
            walker.traced = barrier
            walker.trace_until_ms = at_ms + walker.rng.randint(*_TRACE_MS)
        else:
            self._head_for(walker, walker.goal, by_corridor=True)
            walker.heading = away + walker.rng.uniform(-0.8, 0.8)
            walker.away_until_ms = at_ms + walker.rng.randint(*_BOUNCE_MS)

    def _arrive(self, walker: Walker, at_ms: int) -> None:
        if math.dist(walker.at, self._aim(walker)) > _ARRIVED_M:
            return
        walker.trace_sign = 0.0
        if walker.via:
            walker.via.pop(0)
            return
        hours = walker.rng.uniform(*self._land.habits.stay_h)
        walker.leaves_at_ms = at_ms + round(hours * 3_600_000)

    def _crossings(self, walker: Walker, before: Point, at_ms: int) -> Iterator[Crossing]:
        for barrier in self._land.barriers:
            met = crossing_of(before, walker.at, barrier.line)
            if met:
                share, _ = met
                place = (
                    before[0] + share * (walker.at[0] - before[0]),
                    before[1] + share * (walker.at[1] - before[1]),
                )
                crossed_at_ms = at_ms - round((1 - share) * self._substep_ms)
                yield Crossing(
                    walker.name, barrier.id, crossed_at_ms, *self._land.to_lon_lat(place)
                )

    def _stays(self, walker: Walker, at_ms: int) -> Iterator[Stay]:
        now = next(
            (one for one in self._land.places if math.dist(walker.at, one.centre) <= one.radius_m),
            None,
        )
        place, since_ms = walker.inside or (None, 0)
        if now is place:
            return
        if place:
            yield Stay(walker.name, place.id, since_ms, at_ms)
        walker.inside = (now, at_ms) if now else None


def _turn(heading: float, wanted: float) -> float:
    """Smallest turn from one heading to another, radians."""
    return (wanted - heading + math.pi) % math.tau - math.pi
