"""A bucket of an S3 server: what these examples need of it, signed by AWS Signature Version 4.

Any S3 library does the same; these lines are here so that the image needs none.
"""

import hashlib
import hmac
import http.client
import os
import urllib.parse
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

ALGORITHM = "AWS4-HMAC-SHA256"
NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"
TIMEOUT_SECONDS = 30
OBJECT_MAX_BYTES = 64 * 1024 * 1024


class BucketError(OSError):
    """The server's refusal: what was asked, and its status and words."""

    def __init__(self, asked: str, status: int, body: bytes) -> None:
        self.status = status
        super().__init__(f"{asked}: {status} {explain(body)}".rstrip())


def explain(body: bytes) -> str:
    """S3's own code and message, as far as the body has them."""
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError:
        return ""
    return ": ".join(text for name in ("Code", "Message") if (text := root.findtext(name)))


@dataclass(frozen=True)
class Keys:
    access: str
    secret: str
    region: str = "us-east-1"


@dataclass(frozen=True)
class Object:
    key: str
    etag: str  # with its quotes, as S3 writes it
    size: int


def escape(text: str, safe: str = "") -> str:
    return urllib.parse.quote(text, safe=safe + "-_.~")


def sign(keys: Keys, method: str, path: str, query: str, headers: Mapping[str, str], when: str) -> str:
    """The header Authorization. `headers`: all that are signed, by names in lower case; `when`: x-amz-date."""
    scope = f"{when[:8]}/{keys.region}/s3/aws4_request"
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(headers))
    request = "\n".join((method, path, query, lines, names, headers["x-amz-content-sha256"]))
    text = "\n".join((ALGORITHM, when, scope, hashlib.sha256(request.encode()).hexdigest()))
    key = f"AWS4{keys.secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    return f"{ALGORITHM} Credential={keys.access}/{scope},SignedHeaders={names},Signature={signature}"


class Bucket:
    def __init__(self, endpoint: str, name: str, keys: Keys) -> None:
        parts = urllib.parse.urlsplit(endpoint)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/"):
            raise ValueError(f"S3_ENDPOINT must be http://HOST[:PORT] or https://HOST[:PORT], not '{endpoint}'")
        self.secure, self.host, self.name, self.keys = parts.scheme == "https", parts.netloc, name, keys

    def __str__(self) -> str:
        return f"bucket {self.name} of {'https' if self.secure else 'http'}://{self.host}"

    def put(self, key: str, content: bytes) -> None:
        self.call("PUT", key, body=content)

    def get(self, wanted: Object) -> bytes:
        """Just that object: 412 when another one has its key by now."""
        return self.call("GET", wanted.key, headers={"if-match": wanted.etag})

    def list(self, prefix: str) -> list[Object]:
        found: list[Object] = []
        token = ""
        while True:
            query = {"list-type": "2", "prefix": prefix} | ({"continuation-token": token} if token else {})
            page = ElementTree.fromstring(self.call("GET", query=query))
            for item in page.iter(f"{NAMESPACE}Contents"):
                key, etag, size = (item.findtext(NAMESPACE + name) or "" for name in ("Key", "ETag", "Size"))
                found.append(Object(key, etag, int(size)))
            token = page.findtext(f"{NAMESPACE}NextContinuationToken") or ""
            if page.findtext(f"{NAMESPACE}IsTruncated") != "true" or not token:
                return found

    def call(self, method: str, key: str = "", query: Mapping[str, str] | None = None, body: bytes = b"",
             headers: Mapping[str, str] | None = None) -> bytes:
        path = escape(f"/{self.name}/{key}" if key else f"/{self.name}", "/")
        asked = "&".join(f"{escape(name)}={escape(value)}" for name, value in sorted((query or {}).items()))
        when = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        signed = {"host": self.host, "x-amz-date": when, "x-amz-content-sha256": hashlib.sha256(body).hexdigest(),
                  **(headers or {})}
        authorization = sign(self.keys, method, path, asked, signed, when)
        kind = http.client.HTTPSConnection if self.secure else http.client.HTTPConnection
        connection = kind(self.host, timeout=TIMEOUT_SECONDS)
        try:
            connection.request(method, f"{path}?{asked}" if asked else path, body,
                               {**signed, "authorization": authorization})
            response = connection.getresponse()
            content = response.read(OBJECT_MAX_BYTES + 1)
        finally:
            connection.close()
        if response.status != http.client.OK:
            raise BucketError(f"{method} {path}", response.status, content)
        if len(content) > OBJECT_MAX_BYTES:
            raise ValueError(f"{method} {path}: more than {OBJECT_MAX_BYTES} bytes")
        return content


def from_environment() -> Bucket:
    """As the pods of this example are told by their variables, the keys by a Secret."""
    keys = Keys(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"],
                os.environ.get("AWS_REGION", "us-east-1"))
    return Bucket(os.environ["S3_ENDPOINT"], os.environ["S3_BUCKET"], keys)
