"""Which barrier, and which half kilometre of it, hinders animals most."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import optimize, special

from ecoduct_analysis._cut_lines import cut_lines, parts_of, places_along
from ecoduct_analysis.barriers import Barriers, find_nearest
from ecoduct_analysis.columns import BoolArray, FloatArray, IntArray
from ecoduct_analysis.encounters import BACK_N_FORTH, BOUNCE, KINDS, TRACE, TRAPPED, Behaviour
from ecoduct_analysis.errors import BadRule

_ALTERED = (BOUNCE, BACK_N_FORTH, TRACE, TRAPPED)
_WORST = 0.1  # the tenth of the population of pieces that is called worst
_BOUNDS = ((-12.0, 12.0), (-3.0, 10.0))  # of the logit of the mean and the log of the size


@dataclass(frozen=True, slots=True, eq=False)
class FeatureRanking:
    """The reference's ranking: one row for each feature that an encounter began near.

    Attributes
    ----------
    feature : (r,) array
        Features drawn twice have a row each.
    counts : (r, 7) array
        Encounters of each kind, in the order of `KINDS`.
    total, animals : (r,) array
        Encounters and different animals.
    index : (r,) array
        Altered encounters' share times animals, scaled to 0 … 1 over the features with enough
        encounters; nan for the others. Relative: not to be compared between runs.
    """

    feature: IntArray
    counts: IntArray
    total: IntArray
    animals: IntArray
    index: FloatArray

    def __len__(self) -> int:
        """Count the features."""
        return len(self.feature)


def rank_features(
    behaviour: Behaviour, barriers: Barriers, *, min_encounters: int = 5
) -> FeatureRanking:
    """Rank whole features as the reference does.

    An encounter counts for every feature within the buffer of its first fix.

    Parameters
    ----------
    min_encounters : int
        Features with fewer get no index.

    References
    ----------
    R package BaBA 2.4, ``BaRanking``. Long features dominate it; see `rank_pieces`.
    """
    seen = behaviour.encounters
    pairs = _within(behaviour, barriers)
    shape = (len(barriers.names), len(KINDS))
    counts = np.zeros(shape, dtype=np.int64)
    np.add.at(counts, (pairs[1], seen.kind[pairs[0]]), 1)
    met = np.unique(np.stack((pairs[1], seen.track[pairs[0]])), axis=1)[0]
    animals = np.bincount(met, minlength=shape[0])
    total = counts.sum(axis=1)
    feature = np.flatnonzero(total)
    counts, total, animals = counts[feature], total[feature], animals[feature]
    index = counts[:, _ALTERED].sum(axis=1) / total * animals
    index[total < min_encounters] = np.nan
    if np.isfinite(index).any():
        low, high = np.nanmin(index), np.nanmax(index)
        index = (index - low) / (high - low) if high > low else index * np.nan
    return FeatureRanking(
        feature=feature.astype(np.int64), counts=counts, total=total,
        animals=animals.astype(np.int64), index=index,
    )  # fmt: skip


def _within(behaviour: Behaviour, barriers: Barriers) -> IntArray:
    """Pairs of encounter and feature within the buffer of its first fix, (2, q) array."""
    seen = behaviour.encounters
    places = np.stack((seen.x, seen.y), axis=1)
    row, piece = barriers.near(places, places, reach_m=behaviour.rule.buffer_m)
    lines = shapely.linestrings(barriers.ends[piece])
    close = shapely.distance(lines, shapely.points(places[row])) <= behaviour.rule.buffer_m
    pairs = np.unique(np.stack((row[close], barriers.feature[piece[close]])), axis=1)
    twins = [np.flatnonzero(barriers.drawn_as == feature) for feature in pairs[1].tolist()]
    each = [len(twin) for twin in twins]
    feature = np.concatenate([np.zeros(0, dtype=np.int64), *twins])
    return np.stack((np.repeat(pairs[0], each), feature)).astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class PieceRanking:
    """Pieces of barriers that animals came to, the worst first.

    Attributes
    ----------
    feature : (r,) array
    line, piece : (r,) array
        Line within the feature, and piece of that line, both from 0.
    begin_m, end_m : (r,) array, m
        Along the line.
    x, y : (r,) array, m
        Middle of the piece.
    approaches : (r,) array
        Encounters at the piece, and crossings without encounter.
    crossed : (r,) array
        Of these, the ones in which the animal changed sides.
    altered : (r,) array
        Bounces, back-and-forths, traces and trapped.
    animals : (r,) array
        Different animals.
    rate, rate_low, rate_high : (r,) array
        Chance that an approach ends on the other side: posterior mean and 95 % interval, shrunken
        to what all pieces have in common; nan for fewer than ``min_approaches``.
    p_worst : (r,) array
        Chance that the piece belongs to the tenth that lets through least.
    altered_per_km : (r,) array, 1/km
        Where opening a barrier would help most of those that tried.
    """

    feature: IntArray
    line: IntArray
    piece: IntArray
    begin_m: FloatArray
    end_m: FloatArray
    x: FloatArray
    y: FloatArray
    approaches: IntArray
    crossed: IntArray
    altered: IntArray
    animals: IntArray
    rate: FloatArray
    rate_low: FloatArray
    rate_high: FloatArray
    p_worst: FloatArray
    altered_per_km: FloatArray

    def __len__(self) -> int:
        """Count the pieces."""
        return len(self.feature)


def rank_pieces(
    behaviour: Behaviour,
    barriers: Barriers,
    *,
    piece_m: float = 500.0,
    min_approaches: int = 5,
) -> PieceRanking:
    """Rank pieces of at most ``piece_m`` by the chance that they are among the worst.

    An encounter counts for the piece it crossed, else for the piece that its fixes came nearest
    to. Few approaches say little: rates are shrunken to a beta distribution fitted to all pieces.

    Parameters
    ----------
    piece_m : float, m
        Longest piece; a line is cut into pieces of equal length. One fence of the Wyoming data is
        32.8 km long, and its rank as a whole says nothing of where to open it.
    min_approaches : int
        Pieces with fewer show no rate.

    Raises
    ------
    BadRule
        A length of piece that is not above 0.

    References
    ----------
    Beta-binomial shrinkage by empirical Bayes: Efron 2010, Large-Scale Inference, chapter 1.
    """
    if not piece_m > 0:
        raise BadRule("piece_m must be above 0.")
    places = _places(behaviour, barriers)
    cut = cut_lines(barriers, piece_m)
    along_m = cut.begin_m[places.piece] + places.part * cut.length_m[places.piece]
    line = cut.line[places.piece]
    number = np.minimum(along_m // cut.size_m[line], cut.pieces[line] - 1).astype(np.int64)
    counted: IntArray = cut.first[line] + number
    key, row = np.unique(counted, return_inverse=True)
    approaches = np.bincount(row, minlength=len(key))
    crossed = np.bincount(row, weights=places.crossed, minlength=len(key)).astype(np.int64)
    altered = np.bincount(row, weights=places.altered, minlength=len(key)).astype(np.int64)
    animals = np.bincount(np.unique(np.stack((row, places.track)), axis=1)[0], minlength=len(key))
    a, b = _fit_beta(crossed, approaches)
    after_a, after_b = crossed + a, approaches - crossed + b
    shown = np.where(approaches >= min_approaches, 1.0, np.nan)
    of_line: IntArray = np.searchsorted(cut.first, np.asarray(key), side="right") - 1
    within = key - cut.first[of_line]
    begin_m = within * cut.size_m[of_line]
    middle = places_along(barriers, cut, of_line, begin_m + cut.size_m[of_line] / 2.0)
    made = PieceRanking(
        feature=cut.feature[of_line], line=cut.number[of_line], piece=within,
        begin_m=begin_m, end_m=begin_m + cut.size_m[of_line], x=middle[0], y=middle[1],
        approaches=approaches, crossed=crossed, altered=altered, animals=animals,
        rate=after_a / (after_a + after_b) * shown,
        rate_low=special.betaincinv(after_a, after_b, 0.025) * shown,
        rate_high=special.betaincinv(after_a, after_b, 0.975) * shown,
        p_worst=special.betainc(after_a, after_b, special.betaincinv(a, b, _WORST)),
        altered_per_km=altered / np.maximum(cut.size_m[of_line], 1.0) * 1000.0,
    )  # fmt: skip
    return _worst_first(made)


def lines_of(ranks: PieceRanking, barriers: Barriers) -> NDArray[np.object_]:
    """Line of each ranked piece, (r,) array of shapely geometries."""
    return parts_of(barriers, ranks.feature, ranks.line, np.stack((ranks.begin_m, ranks.end_m)))


@dataclass(frozen=True, slots=True, eq=False)
class _Places:
    """Where approaches count: straight piece of the barriers, and part of it from its begin."""

    piece: IntArray
    part: FloatArray
    track: IntArray
    crossed: BoolArray
    altered: BoolArray


def _places(behaviour: Behaviour, barriers: Barriers) -> _Places:
    seen, crossings = behaviour.encounters, behaviour.crossings
    changed = np.flatnonzero(crossings.net != 0)
    owner = behaviour.encounter[changed]
    # First crossing of each encounter; later ones of the same encounter are the same approach.
    known = owner >= 0
    crossing_of = np.full(len(seen), -1, dtype=np.int64)
    crossing_of[owner[known][::-1]] = changed[known][::-1]
    has = crossing_of >= 0
    lone = changed[~known]
    x, y = seen.x.copy(), seen.y.copy()
    x[has], y[has] = crossings.x[crossing_of[has]], crossings.y[crossing_of[has]]
    x, y = np.append(x, crossings.x[lone]), np.append(y, crossings.y[lone])
    piece = find_nearest(x, y, barriers).piece
    begin, way = barriers.ends[piece, 0], barriers.ends[piece, 1] - barriers.ends[piece, 0]
    length2 = np.maximum((way**2).sum(axis=1), 1e-12)
    part = ((x - begin[:, 0]) * way[:, 0] + (y - begin[:, 1]) * way[:, 1]) / length2
    return _Places(
        piece=piece,
        part=np.clip(part, 0.0, 1.0),
        track=np.append(seen.track, crossings.track[lone]),
        crossed=np.append(has, np.ones(len(lone), dtype=bool)),
        altered=np.append(np.isin(seen.kind, _ALTERED), np.zeros(len(lone), dtype=bool)),
    )


def _fit_beta(crossed: IntArray, approaches: IntArray) -> tuple[float, float]:
    """Beta distribution of the rates of all pieces, by maximum likelihood of the counts."""
    if not len(crossed):
        return 1.0, 1.0

    def against(parameters: FloatArray) -> float:
        mean, size = special.expit(parameters[0]), np.exp(parameters[1])
        a, b = mean * size, (1.0 - mean) * size
        fit = special.betaln(crossed + a, approaches - crossed + b) - special.betaln(a, b)
        return -float(fit.sum())

    share = (crossed.sum() + 0.5) / (approaches.sum() + 1.0)
    found = optimize.minimize(
        against, [special.logit(share), 1.0], method="L-BFGS-B", bounds=_BOUNDS
    )
    mean, size = special.expit(found.x[0]), np.exp(found.x[1])
    return float(mean * size), float((1.0 - mean) * size)


def _worst_first(made: PieceRanking) -> PieceRanking:
    order = np.lexsort((made.piece, made.line, made.feature, -made.altered, -made.p_worst))
    return PieceRanking(*(getattr(made, name)[order] for name in PieceRanking.__slots__))
