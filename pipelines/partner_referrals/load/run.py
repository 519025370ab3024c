"""Loads, from the first request to the new views: each resource by itself."""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import duckdb

from partner_center import connect
from partner_center.http.client import PartnerCenterClient
from partner_center.listing.counts import NoCounts
from partner_center.resources import REFERRALS, RESOURCES, Resource
from partner_center.settings import PartnerCenterSettings, resolve_settings
from partner_center.sign_in.identity import Identity
from partner_center.wording import counted
from partner_referrals.errors import Locked, ReferralsError, UsageError, WarehouseFailed
from partner_referrals.load.counts import record_totals
from partner_referrals.load.options import Clock, LoadOptions, utc_now
from partner_referrals.load.outcome import LoadOutcome
from partner_referrals.load.passes import Job, Pass, choose_mode, run_passes
from partner_referrals.load.progress import SILENT, Progress, report_differences, report_rejects
from partner_referrals.load.rates import fetch_missing_rates, record_rates
from partner_referrals.load.state import WarehouseState, read_state
from partner_referrals.load.temporary_directory import temporary_directory
from partner_referrals.warehouse.account import (
    Account,
    account_of,
    is_published_copy,
    require_same_account,
)
from partner_referrals.warehouse.connection import explain_errors, open_warehouse, transaction
from partner_referrals.warehouse.lock import run_lock
from partner_referrals.warehouse.tables import (
    LoadRun,
    create_tables,
    explain_future_load,
    record_run,
    require_own_columns,
)
from partner_referrals.warehouse.views import refresh_views

_WITHOUT_OPTIONS = LoadOptions()


def load(
    warehouse: Path,
    options: LoadOptions = _WITHOUT_OPTIONS,
    *,
    resource: Resource = REFERRALS,
    settings: PartnerCenterSettings | None = None,
    certificate: Path | None = None,
    clock: Clock = utc_now,
    progress: Progress = SILENT,
) -> LoadRun:
    """Bring the warehouse up to what Partner Center shows now; the row of this run in load_runs.

    Without `settings` those of dlt's configuration apply. `certificate` is trusted besides the
    usual ones, for a sign-in authority on this machine. Raises one of partner_referrals.errors;
    what an earlier pass of this run merged stays then, and the row of the failed run is written
    where that is possible.
    """
    settings = settings or resolve_settings()
    clients = [connect(settings, certificate, resource)]
    outcome = _load_each(warehouse, options, settings, clients, clock, progress)
    outcome.raise_worst()
    return outcome.runs[0]


def load_resources(
    warehouse: Path,
    options: LoadOptions = _WITHOUT_OPTIONS,
    *,
    settings: PartnerCenterSettings | None = None,
    certificate: Path | None = None,
    clock: Clock = utc_now,
    progress: Progress = SILENT,
) -> LoadOutcome:
    """Load each configured resource by itself, as `load` does; one that fails stops no other."""
    settings = settings or resolve_settings()
    if options.filter and len(settings.resources) > 1:
        raise UsageError(
            "--filter selects records of one resource, but sources.partner_center.resources names "
            f"{', '.join(settings.resources)}. Nothing was loaded; set it to one of them for this "
            "load."
        )
    clients = [connect(settings, certificate, RESOURCES[name]) for name in settings.resources]
    return _load_each(warehouse, options, settings, clients, clock, progress)


def _load_each(
    warehouse: Path,
    options: LoadOptions,
    settings: PartnerCenterSettings,
    clients: Sequence[PartnerCenterClient],
    clock: Clock,
    progress: Progress,
) -> LoadOutcome:
    ended: list[_Ended] = []
    with run_lock(warehouse), temporary_directory(warehouse) as directory:
        for client in clients:
            job = Job(
                uuid4().hex,
                clock(),
                warehouse,
                options,
                settings,
                client,
                progress,
                Identity(),
                Account(None, ""),
            )
            ended.append(_load_one(job, clients, directory / client.resource.name, clock))
    return LoadOutcome(
        runs=tuple(each.run for each in ended),
        errors=tuple(each.error for each in ended),
        account=next((each.account for each in ended if each.account), None),
    )


class _Ended(NamedTuple):
    """The row of a run, why it failed if it did, and whose records the warehouse holds."""

    run: LoadRun
    error: ReferralsError | None
    account: Account | None


def _load_one(
    job: Job, clients: Sequence[PartnerCenterClient], directory: Path, clock: Clock
) -> _Ended:
    mode, state = "full", WarehouseState()
    passes: list[Pass] = []
    try:
        with explain_errors(job.warehouse):
            directory.mkdir()
            job = replace(job, identity=job.client.identity())
            job = replace(job, account=_find_account(job, clients))
            state = _read_state(job)
            same_account = job.options.same_account
            require_same_account(state.account, job.account, same_account=same_account)
            job = replace(job, may_judge_vanished=_may_judge_vanished(job, state))
            mode = choose_mode(state, job.options, job.started_at)
            for each in run_passes(job, state, mode, directory):
                passes.append(each)
            return _Ended(_finish(job, passes, clock), None, job.account)
    except (ReferralsError, KeyboardInterrupt) as error:
        run = _record_failure(job, mode, passes, clock, error)
        if isinstance(error, KeyboardInterrupt):
            raise
        return _Ended(run, error, state.account)


def _find_account(job: Job, clients: Sequence[PartnerCenterClient]) -> Account:
    """Whose records these are; a tenant that the token of one API names is that of all."""
    identity = job.identity
    if identity.tenant_id is None:
        for client in clients:
            with suppress(ReferralsError):
                identity = client.identity()
            if identity.tenant_id is not None:
                break
    # The first resource, so that several hosts of one configuration are one account.
    return account_of(identity, clients[0].base_url)


def _read_state(job: Job) -> WarehouseState:
    if not job.warehouse.exists():
        # Made now, so that an unusable path is found before anything is requested.
        with open_warehouse(job.warehouse):
            return WarehouseState(is_new=True)
    with open_warehouse(job.warehouse, read_only=True) as connection:
        require_own_columns(connection)
        if is_published_copy(connection):
            raise UsageError(
                f"{job.warehouse} is a copy that 'referrals publish' made, and the next publish "
                "would replace what is loaded there. Nothing was listed or changed; load into the "
                "warehouse itself, with --warehouse."
            )
        return read_state(connection, job.started_at, job.resource)


def _may_judge_vanished(job: Job, state: WarehouseState) -> bool:
    """Whether the user is the one of the last verified full load: a narrower role sees less."""
    user, before = job.identity.user_id, state.verified_by
    if user is None or before is None or user == before or job.options.allow_vanish:
        return True
    job.progress.warn(
        "The user who signs in is not the one of the last verified full load, and may see fewer "
        "records. No record is marked as no longer listed. If this user sees all there is, run "
        "'referrals load --full --allow-vanish' once."
    )
    return False


def _finish(job: Job, passes: list[Pass], clock: Clock) -> LoadRun:
    """Make the new state visible: the row of the run and the views, in one transaction."""
    started = time.perf_counter()
    last = passes[-1]
    # A few rejected records among those that changed lately are no reason to fail each night.
    is_everything = last.listing.filter is None
    if is_everything and last.listing.rows_received and not last.comparison.seen_count:
        raise ReferralsError(
            f"None of what Partner Center sent ({counted(last.listing.rows_received, 'records')}) "
            "can be read. It is kept in partner_center.referral_rejects with the reason; "
            "nothing else was changed. Look at the reasons; a newer version may read them."
        )
    rates = fetch_missing_rates(job.warehouse, job.client, job.started_at, job.progress)
    report_rejects(job.progress, last.comparison.rejected_count)
    if not isinstance(last.counts, NoCounts):
        report_differences(job.progress, last.comparison.reconciliation)
    run = _describe(job, last.mode, passes)
    with open_warehouse(job.warehouse) as connection:
        run.finished_at = clock()
        run.succeeded = True
        if future_load := explain_future_load(connection, run.finished_at):
            job.progress.warn(future_load)
        with transaction(connection):
            record_run(connection, run)
            record_totals(connection, run.finished_at, last.counts)
            record_rates(connection, rates)
            view_count = refresh_views(connection, job.options.views)
        connection.execute("checkpoint")
    job.progress.step("views", "marts", f"{view_count} views", time.perf_counter() - started)
    return run


def _record_failure(
    job: Job, mode: str, passes: list[Pass], clock: Clock, error: BaseException
) -> LoadRun:
    """Write the row of a run that failed, if the warehouse can be written."""
    run = _describe(job, passes[-1].mode if passes else mode, passes)
    run.finished_at = clock()
    run.reconciled = None
    run.error = str(error) or "The run was interrupted."
    try:
        with open_warehouse(job.warehouse, wait_seconds=0) as connection:
            # With columns of somebody else, the run may still fit load_runs.
            with suppress(WarehouseFailed):
                create_tables(connection)
            record_run(connection, run)
    except (UsageError, duckdb.CatalogException, duckdb.BinderException):
        # There is no warehouse of ours, so nobody looks for the run in it.
        pass
    except (ReferralsError, duckdb.Error) as failure:
        if not isinstance(error, Locked) and str(failure) != run.error:
            job.progress.warn("The failed run could not be recorded in load_runs either.")
    return run


def _describe(job: Job, mode: str, passes: list[Pass]) -> LoadRun:
    """The row of a run as far as its passes tell."""
    run = LoadRun(
        run_id=job.run_id,
        started_at=job.started_at,
        mode=mode,
        rows_received=sum(each.listing.rows_received for each in passes),
        rows_new=sum(each.changes.new_count for each in passes),
        rows_changed=sum(each.changes.changed_count for each in passes),
        rows_vanished=sum(each.changes.vanished_count for each in passes),
        requests=job.client.request_count,
        retries=job.client.retry_count,
        resource=job.resource.name,
        base_url=job.client.base_url,
        tenant_id=job.identity.tenant_id,
        user_id=job.identity.user_id,
    )
    if passes:
        comparison = passes[-1].comparison
        run.rows_rejected = comparison.rejected_count
        run.rows_unchanged = max(0, comparison.seen_count - run.rows_new - run.rows_changed)
        run.reconciled = comparison.reconciliation.is_reconciled
        counts = passes[-1].counts
        run.server_total = None if isinstance(counts, NoCounts) else counts.total
        run.warehouse_total = comparison.warehouse_total
    return run
