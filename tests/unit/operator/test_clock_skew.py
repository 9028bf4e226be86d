"""A participant's clock that is five minutes fast or slow, against the hub's."""

import asyncio
import base64
import json

import pytest
from fedtrain_operator.coordinator.heartbeat import Heartbeats
from fedtrain_operator.coordinator.signatures import RENEWAL_SECONDS
from fedtrain_operator.participant import token_renewal
from fedtrain_operator.participant.participant_reconciler import Records
from fedtrain_operator.participant.token_renewal import MOUNT_SECONDS, TokenRenewal
from fedtrain_operator.participant.transfers import COPY_SECONDS

from fedtrain.contracts.wire.signed_request_lifetime import LIFETIME_SECONDS
from fedtrain.manifests.kinds import Ref
from fedtrain.manifests.labels import TRANSFER_SECRET
from fedtrain.manifests.settings import Hub
from fedtrain.manifests.timestamps import instant, seconds_of
from fedtrain.manifests.token_claims import RENEWAL_SHARE
from tests.unit.operator.federation import Time
from tests.unit.operator.test_participant_sites import HERE, HUB, Remote

SKEW = 300.0
HEARTBEAT = 35.0
MINUTE = 60.0
HUBS_TIME = seconds_of("2026-03-01T12:00:00Z")

both_ways = pytest.mark.parametrize("skew", [SKEW, -SKEW], ids=["fast", "slow"])


def clock(now: float) -> Time:
    made = Time()
    made.now = now
    return made


@both_ways
def test_heartbeats_count_from_when_the_hub_saw_them(skew: float) -> None:
    remote, hubs, own = Remote(), clock(HUBS_TIME), clock(HUBS_TIME + skew)
    remote.hub.add("participants", {"metadata": {"name": "bank-b"}, "spec": {"namespace": HUB, "cluster": "Own"}})
    records = Records(
        remote.sites, remote.tasks.policies, remote.tasks.jobs, version="0.1.0", heartbeat=HEARTBEAT, clock=own
    )
    heartbeats = Heartbeats(MINUTE, hubs, hubs)

    def beat() -> None:
        asyncio.run(records.reconcile(Ref("", "bank-b")))
        heartbeats.note("bank-b", remote.hub.objects["participants", "", "bank-b"]["status"])

    for _ in range(3):
        beat()
        hubs.now, own.now = hubs.now + HEARTBEAT, own.now + HEARTBEAT
        assert heartbeats.silent(["bank-b"]) == {}
    hubs.now += HEARTBEAT
    assert heartbeats.silent(["bank-b"]) == {"bank-b": instant(HUBS_TIME + 2 * HEARTBEAT)}, "the hub's time"
    beat()
    assert heartbeats.silent(["bank-b"]) == {}


def test_a_clock_that_is_set_back_sends_the_next_heartbeat_at_once() -> None:
    remote, own = Remote(), clock(HUBS_TIME + SKEW)
    remote.hub.add("participants", {"metadata": {"name": "bank-b"}, "spec": {"namespace": HUB, "cluster": "Own"}})
    records = Records(
        remote.sites, remote.tasks.policies, remote.tasks.jobs, version="0.1.0", heartbeat=HEARTBEAT, clock=own
    )
    asyncio.run(records.reconcile(Ref("", "bank-b")))
    own.now -= SKEW
    asyncio.run(records.reconcile(Ref("", "bank-b")))
    assert remote.hub.objects["participants", "", "bank-b"]["status"]["lastSeen"] == instant(own.now)


@pytest.mark.parametrize(("skew", "starts"), [(SKEW, True), (-SKEW, False), (0.0, False)], ids=["fast", "slow", "none"])
def test_windows_are_open_by_the_participants_clock(skew: float, starts: bool) -> None:
    """The owner's rule: the hub's clock, a minute before the window opens, does not matter."""
    remote = Remote()
    policy = remote.here.objects["participantpolicies", HERE, "bank-b"]
    window = {"start": "12:01", "end": "13:00", "timeZone": "UTC"}
    remote.here.add("participantpolicies", {**policy, "spec": {**policy["spec"], "windows": [window]}})
    remote.tasks._clock = clock(HUBS_TIME + skew)  # pyright: ignore[reportPrivateUsage]
    remote.reconcile()
    assert bool(remote.jobs) == starts


@both_ways
def test_a_task_starts_with_requests_that_its_participants_clock_calls_expired_or_not_yet_valid(skew: float) -> None:
    remote = Remote()
    remote.tasks._clock = clock(HUBS_TIME + skew + LIFETIME_SECONDS)  # pyright: ignore[reportPrivateUsage]
    remote.reconcile()
    assert len(remote.jobs) == 1
    assert remote.here.objects["secrets", HERE, TRANSFER_SECRET]["data"].keys() == {"uid-bank-b"}


def test_requests_of_a_hub_whose_clock_is_slow_are_renewed_before_the_store_refuses_them() -> None:
    """The store's clock counts: it takes away the skew from their life."""
    assert RENEWAL_SECONDS + COPY_SECONDS < LIFETIME_SECONDS - SKEW


def token(life: int) -> str:
    claims = {"iat": HUBS_TIME, "exp": HUBS_TIME + life}
    return f"e30.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.signature"


@both_ways
@pytest.mark.parametrize("life", [3600, 240 * 3600], ids=["an hour", "ten days"])
def test_tokens_are_renewed_long_before_they_expire(skew: float, life: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The API server limits the life of tokens to an hour at the least."""
    renewing = Renewing(life, skew, monkeypatch)
    while not renewing.requested:
        renewing.check()
        renewing.hubs_time += MINUTE
    assert renewing.requested == [life]
    assert renewing.hubs_time - HUBS_TIME <= RENEWAL_SHARE * life + SKEW + MINUTE
    assert renewing.hubs_time + MOUNT_SECONDS < HUBS_TIME + life


def test_a_participant_that_was_offline_for_eight_days_still_renews_its_token(monkeypatch: pytest.MonkeyPatch) -> None:
    life, day = 10 * 24 * 3600, 24 * 3600
    renewing = Renewing(life, 0, monkeypatch)
    renewing.hubs_time += RENEWAL_SHARE * life - MINUTE
    renewing.check()
    assert renewing.requested == [], "the oldest token with which a participant goes offline"
    renewing.hubs_time += 8 * day
    renewing.check()
    assert renewing.requested == [life]
    assert renewing.hubs_time + MOUNT_SECONDS < HUBS_TIME + life, "the hub still accepts the previous token"


class Renewing:
    """A participant whose token was issued at HUBS_TIME. `requested`: lives of the tokens that it asked for."""

    def __init__(self, life: int, skew: float, monkeypatch: pytest.MonkeyPatch) -> None:
        remote = Remote()
        self.requested: list[int] = []
        self.hubs_time: float = HUBS_TIME

        async def request_token(account: Ref, seconds: int) -> str:
            self.requested.append(seconds)
            return token(life)

        monkeypatch.setattr(remote.sites.hub, "request_token", request_token, raising=False)
        monkeypatch.setattr(token_renewal, "current_token", lambda hub: token(life))
        remote.here.add("secrets", {"metadata": {"name": "renewed", "namespace": HERE}})
        hub = Hub(
            server="https://hub",
            namespace=HUB,
            participant="bank-b",
            credentials="",
            service_account="a",
            token_secret="renewed",
        )
        self._renewal = TokenRenewal(remote.sites, hub, lambda: self.hubs_time + skew)

    def check(self) -> None:
        asyncio.run(self._renewal.check())
