"""An S3 server in memory for one bucket: what examples/digits/app/s3.py asks, and no more."""

import hashlib
import http.server
import threading
import urllib.parse
from xml.sax.saxutils import escape

PAGE_OBJECTS = 2


class Handler(http.server.BaseHTTPRequestHandler):
    server: "FakeS3"

    def answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, status: int, code: str) -> None:
        self.answer(status, f"<Error><Code>{code}</Code><Message>so it is</Message></Error>".encode())

    def take(self) -> tuple[str, dict[str, str]] | None:
        """The key and the query; None: it was refused."""
        path, _, query = self.path.partition("?")
        _, bucket, *key = urllib.parse.unquote(path).split("/", 2)
        self.server.authorizations.append(self.headers.get("Authorization", ""))
        if bucket != self.server.bucket:
            self.refuse(404, "NoSuchBucket")
            return None
        return "".join(key), dict(urllib.parse.parse_qsl(query, keep_blank_values=True))

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if hashlib.sha256(body).hexdigest() != self.headers["x-amz-content-sha256"]:
            self.refuse(400, "XAmzContentSHA256Mismatch")
        elif taken := self.take():
            self.server.objects[taken[0]] = body
            self.answer(200)

    def do_GET(self) -> None:
        if not (taken := self.take()):
            return
        key, query = taken
        if not key:
            self.answer(200, self.server.page(query["prefix"], query.get("continuation-token", "")))
        elif key not in self.server.objects:
            self.refuse(404, "NoSuchKey")
        elif self.headers.get("If-Match", self.server.etag(key)) != self.server.etag(key):
            self.refuse(412, "PreconditionFailed")
        else:
            self.answer(200, self.server.objects[key])

    def log_message(self, *_: object) -> None:
        pass


class FakeS3(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, bucket: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.bucket = bucket
        self.objects: dict[str, bytes] = {}
        self.authorizations: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def etag(self, key: str) -> str:
        return f'"{hashlib.md5(self.objects[key]).hexdigest()}"'

    def page(self, prefix: str, token: str) -> bytes:
        keys = sorted(key for key in self.objects if key.startswith(prefix) and key > token)
        items = "".join(f"<Contents><Key>{escape(key)}</Key><ETag>{escape(self.etag(key))}</ETag>"
                        f"<Size>{len(self.objects[key])}</Size></Contents>" for key in keys[:PAGE_OBJECTS])
        more = len(keys) > PAGE_OBJECTS
        token = f"<NextContinuationToken>{escape(keys[PAGE_OBJECTS - 1])}</NextContinuationToken>" if more else ""
        return (f'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{items}{token}'
                f"<IsTruncated>{str(more).lower()}</IsTruncated></ListBucketResult>").encode()
