"""Renews the participant's token at the hub before it expires, and writes it to a Secret here, which the pod mounts."""

import asyncio
import base64
import logging
import time
from collections.abc import Callable

import kopf

from fedtrain.manifests.kinds import SECRET, Ref
from fedtrain.manifests.settings import Hub
from fedtrain.manifests.token_claims import RENEWAL_SHARE, expires_at, issued_at
from fedtrain_operator.kube.api_error import ApiError
from fedtrain_operator.kube.hub_access import RENEWED_TOKEN, current_token
from fedtrain_operator.participant.sites import Sites

log = logging.getLogger("fedtrain")

CHECK_SECONDS = 60.0
MOUNT_SECONDS = 600.0
"""Time in which the kubelet brings a changed Secret to the pod. Until then, the previous token is used."""


class TokenRenewal:
    """`clock`: seconds since 1970."""

    def __init__(self, sites: Sites, hub: Hub, clock: Callable[[], float] = time.time) -> None:
        self._sites = sites
        self._hub = hub
        self._clock = clock
        self._renewed = 0.0

    async def run(self) -> None:
        """Check for ever. An error is logged, and the next check tries again."""
        while True:
            try:
                await self.check()
            except (ApiError, kopf.LoginError) as error:
                log.warning("cannot renew the token for the hub: %s", error)
            await asyncio.sleep(CHECK_SECONDS)

    async def check(self) -> None:
        """Renew the token if it is due. Raises ApiError, kopf.LoginError."""
        token, now = current_token(self._hub), self._clock()
        life = expires_at(token) - issued_at(token)
        due = issued_at(token) + RENEWAL_SHARE * life
        if life <= 0 or now < due or now - self._renewed < MOUNT_SECONDS:
            return
        assert self._hub.service_account is not None
        assert self._hub.token_secret is not None
        account = Ref(self._hub.namespace, self._hub.service_account)
        renewed = await self._sites.hub.request_token(account, round(life))
        data = {RENEWED_TOKEN: base64.b64encode(renewed.encode()).decode()}
        secret = Ref(self._sites.here.namespaces[0], self._hub.token_secret)
        if await self._sites.here.patch(SECRET, secret, {"data": data}) is None:
            raise ApiError(404, "NotFound", f"Secret {secret} does not exist. Run helm upgrade")
        self._renewed = now
        log.info("renewed the token for the hub")
