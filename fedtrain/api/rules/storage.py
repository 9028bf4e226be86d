"""Rules on `spec.storage`."""

import re
from urllib.parse import urlsplit

from fedtrain.api.places import is_file, scheme
from fedtrain.api.rules.subject import Problem, Problems, Subject

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


def the_bucket_has_a_valid_name(subject: Subject) -> Problems:
    """`s3.bucket` is a bucket's name alone: 3 to 63 characters of a-z, 0-9, . and -."""
    s3 = subject.spec.storage.s3
    if s3 is not None and not _BUCKET.fullmatch(s3.bucket):
        bucket, _, prefix = s3.bucket.removeprefix("s3://").partition("/")
        fix = "Write 3 to 63 characters of a-z, 0-9, . and -."
        if _BUCKET.fullmatch(bucket):
            fix = f"Write bucket: {bucket}" + (f" and prefix: {prefix.rstrip('/')}." if prefix.strip("/") else ".")
        yield Problem(subject.at("storage", "s3", "bucket"), f"{s3.bucket} is no name of a bucket.", fix)


def the_endpoint_is_a_plain_url(subject: Subject) -> Problems:
    """`s3.endpoint` is `http://` or `https://` and a host, without user and password."""
    s3 = subject.spec.storage.s3
    if s3 is None or s3.endpoint is None:
        return
    place = subject.at("storage", "s3", "endpoint")
    try:
        url = urlsplit(s3.endpoint)
    except ValueError as error:
        yield Problem(place, f"{s3.endpoint} is no URL: {error}.", "Write https:// and the server's name.")
        return
    if url.scheme not in ("http", "https") or not url.netloc:
        yield Problem(place, f"{s3.endpoint} is no URL of a server.", f"Write https://{url.netloc or s3.endpoint}.")
    elif "@" in url.netloc:
        message = "The endpoint holds a user and a password, which the ledger would keep."
        yield Problem(place, message, "Remove them; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.")


def the_certificates_are_there(subject: Subject) -> Problems:
    """`s3.caFile` exists."""
    s3 = subject.spec.storage.s3
    if s3 is not None and s3.ca_file is not None and not is_file(subject.resolve(s3.ca_file)):
        message = f"There is no file {subject.resolve(s3.ca_file)}."
        yield Problem(subject.at("storage", "s3", "caFile"), message, "Correct the path (from this file's folder).")


def the_folder_can_be_one(subject: Subject) -> Problems:
    """`file.path` is a path, and no file is in its place. The folder is made when it isn't there."""
    file = subject.spec.storage.file
    if file is None:
        return
    place = subject.at("storage", "file", "path")
    if scheme(file.path) != "file":
        yield Problem(place, f"{file.path} is no folder.", "Write a path, or type: S3 with an s3 block.")
    elif is_file(subject.resolve(file.path)):
        yield Problem(place, f"{subject.resolve(file.path)} is a file.", "Name a folder.")
