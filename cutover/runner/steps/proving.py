"""Steps that prove something before the plan goes on: drain, reconcile, verify."""

from __future__ import annotations

from cutover.freeze.beside import beside
from cutover.plan.steps import Step
from cutover.runner.gates import counted, reconciled
from cutover.runner.ground import Ground
from cutover.runner.results import StepFailed, StepResult
from cutover.runner.steps.loading import history_until
from cutover.runner.steps.persisting import patient
from router.errors import VendorRefused, VendorUnknown


async def drain(ground: Ground, step: Step, result: StepResult) -> None:
    """Wait until nothing of the scope is on its way to either ERP."""
    scope, plan = ground.scope(step), ground.plan
    result.evidence["polls"] = await ground.until_drained(scope, (plan.source, plan.target))
    backlog = await ground.backlog(scope, plan.source, plan.target)
    result.evidence["held"] = backlog.held
    gates = [
        counted("deliveries waiting", backlog.waiting, why=backlog.why),
        counted("deliveries in doubt", backlog.in_doubt),
    ]
    ground.judge(result, gates)


async def reconcile(ground: Ground, step: Step, result: StepResult) -> None:
    """Compare what both ERPs hold of the scope, and judge it by the step's thresholds.

    While an ERP can't be read it is asked again (`persisting`); then the step fails with what it said.
    """
    try:
        with patient(step, result.evidence, now=await ground.now(), started=result.started) as patience:
            comparison = await (await ground.controls()).compare(
                run_id=f"{ground.run_id}/{step.id}",
                legacy=ground.plan.source,
                cloud=ground.plan.target,
                scope=ground.scope(step),
                since="2000-01-01",
                until="9999-12-31",
                history_until=history_until(ground, step),
                patience=patience,
            )
            posted = await beside(ground, step, result, patience)
    except (VendorUnknown, VendorRefused) as error:
        # Nothing was compared, so nothing is proven: the step fails with what the ERP said.
        raise StepFailed(f"the ERPs could not be compared: {error.one_line()}") from error
    result.evidence["comparison"] = comparison.to_json()
    ground.judge(result, [*posted, *reconciled(comparison, step.thresholds)])


async def verify(ground: Ground, step: Step, result: StepResult) -> None:
    """After the release nothing is held any more, and nothing was left behind or given up."""
    scope, plan = ground.scope(step), ground.plan
    backlog = await ground.backlog(scope, plan.source)
    bad = await (await ground.controls()).unresolved(scope, (plan.target,))
    result.evidence |= {"refused": bad["refused"], "dead": bad["dead"]}
    gates = [
        counted("transactions still held", backlog.held),
        counted("legacy deliveries in doubt", backlog.in_doubt),
        counted("deliveries the cloud ERP gave up", bad["dead"]),
    ]
    ground.judge(result, gates)
