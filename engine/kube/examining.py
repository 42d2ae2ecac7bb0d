"""What stands in the way for good: an older definition, a missing right. Looked for now and then, told once.

Only what changed is logged, so that a right that is missing for a week is one line; readiness and metrics
say it all the time.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from engine.kube.client import Client
from engine.kube.errors import ApiError
from engine.kube.followed import Followed
from engine.kube.rights import Right, missing_rights, needed_rights
from engine.kube.schema import Finding, Flaw, check_schema
from engine.vitals import Check, Level

log = logging.getLogger(__name__)

STEADY_SECONDS = 300.0
"""How often it is looked again where nothing is missing."""
GRANT = "grant it, see deploy/base/rbac.yaml; conductor-watch check prints what to add"


class Examination:
    """Keeps what was found last; an outage changes nothing of it.

    Args:
        followed: the resources of the intents.
        namespaces: those whose intents are followed; ("",) for all.
        monotonic: the clock that looks are spaced by.
    """

    def __init__(
        self,
        client: Client,
        followed: Sequence[Followed],
        namespaces: Sequence[str],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._followed = followed
        self._needed = needed_rights([each.resource for each in followed], namespaces)
        self._monotonic = monotonic
        self._due = float("-inf")
        self._schema: tuple[Finding, ...] | None = None
        self._rights: tuple[Right, ...] | None = None
        self._told: dict[str, list[str]] = {}

    def look(self) -> None:
        """Looks where it is time to: at once while something is missing or not known yet, else seldom."""
        now = self._monotonic()
        if now < self._due:
            return
        try:
            rights = tuple(missing_rights(self._client, self._needed))
            schema = tuple(flaw for each in self._followed for flaw in check_schema(self._client, each))
        except ApiError as error:
            self._client.health.failed("examination", error)
            return
        self._client.health.worked("examination")
        self._tell("rights", [f"the account may not {right}; {GRANT}" for right in rights])
        self._tell("schema", [finding.message for finding in schema])
        self._rights, self._schema = rights, schema
        if not rights and not schema:
            self._due = now + STEADY_SECONDS

    @property
    def checks(self) -> tuple[Check, ...]:
        """What was found, for readiness; nothing before the first look that got an answer."""
        if self._rights is None or self._schema is None:
            return ()
        return (self._rights_check(self._rights), _schema_check(self._schema))

    @property
    def flaws(self) -> Mapping[str, int]:
        """How many flaws of each kind the served definitions have; a pruned field is one."""
        found = Counter({flaw.value: 0 for flaw in Flaw})
        for finding in self._schema or ():
            found[finding.flaw.value] += max(1, len(finding.fields))
        return found

    @property
    def rights_missing(self) -> int:
        """How many rights are missing."""
        return len(self._rights or ())

    def _rights_check(self, rights: tuple[Right, ...]) -> Check:
        if not rights:
            return Check("rights", Level.OK, f"all {len(self._needed)} that are needed")
        level = Level.FAILED if any(right.essential for right in rights) else Level.WARNING
        return Check("rights", level, f"the account may not {', '.join(map(str, rights))}; {GRANT}")

    def _tell(self, area: str, found: list[str]) -> None:
        """Logs what was found where that is not what was told last."""
        before = self._told.get(area, [])
        self._told[area] = found
        for message in found:
            if message not in before:
                log.error("%s", message, extra={"area": area})
        if before and not found:
            log.info("%s: nothing is missing any more", area, extra={"area": area})


def _schema_check(findings: tuple[Finding, ...]) -> Check:
    if not findings:
        return Check("schema", Level.OK, "every field is kept as it is served")
    lossy = all(finding.flaw is Flaw.PRUNED for finding in findings)
    detail = "\n".join(finding.message for finding in findings)
    return Check("schema", Level.WARNING if lossy else Level.FAILED, detail)
