"""A comparison carried out before the user's eyes, with a server for as long as it takes."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from bluey_adapters.home import Home
from bluey_adapters.registry import Registry
from bluey_admin.connection import server_of
from bluey_admin.evaluation.comparison import Comparison
from bluey_admin.evaluation.findings import Findings
from bluey_admin.evaluation.plan import JudgePlan, Plan
from bluey_admin.evaluation.stages import Stages


class Keys(msgspec.Struct, frozen=True):
    """API keys: of this home's server, of the other endpoints, of the judge."""

    server: str | None = None
    elsewhere: str | None = None
    judge: str | None = None

    def for_judge(self, judge: JudgePlan | None) -> str | None:
        """The key to show the judge. Another place's has no business with our server's."""
        elsewhere = judge is not None and judge.url is not None
        return self.judge or (None if elsewhere else self.server)


def carry_out(
    home: Home,
    registry: Registry,
    folder: Path,
    plan: Plan,
    keys: Keys,
    *,
    title: str | None = None,
    notes: Sequence[str] = (),
) -> Findings:
    """Ask, judge, measure and score; what is known already is not done again.

    Raises Failure. Interrupted at any moment, it goes on from there when called again.
    """
    comparison = Comparison(home, registry, folder, plan)
    with Stages() as stages:
        if _needs_server(plan):
            with server_of(home, keys.server, meanwhile="this comparison") as server:
                ours = msgspec.structs.replace(keys, server=server.key)
                _converse(comparison, plan, stages, f"{server.url}/v1", ours)
        else:
            _converse(comparison, plan, stages, None, keys)
        stages.say("measuring perplexity on held-out lines")
        comparison.measure()
        stages.say("scoring")
        return comparison.findings(title=title, notes=notes)


def _converse(
    comparison: Comparison, plan: Plan, stages: Stages, url: str | None, keys: Keys
) -> None:
    comparison.ask(url, stages.tell, key=keys.server, key_elsewhere=keys.elsewhere)
    comparison.judge(url, stages.tell, key=keys.for_judge(plan.judge))


def _needs_server(plan: Plan) -> bool:
    return any(c.url is None for c in plan.contestants) or (
        plan.judge is not None and plan.judge.url is None
    )
