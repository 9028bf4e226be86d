"""Sending presigned requests. The signatures are read again for each request, because the hub renews them.

Requests are repeated while the server does not answer, and while their signatures have expired. What a server refuses
otherwise is explained as for a client with keys. No message contains a URL: anyone who has it can use it.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false

import os
import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from botocore.awsrequest import AWSPreparedRequest, HeadersDict
from botocore.exceptions import BotoCoreError, ClientError
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies
from urllib3.exceptions import HTTPError

from fedtrain.api.storage import S3
from fedtrain.contracts.transfer import PART
from fedtrain.contracts.wire.transfer import SignedFile, SignedRequest, TransferGrant
from fedtrain.ledger.presigned_answers import NO_SUCH_RANGE, AnswerTooLong, code_in, content_of, is_answer
from fedtrain.ledger.s3_credentials import EXPIRED
from fedtrain.ledger.s3_errors import NO_UPLOAD, explain, no_s3
from fedtrain.ledger.s3_place import place_of, settings_of
from fedtrain.ledger.s3_ranges import size_in, start_in
from fedtrain.ledger.store import StoreError, StoreRefused, StoreUnavailable

T = TypeVar("T")
Choose = Callable[[TransferGrant], SignedRequest]
"""The request in a grant. It is called again when the grant was renewed."""

_RENEWABLE = (*EXPIRED, "InvalidAccessKeyId", "SignatureDoesNotMatch")
"""The hub's keys were replaced since it signed, or have expired."""
_DENIED = ("AccessDenied", "403", "Forbidden", "RequestTimeTooSkewed")
"""What servers answer to a request that has expired, among others."""
_CONNECTIONS = 8
_BLOCK = 1024 * 1024
_RENEWAL_CHECK_SECONDS = 2.0
_SHORTEST_TRY_SECONDS = 0.1
_OLD_DATE = timedelta(seconds=5)
"""How old the date of an answer may be: servers make it once a second, and their clocks differ a little."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """Seconds to connect, between two packets, until an outage of the store is reported, and until expired signatures
    that are not renewed are."""

    connect_seconds: float = 10.0
    read_seconds: float = 60.0
    outage_seconds: float = 120.0
    renewal_seconds: float = 1800.0


@dataclass(frozen=True)
class Answer:
    """`status` is below 300, 404, 412 or 416."""

    status: int
    headers: Mapping[str, str]
    content: bytes


@dataclass(frozen=True)
class Range:
    """`total`: bytes of the whole object; `blocks`: those of this range."""

    total: int
    blocks: Iterator[bytes]


class UploadEnded(StoreUnavailable):
    """The hub has put the parts together, or aborted the upload."""


class Requests:
    """Requests of one task to the store at `s3`. `grant` returns the grant as it is now. Safe to use from several
    threads."""

    def __init__(
        self,
        grant: Callable[[], TransferGrant],
        s3: S3,
        patience: Patience | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.patience = patience or Patience()
        self._grant = grant
        self._s3 = s3
        self._sleep = sleep
        self._clock = clock
        self._sessions: dict[tuple[str, str], Any] = {}

    def send(
        self,
        operation: str,
        name: str,
        choose: Choose,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        outage_seconds: float | None = None,
    ) -> Answer:
        """Send a request and return the answer. `operation`: S3's name of it; `name`: of the object, for messages.
        Raises StoreUnavailable when the server did not answer for `outage_seconds`, or when expired signatures were not
        renewed in that time; StoreRefused and StoreError for other refusals."""

        def take(response: Any) -> Answer:
            return Answer(response.status_code, response.headers, content_of(response))

        return self._repeated(operation, name, choose, body, headers or {}, outage_seconds, take)

    def range(self, name: str, choose: Choose, start: int) -> Range:
        """Request the bytes of an object from `start` on, at most a part: a request that the hub has withdrawn then
        reads no further part. Raises what `send` raises. It raises StoreUnavailable if a proxy answers with another
        range, and its blocks do after an answer that breaks off; it is for the caller to continue."""
        headers = {"Range": f"bytes={start}-{start + PART - 1}"}
        response = self._repeated("GetObject", name, choose, None, headers, None, lambda response: response)
        if response.status_code == 404:
            raise self._explained("NoSuchKey", 404, "GetObject", name)
        if response.status_code == NO_SUCH_RANGE:
            return Range(0, iter(()))
        length = int(response.headers.get("content-length", 0))
        if response.status_code != 206:
            if start and length:
                raise self._no_ranges(response)
            return Range(length, self._blocks(response))
        total = size_in(response.headers)
        if total is None:
            raise self._no_ranges(response)
        if start_in(response.headers.get("content-range", "")) != start:
            response.raw.close()
            raise StoreUnavailable(f"{name}: the server sent other bytes than those from byte {start}.")
        return Range(total, self._blocks(response))

    def await_renewal(
        self, name: str, used: SignedRequest, choose: Choose, longest: float, refusal: StoreError | None = None
    ) -> float:
        """Wait until the grant has another request than `used`. Return the seconds, `longest` at most. Raises
        StoreUnavailable if that is none. `refusal`: why the server refused the request, if it has not expired."""
        if longest <= 0:
            raise _not_renewed(name, refusal)
        waited = 0.0
        while waited < longest:
            if choose(self._grant()).url != used.url:
                return waited
            self._sleep(_RENEWAL_CHECK_SECONDS)
            waited += _RENEWAL_CHECK_SECONDS
        return waited

    def _blocks(self, response: Any) -> Iterator[bytes]:
        expected, received = response.headers.get("content-length"), 0
        try:
            for block in response.raw.stream(_BLOCK):
                received += len(block)
                yield block
        except HTTPError:
            raise StoreUnavailable(f"{self._place(response.url)}: the answer broke off.") from None
        if expected is not None and received != int(expected):
            raise StoreUnavailable(f"{self._place(response.url)}: the answer broke off.")

    def _no_ranges(self, response: Any) -> StoreError:
        return StoreError(f"{self._place(response.url)}: the server does not know ranges of an object.")

    def _repeated(
        self,
        operation: str,
        name: str,
        choose: Choose,
        body: bytes | None,
        headers: Mapping[str, str],
        outage_seconds: float | None,
        take: Callable[[Any], T],
    ) -> T:
        longest, renewal = self.patience.outage_seconds, self.patience.renewal_seconds
        if outage_seconds is not None:
            longest, renewal = outage_seconds, min(renewal, outage_seconds)
        out = expired = 0.0
        attempt, refusal = 0, None
        while True:
            request, began = choose(self._grant()), self._clock()
            try:
                response = self._once(request, body, headers, operation != "GetObject")
                if is_answer(response, operation):
                    return take(response)
                if response.status_code < 300:
                    response.raw.close()
                    raise no_s3(self._place(request.url), name)
                if code_in(response) in NO_UPLOAD:
                    raise UploadEnded(f"{name}: the upload in parts does not exist any more.")
                error = self._refusal(response, operation, name)
                past = _is_past(response, request.url)
                if code_in(response) in _RENEWABLE or (code_in(response) in _DENIED and past is not False):
                    refusal = refusal if past else error
                    expired += self.await_renewal(name, request, choose, renewal - expired, refusal)
                    continue
            except (BotoCoreError, HTTPError) as failure:
                error = explain(failure, self._place(request.url), name)
            except AnswerTooLong as long:
                raise StoreError(f"{self._place(request.url)}, key {name!r}: {long}.") from None
            out += max(_SHORTEST_TRY_SECONDS, self._clock() - began)  # a server that does not answer takes a minute
            if not isinstance(error, StoreUnavailable) or out >= longest:
                raise error from None
            pause = random.uniform(0.5, 1.0) * min(20.0, 0.2 * 2 ** min(attempt, 10))
            self._sleep(pause)
            out, attempt = out + pause, attempt + 1

    def _once(self, request: SignedRequest, body: bytes | None, headers: Mapping[str, str], streams: bool) -> Any:
        method = "GET" if body is None else "PUT"
        whole = HeadersDict({"User-Agent": "fedtrain", **request.headers, **headers})
        prepared = AWSPreparedRequest(method, request.url, whole, body, True)
        response = self._session(request.url).send(prepared)
        if streams or response.status_code >= 300:
            content_of(response)
        return response

    def _session(self, url: str) -> Any:
        """A session for the server, with the environment's proxies and the certificate authority of the ledger."""
        parts = urlsplit(url)
        key = parts.scheme, parts.netloc
        if key not in self._sessions:
            trusted: Any = self._s3.ca_file or os.environ.get("AWS_CA_BUNDLE") or True
            self._sessions[key] = URLLib3Session(
                verify=trusted,
                proxies=get_environ_proxies(url),
                timeout=(self.patience.connect_seconds, self.patience.read_seconds),
                max_pool_connections=_CONNECTIONS,
            )
        return self._sessions[key]

    def _refusal(self, response: Any, operation: str, name: str) -> StoreError:
        kind = response.headers.get("content-type", "")
        return self._explained(code_in(response), response.status_code, operation, name, kind)

    def _explained(self, code: str, status: int, operation: str, name: str, kind: str = "") -> StoreError:
        """`kind`: the answer's content type."""
        metadata = {"HTTPStatusCode": status, "HTTPHeaders": {"content-type": kind}}
        answer: Any = {"Error": {"Code": code}, "ResponseMetadata": metadata}
        error = explain(ClientError(answer, operation), self._place(""), name)
        if isinstance(error, StoreRefused) and error.unanswered is None:
            return StoreRefused(f"{error} These are the permissions of the hub, which signs the requests.")
        return error

    def _place(self, url: str) -> Any:
        endpoint = self._s3.endpoint or f"https://{urlsplit(url).netloc or 'AWS'}"
        return place_of(self._s3.bucket, self._s3, endpoint, self._s3.region, settings_of(self._s3, "storage.s3"))


def update_of(grant: TransferGrant) -> SignedFile:
    """The update file of a training task's grant."""
    assert grant.update is not None
    return grant.update


def _is_past(response: Any, url: str) -> bool | None:
    """Whether a request has expired by the server's clock, the only one that counts; None if the answer has no date."""
    query = parse_qs(urlsplit(url).query)
    try:
        signed = datetime.strptime(query["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        now = parsedate_to_datetime(response.headers["date"])
        return now + _OLD_DATE >= signed + timedelta(seconds=int(query["X-Amz-Expires"][0]))
    except (KeyError, ValueError, TypeError):
        return None


def _not_renewed(name: str, refusal: StoreError | None) -> StoreUnavailable:
    """Return the error for requests that have expired, or that the server refused for another reason."""
    if refusal is None:
        return StoreUnavailable(
            f"{name}: the signed requests have expired, and the hub has not renewed them. Check that the hub's "
            "operator runs and reaches this participant's namespace."
        )
    error = StoreUnavailable(f"{refusal} The hub, which signs the requests, has renewed none that the store accepts.")
    error.unanswered = refusal.unanswered
    return error
