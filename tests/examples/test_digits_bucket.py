"""The digits example's bucket: its client, and which batches a run reads."""

import unittest

import fake_s3
import support  # noqa: F401  (the path of the example's programs)

import batches
import s3

KEYS = s3.Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
NO_BYTES = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


class BucketCase(unittest.TestCase):
    def setUp(self) -> None:
        self.server = fake_s3.FakeS3("digits")
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.bucket = s3.Bucket(self.server.url, "digits", KEYS)


class Client(BucketCase):
    def test_a_request_is_signed_as_the_documentation_of_s3_does_it(self) -> None:
        # "Authenticating Requests: Using the Authorization Header", examples GET Object and GET Bucket.
        when = "20130524T000000Z"
        headers = {"host": "examplebucket.s3.amazonaws.com", "x-amz-content-sha256": NO_BYTES, "x-amz-date": when}
        rows = [
            ("/test.txt", "", {"range": "bytes=0-9"},
             "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
            ("/", "max-keys=2&prefix=J", {},
             "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
        ]
        for path, query, more, signature in rows:
            found = s3.sign(KEYS, "GET", path, query, headers | more, when)
            self.assertTrue(found.endswith(f"Signature={signature}"), found)

    def test_objects_are_listed_over_pages_and_read_back(self) -> None:
        content = {f"batches/{name}.csv": name.encode() for name in ("a", "b+ä &", "c", "d", "e")}
        for key, body in content.items():
            self.bucket.put(key, body)
        self.bucket.put("other/x.csv", b"x")
        found = self.bucket.list("batches/")
        self.assertEqual({each.key: self.bucket.get(each) for each in found}, content)
        self.assertTrue(all(KEYS.access in each for each in self.server.authorizations))

    def test_an_object_that_was_written_over_is_not_read_for_the_one_before(self) -> None:
        self.bucket.put("batches/a.csv", b"1")
        found, = self.bucket.list("batches/")
        self.bucket.put("batches/a.csv", b"2")
        with self.assertRaisesRegex(s3.BucketError, "GET /digits/batches/a.csv: 412 PreconditionFailed: so it is"):
            self.bucket.get(found)

    def test_a_refusal_says_what_was_asked_and_the_servers_words(self) -> None:
        with self.assertRaisesRegex(s3.BucketError, "GET /none: 404 NoSuchBucket: so it is"):
            s3.Bucket(self.server.url, "none", KEYS).list("")

    def test_an_endpoint_that_is_none_is_refused(self) -> None:
        for endpoint in ("s3", "ftp://s3", "http://s3/path", "http://"):
            with self.assertRaisesRegex(ValueError, "S3_ENDPOINT must be"):
                s3.Bucket(endpoint, "digits", KEYS)


class Choice(unittest.TestCase):
    a, b, c = (s3.Object(f"batches/000{number}.csv", f'"{number}"', 10) for number in (1, 2, 3))

    def test_the_revision_is_the_one_that_the_controller_computes(self) -> None:
        # tests/unit/test_source_bucket.c has the same.
        objects = [s3.Object("data/a.csv", '"1a"', 10), s3.Object("data/b.csv", '"2b"', 20),
                   s3.Object("data/deep/c.csv", '"3c"', 30)]
        wanted = "sha256:5bffeda796a097f4782a072afb8f1be4b8fe390e6cff57635f6d6b4236a724a8"
        self.assertEqual(batches.revision_of(objects), wanted)
        self.assertEqual(batches.revision_of(objects[::-1]), wanted)

    def test_a_run_by_hand_takes_all(self) -> None:
        self.assertEqual(batches.choose([self.a, self.b], "", ""), [self.a, self.b])

    def test_a_run_takes_what_its_revision_is_of(self) -> None:
        revision = batches.revision_of([self.a, self.b])
        keys = f"{self.b.key}\n{self.a.key}"
        self.assertEqual(batches.choose([self.a, self.b], revision, keys), [self.a, self.b])
        self.assertEqual(batches.choose([self.a, self.b, self.c], revision, keys), [self.a, self.b])
        # More keys than a parameter holds: all that are there, as long as nothing has come since.
        self.assertEqual(batches.choose([self.a, self.b], revision, self.b.key), [self.a, self.b])

    def test_what_is_gone_or_written_over_fails_and_says_what_comes_next(self) -> None:
        revision = batches.revision_of([self.a, self.b])
        over = s3.Object(self.b.key, '"9"', 10)
        for found in ([self.a], [self.a, over], [self.a, over, self.c]):
            with self.assertRaisesRegex(ValueError, "gone or was written over; the Trigger starts another run"):
                batches.choose(found, revision, f"{self.b.key}\n{self.a.key}")


class Listing(BucketCase):
    def test_batches_are_what_the_trigger_counts_in_order(self) -> None:
        for key in ("batches/0002.csv", "batches/0001.csv", "batches/readme.txt", "batches/old/0000.csv", "else/1.csv"):
            self.bucket.put(key, b"x")
        self.assertEqual([each.key for each in batches.listed(self.bucket)], ["batches/0001.csv", "batches/0002.csv"])


if __name__ == "__main__":
    unittest.main()
