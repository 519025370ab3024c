"""What came of a load of several resources."""

from dataclasses import dataclass

from partner_referrals.errors import ReferralsError, worst_of
from partner_referrals.warehouse.account import Account
from partner_referrals.warehouse.tables import LoadRun


@dataclass(frozen=True)
class LoadOutcome:
    """The runs of one load, a failed one with its error, in the order of the resources.

    `account` is whose records were loaded, None where that is not known.
    """

    runs: tuple[LoadRun, ...]
    errors: tuple[ReferralsError | None, ...]
    account: Account | None = None

    @property
    def succeeded(self) -> tuple[LoadRun, ...]:
        """The runs that were merged."""
        return tuple(run for run in self.runs if run.succeeded)

    def raise_worst(self) -> None:
        """Raise the worst error, if there is any; its message names all."""
        failed = [
            (run, error)
            for run, error in zip(self.runs, self.errors, strict=True)
            if error is not None
        ]
        if not failed:
            return
        worst = worst_of([error for _, error in failed])
        if len(self.runs) == 1:
            raise worst
        loaded = ", ".join(run.resource for run in self.succeeded) or "nothing"
        said = " ".join(f"{run.resource} could not be loaded: {error}" for run, error in failed)
        raise type(worst)(f"{said} Loaded: {loaded}.") from worst
