"""Covariance of daily returns that can be used: shrunk, with no eigenvalue below a floor, and its days counted."""

from dataclasses import dataclass

import numpy as np

from capture.option_prices import Floats

LEAST_EIGENVALUE = 1e-4  # of the mean variance


@dataclass(frozen=True, slots=True)
class Covariance:
    """A covariance matrix of daily returns, and what it rests on.

    `shrinkage` is how much of it is the diagonal of mean variances, from 0 to 1, and `floored` how many eigenvalues
    were raised. With fewer `days` than `names` no sample of returns has a covariance of its own.
    """

    matrix: Floats  # (names, names)
    days: int
    names: int
    shrinkage: float
    floored: int


def covariance(returns: Floats) -> Covariance:
    """Return the covariance of returns, a row for each day and a column for each name, by Ledoit and Wolf.

    Days on which any name lacks a return are left out, never taken for 0. Raises ValueError with fewer than two days.
    """
    whole = returns[~np.isnan(returns).any(axis=1)]
    days, names = whole.shape
    if days < 2:
        raise ValueError(f"{days} days have returns of all {names} names, and a covariance needs 2: leave names out")
    centred = whole - whole.mean(axis=0)
    sample = centred.T @ centred / days
    shrinkage, target = _shrinkage(centred, sample)
    matrix, floored = _floor(shrinkage * target + (1 - shrinkage) * sample)
    return Covariance(matrix, days, names, shrinkage, floored)


def _shrinkage(centred: Floats, sample: Floats) -> tuple[float, Floats]:
    """Return how much of the target is best, by how much the sample's entries scatter, and the target."""
    days, names = centred.shape
    target = np.eye(names) * np.trace(sample) / names
    apart = float(((sample - target) ** 2).sum())
    squares = centred**2
    scatter = float((squares.T @ squares / days - sample**2).sum()) / days
    return (min(scatter / apart, 1.0) if apart > 0 else 1.0), target


def _floor(matrix: Floats) -> tuple[Floats, int]:
    values, vectors = np.linalg.eigh(matrix)
    least = LEAST_EIGENVALUE * max(float(np.trace(matrix)) / len(matrix), np.finfo(float).tiny)
    raised = np.maximum(values, least)
    return (vectors * raised) @ vectors.T, int(np.count_nonzero(values < least))


def normal_deviation(exposures: Floats, matrix: Floats) -> float:
    """Return the standard deviation of a day's change of worth, of exposures in money to each name."""
    return float(np.sqrt(exposures @ matrix @ exposures))
