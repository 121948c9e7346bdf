#ifndef TIDEMILL_UNIT_TEST_SOURCE_BUCKET_FIXTURE_H
#define TIDEMILL_UNIT_TEST_SOURCE_BUCKET_FIXTURE_H

/* Pages of a listing as an S3 server writes them: HEAD, objects, TAIL. */

#define PLACE "https://s3.example:9000"
#define HEAD                                       \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" \
    "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>data</Name>"
#define TAIL "</ListBucketResult>"
#define OBJECT(key, time, etag, size)                                              \
    "<Contents><Key>" key "</Key><LastModified>" time "</LastModified><ETag>" etag \
    "</ETag><Size>" size "</Size><StorageClass>STANDARD</StorageClass></Contents>"
#define A OBJECT("data/a.csv", "2026-01-01T00:00:00.000Z", "&quot;1a&quot;", "10")
#define B OBJECT("data/b.csv", "2026-01-02T00:00:00.500Z", "&quot;2b&quot;", "20")
#define C OBJECT("data/deep/c.csv", "2025-12-31T00:00:00.000Z", "&quot;3c&quot;", "30")

#endif
