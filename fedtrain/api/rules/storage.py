"""Rules on `spec.storage`."""

import re
from urllib.parse import urlsplit

from fedtrain.api.federated_training import FederatedTrainingSpec
from fedtrain.api.places import is_file, scheme
from fedtrain.api.rules.context import Context
from fedtrain.api.rules.rule import Cel, Violations, broken, quoted, regex, rule
from fedtrain.api.storage import S3, File, S3Access, Storage

BUCKET = "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"
_URI = "^(?i:s3):/"
_NAME_ONLY = "Write only the bucket's name, without `s3://`; the path belongs in `prefix`"
_SERVER = "^(?i:https?)://[^/?#]"
_PASSWORD = "^(?i:https?)://[^/?#]*@"
_VARIABLE = "[$][{(]?[A-Za-z_]"
_HOST = "[A-Za-z0-9_.-]+(:[0-9]+)?(/.*)?$"
"""What follows the scheme, such as `minio:9000/path`, also after `http:/` or without a scheme."""
_PLAIN = "^(?i:http):"
_NO_HOST = "Add the server's name, such as `https://minio.example.com:9000`"
_REMOVE_FILE = ", and remove `storage.file`"
_WITHOUT_TLS = ", or `http://` if the server does not use TLS"
_URL_IN_CEL = (
    f"self.matches({regex(_PLAIN)}) ? 'Use `http://' + self.find({regex(_HOST)}).split('/')[0] + '`' : "
    f"'Use `https://' + self.find({regex(_HOST)}).split('/')[0] + '`' + {quoted(_WITHOUT_TLS)}"
)


@rule(
    Storage,
    "type",
    message="`type` is File, but on a cluster the ledger must be in a bucket.",
    fix="Set `storage.type: S3` and `storage.s3.bucket`{change}.",
    # Not at the field: the API server refuses a default that its own rules refuse, and the default is File.
    cel=Cel(
        valid="self.storage.type != 'File'",
        values={"change": f"has(self.storage.file) ? '{_REMOVE_FILE}' : ''"},
        block=FederatedTrainingSpec,
        field="storage.type",
    ),
    scope="Cluster",
)
def type_is_shared(storage: Storage, context: Context) -> Violations:
    """On a cluster, `type` is `S3`."""
    if storage.type == "File":
        yield broken(change="" if storage.file is None else _REMOVE_FILE)


@rule(
    S3,
    "bucket",
    message="{bucket} is not a valid bucket name.",
    fix="Use 3 to 63 characters of a-z, 0-9, '.' and '-'.",
    cel=Cel(
        valid=f"self.matches({regex(BUCKET)}) || self.matches({regex(_URI)})", values={"bucket": "self"}, of_field=True
    ),
)
def bucket_name_is_valid(s3: S3, context: Context) -> Violations:
    """`s3.bucket` has 3 to 63 characters of a-z, 0-9, '.' and '-'."""
    if not re.search(BUCKET, s3.bucket) and not re.search(_URI, s3.bucket):
        yield broken(bucket=s3.bucket)


@rule(
    S3,
    "bucket",
    message="{uri} is a URI.",
    fix="{use}.",
    cel=Cel(valid=f"!self.matches({regex(_URI)})", values={"uri": "self", "use": quoted(_NAME_ONLY)}, of_field=True),
)
def bucket_is_not_a_uri(s3: S3, context: Context) -> Violations:
    """`s3.bucket` is a name, not `s3://name`."""
    if re.search(_URI, s3.bucket):
        name, _, prefix = re.sub(f"{_URI}+", "", s3.bucket).strip("/").partition("/")
        also = f" and `prefix: {prefix}`" if prefix else ""
        use = f"Write `bucket: {name}`{also}" if re.search(BUCKET, name) else _NAME_ONLY
        yield broken(uri=s3.bucket, use=use)


@rule(
    S3,
    "endpoint",
    message="{endpoint} ends with the bucket's name, which is added to it.",
    fix="Remove `/{bucket}` from the endpoint.",
    cel=Cel(
        valid=f"!has(self.endpoint) || !self.endpoint.matches({regex(_SERVER)}) || "
        "!self.endpoint.endsWith('/' + self.bucket) || self.endpoint.endsWith('//' + self.bucket)",
        values={"endpoint": "self.endpoint", "bucket": "self.bucket"},
    ),
)
def endpoint_does_not_end_with_the_bucket(s3: S3, context: Context) -> Violations:
    """`s3.endpoint` is that of the server: it does not end with the bucket's name."""
    if s3.endpoint is None or not re.search(_SERVER, s3.endpoint) or s3.endpoint.endswith(f"//{s3.bucket}"):
        return
    if s3.endpoint.endswith(f"/{s3.bucket}"):
        yield broken(endpoint=s3.endpoint, bucket=s3.bucket)


@rule(
    S3Access,
    "endpoint",
    message="{endpoint} is not the URL of a server.",
    fix="{use}.",
    cel=Cel(
        valid=f"self.matches({regex(_SERVER)})",
        values={
            "endpoint": "self",
            "use": f"self.matches({regex(_HOST)}) ? ({_URL_IN_CEL}) : {quoted(_NO_HOST)}",
        },
        of_field=True,
    ),
)
def endpoint_has_a_server(s3: S3Access, context: Context) -> Violations:
    """`s3.endpoint` is `http://` or `https://` and a host."""
    if s3.endpoint is not None and not re.search(_SERVER, s3.endpoint):
        found = re.search(_HOST, s3.endpoint)
        plain, host = re.search(_PLAIN, s3.endpoint), found[0].split("/")[0] if found else ""
        url = f"Use `http://{host}`" if plain else f"Use `https://{host}`{_WITHOUT_TLS}"
        yield broken(endpoint=s3.endpoint, use=url if found else _NO_HOST)


@rule(
    S3Access,
    "endpoint",
    message="{endpoint} is not a valid URL.",
    fix="Use `https://` and the server's name.",
    cel=Cel(valid=f"!self.matches({regex(_SERVER)}) || isURL(self)", values={"endpoint": "self"}, of_field=True),
)
def endpoint_is_a_url(s3: S3Access, context: Context) -> Violations:
    """`s3.endpoint` is a valid URL."""
    if s3.endpoint is not None:
        try:
            urlsplit(s3.endpoint)
        except ValueError:
            yield broken(endpoint=s3.endpoint)


@rule(
    S3Access,
    "endpoint",
    message="The endpoint contains a user name or password, which the ledger would record.",
    fix="Remove it, and use the Secret in `credentialsSecretRef`, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
    cel=Cel(valid=f"!has(self.endpoint) || !self.endpoint.matches({regex(_PASSWORD)})"),  # of_field shows the value
)
def endpoint_has_no_password(s3: S3Access, context: Context) -> Violations:
    """`s3.endpoint` contains no user name and no password."""
    if s3.endpoint is not None and re.search(_PASSWORD, s3.endpoint):
        yield broken()


@rule(
    S3Access,
    "caFile",
    message="The file {file} does not exist.",
    fix="Correct the path; relative paths start at the folder of this file.",
    scope="Disk",
)
def ca_file_exists(s3: S3Access, context: Context) -> Violations:
    """`s3.caFile` exists."""
    if s3.ca_file is not None and not is_file(context.resolve(s3.ca_file)):
        yield broken(file=context.resolve(s3.ca_file))


@rule(
    File,
    "path",
    message="{path} is not a path.",
    fix="{use}.",
)
def file_path_is_a_path(file: File, context: Context) -> Violations:
    """`file.path` is a path, not a URI."""
    if scheme(file.path) == "file":
        return
    name, _, prefix = re.sub(f"{_URI}+", "", file.path).strip("/").partition("/")
    use = "Use a path, or set `type: S3` and `s3.bucket`"
    if re.search(_URI, file.path) and name:
        also = f", prefix: {prefix}" if prefix else ""
        use = f"For a bucket, write `type: S3` and `s3: {{bucket: {name}{also}}}` instead of `file`"
    yield broken(path=file.path, use=use)


@rule(
    File,
    "path",
    message="{path} contains an environment variable, and these are not expanded here.",
    fix="Write the whole path, for example `~/runs`.",
)
def file_path_has_no_variable(file: File, context: Context) -> Violations:
    """`file.path` contains no variable such as `$HOME`."""
    if re.search(_VARIABLE, file.path):
        yield broken(path=file.path)


@rule(
    File,
    "path",
    message="{path} is a file.",
    fix="Use a folder; it is created if it does not exist.",
    scope="Disk",
)
def file_path_is_a_folder(file: File, context: Context) -> Violations:
    """`file.path` is a folder, or does not exist yet."""
    if scheme(file.path) == "file" and is_file(context.resolve(file.path)):
        yield broken(path=context.resolve(file.path))
