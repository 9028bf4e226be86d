"""From boto's errors to the store's: each names the bucket, the endpoint and the key, and says what to do. None holds
a credential: messages are made here from error codes; a server's own words appear for codes that are unknown only."""

# pyright: reportMissingTypeStubs=false

from typing import Any, cast

from botocore import exceptions as boto
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from fedtrain.ledger.s3_credentials import EXPIRED
from fedtrain.ledger.s3_place import Place, Settings
from fedtrain.ledger.store import ObjectMissing, StoreError, StoreRefused, StoreUnavailable

CONFLICT = ("ConditionalRequestConflict", "409", "OperationAborted")
TAKEN = ("PreconditionFailed", "412")
GONE = ("NoSuchKey", "404", "NotFound")
NO_UPLOAD = ("NoSuchUpload",)
"""A completion that was repeated although it had gone through, or an upload that someone aborted."""
_UNKNOWN_OPERATION = ("NotImplemented", "501", "MethodNotAllowed", "405")

_BUSY = frozenset(
    {"SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "Throttling", "ThrottlingException"}
    | {"TooManyRequests", "RequestLimitExceeded", "429", "500", "502", "503", "504", "XMinioServerNotInitialized"}
    | {"RequestTimeoutException", "BadGateway", "GatewayTimeout", "Busy"}
)

_DENIED = ("AccessDenied", "403", "Forbidden", "AllAccessDisabled", "AccountProblem")
_PERMISSIONS = {
    "GetObject": "s3:GetObject on this key and s3:ListBucket on the bucket",  # without it, a missing key answers 403
    "HeadObject": "s3:GetObject on this key and s3:ListBucket on the bucket",
    "PutObject": "s3:PutObject on this key",
    "CopyObject": "s3:GetObject and s3:PutObject on the run's prefix",
    "CreateMultipartUpload": "s3:PutObject on this key",
    "UploadPart": "s3:PutObject on this key",
    "CompleteMultipartUpload": "s3:PutObject on this key",
    "ListObjectsV2": "s3:ListBucket on the bucket for this prefix",
    "DeleteObjects": "s3:DeleteObject on this prefix",
}
"""What a request needs, by operation."""

_ADVICE: dict[tuple[str, ...], tuple[str, str]] = {  # what is wrong, and what to do, with the names of `Settings`
    ("NoSuchBucket",): (
        "there is no such bucket",
        "Create it, or correct {bucket}, {endpoint} or {region}.",
    ),
    _DENIED: (
        "access is denied",
        "The credentials need s3:GetObject, s3:PutObject, s3:ListBucket and s3:DeleteObject on this bucket and prefix.",
    ),
    ("SignatureDoesNotMatch",): (
        "the server computed another signature",
        "The secret key is wrong, or a proxy rewrites requests. Check AWS_SECRET_ACCESS_KEY or the profile in use.",
    ),
    ("InvalidAccessKeyId",): (
        "the server doesn't know this access key",
        "Check AWS_ACCESS_KEY_ID or the profile in use, and that the key belongs to this endpoint.",
    ),
    ("RequestTimeTooSkewed",): ("this machine's clock is wrong", "Set it (NTP); signatures are valid for minutes."),
    ("PermanentRedirect", "301", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "307"): (
        "the bucket is in another region",
        "Set {region} to the bucket's.",
    ),
    ("NotImplemented", "501"): (
        "the server doesn't know conditional writes (If-None-Match)",
        "Update the server, or use another store; fedtrain can't keep a ledger without them.",
    ),
    ("QuotaExceeded", "XMinioStorageFull", "507", "XMinioAdminBucketQuotaExceeded"): (
        "the store is full",
        "Free some space or raise the quota.",
    ),
    ("InvalidBucketName",): ("the name of the bucket is not valid", "Correct {bucket}."),
    ("MethodNotAllowed", "405", "400", "301"): (
        "what answers doesn't speak S3",
        "{endpoint} must be the URL of the S3 API, not of a console or a web page.",
    ),
}
_FIXED_AT_THE_STORE = frozenset(
    {*_DENIED, "SignatureDoesNotMatch", "InvalidAccessKeyId"}
    | {"QuotaExceeded", "XMinioStorageFull", "507", "XMinioAdminBucketQuotaExceeded"}
)
"""Refusals that end when somebody grants a permission, corrects the credentials or frees space."""
_BY_CODE = {code: advice for codes, advice in _ADVICE.items() for code in codes}
_NO_S3 = "405"


def code_of(error: Exception) -> str:
    """The server's code of a ClientError (the HTTP status where there is none), else ''."""
    if not isinstance(error, boto.ClientError):
        return ""
    plain = _answer(error)
    return str(plain.get("Error", {}).get("Code") or plain.get("ResponseMetadata", {}).get("HTTPStatusCode") or "")


def was_retried(error: Exception) -> bool:
    """Whether boto sent the request more than once, so that an earlier one may have gone through."""
    plain = _answer(error) if isinstance(error, boto.ClientError) else {}
    return bool(plain.get("ResponseMetadata", {}).get("RetryAttempts"))


def explain(error: Exception, place: Place, key: str) -> StoreError:
    """The StoreError that says what `error`, of boto or urllib3, means."""
    if _is_without_copies(error):
        return no_copies(place, key)
    explained = _explain(error, place, key)
    explained.unanswered = place.settings.endpoint if _is_unanswered(error) else None
    return explained


def no_copies(place: Place, key: str) -> StoreError:
    """The server stores objects and does not copy them."""
    return StoreError(
        f"{_where(place, key)}: the server doesn't know CopyObject. Update the server, or use another store: on a "
        "cluster, participants read copies of the adapter."
    )


def _is_without_copies(error: Exception) -> bool:
    is_copy = isinstance(error, boto.ClientError) and getattr(error, "operation_name", "") == "CopyObject"
    return is_copy and code_of(error) in _UNKNOWN_OPERATION


def _is_unanswered(error: Exception) -> bool:
    """An S3 server's errors have a code in words, but those of a HEAD, which has no body."""
    if isinstance(error, boto.ClientError):
        return code_of(error).isdigit() and getattr(error, "operation_name", "") != "HeadObject"
    network = (boto.HTTPClientError, boto.ConnectionError, HTTPError)
    return isinstance(error, (*network, ResponseParserError, RecursionError))


def _explain(error: Exception, place: Place, key: str) -> StoreError:
    where, settings = _where(place, key), place.settings
    if isinstance(error, boto.ClientError):
        return _explain_answer(error, where, settings)
    if isinstance(error, (boto.NoCredentialsError, boto.PartialCredentialsError, boto.CredentialRetrievalError)):
        return StoreRefused(
            f"No credentials for {where}. {settings.credentials}, or run where an instance or pod role provides them."
        )
    if isinstance(error, boto.SSLError):
        return StoreError(
            f"The certificate of {where} could not be verified. For a private authority, set {settings.certificates} "
            f"to its certificate (PEM); for a server without TLS, write `http://` in {settings.endpoint}."
        )
    if isinstance(error, (boto.ConnectTimeoutError, boto.ReadTimeoutError)):
        return StoreUnavailable(
            f"{where} did not answer in time. Check that the server runs and that {settings.endpoint} is right."
        )
    if isinstance(error, (ResponseParserError, RecursionError)):  # botocore follows a web server's redirects so
        return no_s3(place, key)
    if isinstance(error, boto.ProxyConnectionError):
        return StoreUnavailable(
            f"The proxy in HTTPS_PROXY or HTTP_PROXY does not answer, so {where} can't be reached. Correct or unset "
            "it, or list the server in NO_PROXY."
        )
    if isinstance(error, (boto.HTTPClientError, boto.ConnectionError)):
        return StoreUnavailable(
            f"No server answers at {place.server} (bucket {place.bucket!r}{f', key {key!r}' if key else ''}). Check "
            f"that the server runs, that {settings.endpoint} is right and that the network is open."
        )
    if isinstance(error, HTTPError):  # urllib3's own, while the answer is read
        return StoreUnavailable(f"{where}: the answer broke off. Check the network and proxies before the server.")
    return StoreError(f"{where}: {type(error).__name__}: {str(error)[:300]}. Check {settings.whole}.")


def no_s3(place: Place, key: str) -> StoreError:
    """Return the error for an answer that does not come from an S3 server."""
    problem, advice = _advice(_NO_S3, place.settings)
    error = StoreError(f"{_where(place, key)}: {problem}. {advice}")
    error.unanswered = place.settings.endpoint
    return error


def _where(place: Place, key: str) -> str:
    return f"{place}, key {key!r}" if key else str(place)


def _advice(code: str, settings: Settings) -> tuple[str, str]:
    problem, advice = _BY_CODE[code]
    return problem, advice.format(**vars(settings))


def _answer(error: boto.ClientError) -> dict[str, Any]:
    return cast(dict[str, Any], error.response)  # pyright: ignore[reportUnknownMemberType]


def _explain_answer(error: boto.ClientError, where: str, settings: Settings) -> StoreError:
    code, plain = code_of(error), _answer(error)
    metadata = plain.get("ResponseMetadata", {})
    status = str(metadata.get("HTTPStatusCode", ""))
    page = "html" in str(metadata.get("HTTPHeaders", {}).get("content-type", "")).lower()
    if page and code == status and status[:1] != "5" and error.operation_name != "HeadObject":  # that has no body
        problem, advice = _advice(_NO_S3, settings)
        return StoreError(f"{where}: {problem} (it answered {status} with a web page). {advice}")
    if code in GONE:
        return ObjectMissing(f"{where}: there is no such object.")
    if code in _BUSY or (status[:1] == "5" and code not in _BY_CODE):
        return StoreUnavailable(f"{where}: the server is busy or failing ({code}). It may answer later.")
    if code in EXPIRED:  # they are read again for the next request
        return StoreUnavailable(f"{where}: the credentials have expired ({code}). Log in again, or renew the Secret.")
    if code in CONFLICT:
        return StoreUnavailable(f"{where}: other writers kept the server from deciding who was first. Try again.")
    if code in _BY_CODE:
        problem, advice = _advice(code, settings)
        operation = str(getattr(error, "operation_name", ""))
        if code in _DENIED and operation in _PERMISSIONS:
            problem = f"{operation}: {problem}"
            advice = f"Grant {_PERMISSIONS[operation]} to the credentials in use."
        kind = StoreRefused if code in _FIXED_AT_THE_STORE else StoreError
        return kind(f"{where}: {problem} ({code}). {advice}")
    message = str(plain.get("Error", {}).get("Message", ""))[:200]
    return StoreError(f"{where}: the server refused with {code} ({message}). Check {settings.whole}.")
