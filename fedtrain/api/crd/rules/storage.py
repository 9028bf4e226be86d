"""Rules on `spec.storage`."""

from fedtrain.api.crd.rule import Rule, expression, regex
from fedtrain.api.crd.rules.places import SCHEME

_PARTS = "self.bucket.replace('s3://', '', 1).split('/', 2)"
_NAME = regex("^[a-z0-9][a-z0-9.-]+[a-z0-9]$")
_PREFIX = f"({_PARTS}.size() > 1 ? {_PARTS}[1].find('.*[^/]') : '')"
_RENAMED = expression(f"Write bucket: {{{_PARTS}[0]}}.")
_MOVED = expression(f"Write bucket: {{{_PARTS}[0]}} and prefix: {{{_PREFIX}}}.")
_BUCKET_FIX = (
    f"(!({_PARTS}[0].matches({_NAME}) && {_PARTS}[0].size() <= 63) ? "
    f"'Write 3 to 63 characters of a-z, 0-9, . and -.' : {_PREFIX} != '' ? {_MOVED} : {_RENAMED})"
)
_SERVER = f"self.endpoint.matches({regex('^(?i)https?://[^/?#]')})"
_HOST = f"(self.endpoint.matches({regex('://[^/]')}) ? self.endpoint.split('://')[1].split('/')[0] : self.endpoint)"

S3 = (
    Rule(
        holds=f"self.bucket.matches({_NAME}) && self.bucket.size() <= 63",
        field="bucket",
        says=f"{{self.bucket}} is no name of a bucket. {{{_BUCKET_FIX}}}",
    ),
    Rule(
        holds=f"!has(self.endpoint) || {_SERVER}",
        field="endpoint",
        says=f"{{self.endpoint}} is no URL of a server. Write https://{{{_HOST}}}.",
    ),
    Rule(
        holds=f"!has(self.endpoint) || !({_SERVER}) || isURL(self.endpoint)",
        field="endpoint",
        says="{self.endpoint} is no URL. Write https:// and the server's name.",
    ),
    Rule(
        holds=f"!has(self.endpoint) || !self.endpoint.matches({regex('^(?i)https?://[^/?#]*@')})",
        field="endpoint",
        says="The endpoint holds a user and a password, which the ledger would keep. "
        "Remove them; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
    ),
)

FILE = (
    Rule(
        holds=f"!self.path.matches({SCHEME}) || self.path.matches({regex('^(?i)file://')})",
        field="path",
        says="{self.path} is no folder. Write a path, or type: S3 with an s3 block.",
    ),
)
