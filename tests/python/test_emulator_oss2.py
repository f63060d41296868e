"""`oss2` as a client of the emulator: every call that an application would make, in both signature versions."""

import hashlib
import io

import oss2
import oss2.models
import pytest
import requests

from cloud import ACCESS_KEY, AWKWARD, BUCKET, MIB, REGION, noise


@pytest.fixture(params=["v1", "v4"])
def client(request, cloud, run):
    auth = {"v1": oss2.Auth, "v4": oss2.AuthV4}[request.param](*ACCESS_KEY)
    watch = run("oss2", f"emulator {request.param.upper()}").watch

    def client(bucket=BUCKET):
        return watch(oss2.Bucket(auth, cloud.oss, bucket, region=REGION))

    client.prefix = f"oss2-{request.param}"
    client.service = watch(oss2.Service(auth, cloud.oss, region=REGION))
    client.auth = auth
    return client


@pytest.fixture
def made(client):
    """A bucket of the test's own, gone afterwards with all that is in it."""
    bucket = client(f"made-{client.prefix}")
    bucket.create_bucket()
    yield bucket
    for entry in bucket.list_objects(max_keys=1000).object_list:
        bucket.delete_object(entry.key)
    for upload in oss2.MultipartUploadIterator(bucket):
        bucket.abort_multipart_upload(upload.key, upload.upload_id)
    bucket.delete_bucket()


def code(error):
    return error.value.status, error.value.code


def test_objects_are_put_got_and_deleted_under_awkward_names(client):
    bucket = client()
    for name in AWKWARD:
        key = f"{client.prefix}/{name}"
        put = bucket.put_object(key, name.encode())
        assert put.status == 200 and put.request_id and put.crc is not None
        assert put.etag == hashlib.md5(name.encode()).hexdigest().upper()
        assert bucket.object_exists(key)
        got = bucket.get_object(key)
        assert got.read() == name.encode() and got.client_crc == got.server_crc
        assert bucket.delete_object(key).status == 204
        assert not bucket.object_exists(key)
    with pytest.raises(oss2.exceptions.NoSuchKey) as error:
        bucket.get_object(f"{client.prefix}/nothing")
    assert code(error) == (404, "NoSuchKey") and error.value.request_id


def test_files_and_streams_go_up_and_down(client, tmp_path):
    bucket, key, body = client(), f"{client.prefix}/file.bin", noise(3 * MIB)
    (tmp_path / "up").write_bytes(body)
    seen = []
    bucket.put_object_from_file(key, str(tmp_path / "up"), progress_callback=lambda *at: seen.append(at))
    assert seen[-1] == (len(body), len(body))
    bucket.get_object_to_file(key, str(tmp_path / "down"))
    assert (tmp_path / "down").read_bytes() == body
    bucket.put_object(key, iter([b"chunk", b"ed"]))
    assert bucket.get_object(key).read() == b"chunked"
    bucket.put_object(key, io.BytesIO(b""))
    assert bucket.get_object(key).read() == b""


def test_ranges_and_conditions_hold(client):
    bucket, key = client(), f"{client.prefix}/ranges"
    etag = bucket.put_object(key, b"0123456789").etag
    for given, expected in [((2, 4), b"234"), ((7, None), b"789"), ((None, 3), b"789")]:
        part = bucket.get_object(key, byte_range=given)
        assert (part.status, part.read()) == (206, expected)
    assert bucket.get_object(key, byte_range=(8, 100)).read() in (b"89", b"0123456789")
    for headers, status in [
        ({"If-None-Match": f'"{etag}"'}, 304),
        ({"If-Match": '"00"'}, 412),
        ({"If-Modified-Since": oss2.http_date(4_000_000_000)}, 304),
        ({"If-Modified-Since": oss2.http_date(1_000_000_000)}, 200),
        ({"If-Unmodified-Since": oss2.http_date(1_000_000_000)}, 412),
    ]:
        try:
            assert bucket.get_object(key, headers=headers).status == status
        except oss2.exceptions.ServerError as error:
            assert error.status == status


def test_heads_carry_what_was_put(client):
    bucket, key = client(), f"{client.prefix}/head"
    headers = {"Content-Type": "image/png", "x-oss-meta-author": "alice", "Cache-Control": "no-cache", "Content-Disposition": "attachment",
               "Content-MD5": oss2.utils.content_md5(b"hello"), "x-oss-storage-class": "IA", "x-oss-object-acl": "public-read"}
    bucket.put_object(key, b"hello", headers=headers)
    head = bucket.head_object(key)
    assert (head.content_type, head.content_length, head.object_type) == ("image/png", 5, "Normal")
    for name in ("x-oss-meta-author", "Cache-Control", "Content-Disposition", "x-oss-storage-class"):
        assert head.headers[name] == headers[name], name
    meta = bucket.get_object_meta(key)
    assert (meta.content_length, meta.etag) == (5, head.etag) and meta.last_modified
    assert bucket.get_object_acl(key).acl == "public-read"
    bucket.update_object_meta(key, {"x-oss-meta-author": "bob"})
    assert bucket.head_object(key).headers["x-oss-meta-author"] == "bob"
    with pytest.raises(oss2.exceptions.ServerError) as error:
        bucket.put_object(key, b"hullo", headers={"Content-MD5": oss2.utils.content_md5(b"hello")})
    assert code(error) == (400, "InvalidDigest")
    with pytest.raises(oss2.exceptions.ServerError) as error:
        bucket.put_object(key, b"again", headers={"x-oss-forbid-overwrite": "true"})
    assert code(error) == (409, "FileAlreadyExists")


def test_an_object_grows_by_appending(client):
    bucket, key = client(), f"{client.prefix}/append"
    first = bucket.append_object(key, 0, b"abc", init_crc=0)
    second = bucket.append_object(key, first.next_position, b"def", init_crc=first.crc)
    assert second.next_position == 6 and bucket.get_object(key).read() == b"abcdef"
    assert bucket.head_object(key).object_type == "Appendable"
    with pytest.raises(oss2.exceptions.PositionNotEqualToLength) as error:
        bucket.append_object(key, 1, b"x")
    assert code(error) == (409, "PositionNotEqualToLength") and error.value.next_position == 6
    bucket.put_object(f"{key}.normal", b"x")
    with pytest.raises(oss2.exceptions.ObjectNotAppendable):
        bucket.append_object(f"{key}.normal", 1, b"x")
    bucket.delete_object(key)


def test_objects_are_copied(client):
    bucket = client()
    for name in AWKWARD:
        source, target = f"{client.prefix}/from/{name}", f"{client.prefix}/to/{name}"
        etag = bucket.put_object(source, name.encode(), headers={"x-oss-meta-a": "1"}).etag
        assert bucket.copy_object(BUCKET, source, target).etag == etag
        assert bucket.get_object(target).read() == name.encode()
        assert bucket.head_object(target).headers["x-oss-meta-a"] == "1"
    bucket.copy_object(BUCKET, source, target, headers={"x-oss-metadata-directive": "REPLACE", "x-oss-meta-a": "2"})
    assert bucket.head_object(target).headers["x-oss-meta-a"] == "2"
    with pytest.raises(oss2.exceptions.NoSuchKey):
        bucket.copy_object(BUCKET, f"{client.prefix}/nothing", target)


def test_listings_are_paged_and_folded(made):
    keys = ["a/1", "a/2", "a/3", "b/1", "c", "目录/ +&<>.txt"]
    for key in keys:
        made.put_object(key, b"x")
    assert [entry.key for entry in oss2.ObjectIterator(made, max_keys=2)] == keys
    assert [entry.key for entry in oss2.ObjectIteratorV2(made, max_keys=2)] == keys
    folded = [(entry.key, entry.is_prefix()) for entry in oss2.ObjectIteratorV2(made, delimiter="/", max_keys=2)]
    assert folded == [("a/", True), ("b/", True), ("c", False), ("目录/", True)]
    first = made.list_objects(prefix="a/", max_keys=2)
    assert first.is_truncated and [entry.key for entry in first.object_list] == ["a/1", "a/2"]
    rest = made.list_objects(prefix="a/", marker=first.next_marker)
    assert [entry.key for entry in rest.object_list] == ["a/3"] and not rest.is_truncated
    after = made.list_objects_v2(start_after="b/1", fetch_owner=True)
    assert [entry.key for entry in after.object_list] == ["c", "目录/ +&<>.txt"] and after.object_list[0].owner.id
    assert made.list_objects(prefix="nothing").object_list == []


def test_many_are_deleted_at_once(client):
    bucket = client()
    keys = [f"{client.prefix}/many/{name}" for name in AWKWARD]
    for key in keys:
        bucket.put_object(key, b"x")
    assert sorted(bucket.batch_delete_objects([*keys, f"{client.prefix}/many/none"]).deleted_keys) == sorted([*keys, f"{client.prefix}/many/none"])
    assert bucket.list_objects(prefix=f"{client.prefix}/many/").object_list == []


def test_access_lists_and_tags_are_kept(client):
    bucket, key = client(), f"{client.prefix}/tags"
    bucket.put_object(key, b"x", headers={"x-oss-tagging": "a=1&b=%2B"})
    assert bucket.get_object_tagging(key).tag_set.tagging_rule == {"a": "1", "b": "+"}
    rule = oss2.models.TaggingRule()
    rule.add("名", "值 +/=")
    bucket.put_object_tagging(key, oss2.models.Tagging(rule))
    assert bucket.get_object_tagging(key).tag_set.tagging_rule == {"名": "值 +/="}
    bucket.delete_object_tagging(key)
    assert bucket.get_object_tagging(key).tag_set.tagging_rule == {}
    assert bucket.get_object_acl(key).acl == "default"
    bucket.put_object_acl(key, oss2.OBJECT_ACL_PUBLIC_READ)
    assert bucket.get_object_acl(key).acl == "public-read"


def test_symlinks_lead_to_their_object(client):
    bucket, target, link = client(), f"{client.prefix}/目标 +.txt", f"{client.prefix}/link"
    bucket.put_object(target, b"behind")
    bucket.put_symlink(target, link)
    assert bucket.get_symlink(link).target_key == target
    assert bucket.get_object(link).read() == b"behind"
    assert bucket.head_object(link).headers["x-oss-object-type"] == "Symlink"


def test_what_is_not_archived_is_not_restored(client):
    bucket, key = client(), f"{client.prefix}/restore"
    bucket.put_object(key, b"x")
    with pytest.raises(oss2.exceptions.OperationNotSupported) as error:
        bucket.restore_object(key)
    assert code(error) == (400, "OperationNotSupported")


def test_parts_become_an_object(client):
    bucket, key, body = client(), f"{client.prefix}/parts 目录", noise(300 * 1024)
    upload = bucket.init_multipart_upload(key, headers={"Content-Type": "video/mp4"}).upload_id
    cut = 100 * 1024
    parts = [oss2.models.PartInfo(at, bucket.upload_part(key, upload, at, body[(at - 1) * cut:at * cut]).etag, size=cut) for at in (3, 1, 2)]
    listed = list(oss2.PartIterator(bucket, key, upload, max_parts=2))
    assert [(part.part_number, part.size) for part in listed] == [(1, cut), (2, cut), (3, cut)]
    assert upload in [one.upload_id for one in oss2.MultipartUploadIterator(bucket, prefix=client.prefix)]
    bucket.list_multipart_uploads(prefix=client.prefix)
    bucket.list_parts(key, upload)
    done = bucket.complete_multipart_upload(key, upload, parts)
    assert done.status == 200 and done.etag.endswith("-3")
    assert bucket.get_object(key).read() == body
    assert bucket.head_object(key).content_type == "video/mp4"
    with pytest.raises(oss2.exceptions.NoSuchUpload):
        bucket.upload_part(key, upload, 1, b"late")


def test_parts_are_copied_and_uploads_given_up(client):
    bucket, source, key = client(), f"{client.prefix}/source +", f"{client.prefix}/copied"
    body = noise(250 * 1024)
    bucket.put_object(source, body)
    upload = bucket.init_multipart_upload(key).upload_id
    half = 125 * 1024
    parts = [oss2.models.PartInfo(at, bucket.upload_part_copy(BUCKET, source, (low, high - 1), key, upload, at).etag, size=half)
             for at, low, high in [(1, 0, half), (2, half, 2 * half)]]
    bucket.complete_multipart_upload(key, upload, parts)
    assert bucket.get_object(key).read() == body
    given_up = bucket.init_multipart_upload(key).upload_id
    bucket.abort_multipart_upload(key, given_up)
    with pytest.raises(oss2.exceptions.NoSuchUpload):
        bucket.list_parts(key, given_up)


def test_an_upload_that_broke_off_is_resumed(client, cloud, tmp_path):
    bucket, key, body = client(), f"{client.prefix}/resumed", noise(5 * MIB)
    (tmp_path / "file").write_bytes(body)
    store = oss2.ResumableStore(root=str(tmp_path))
    resumable = {"store": store, "multipart_threshold": MIB, "part_size": MIB, "num_threads": 2}
    before = cloud.count("UploadPart")
    cloud.knob("POST", "/failures", operation="CompleteMultipartUpload", times=1, status=500, code="InternalError")
    with pytest.raises(oss2.exceptions.ServerError):
        oss2.resumable_upload(oss2_bucket(client, cloud), key, str(tmp_path / "file"), **resumable)
    assert cloud.count("UploadPart") - before == 5
    oss2.resumable_upload(oss2_bucket(client, cloud), key, str(tmp_path / "file"), **resumable)
    assert cloud.count("UploadPart") - before == 5, "no part goes up twice"
    download = oss2.ResumableDownloadStore(root=str(tmp_path))
    oss2.resumable_download(oss2_bucket(client, cloud), key, str(tmp_path / "down"), store=download, multiget_threshold=MIB, part_size=MIB)
    assert (tmp_path / "down").read_bytes() == body
    bucket._run.calls |= {"resumable_upload", "resumable_download"}


def oss2_bucket(client, cloud):
    """One that the SDK's own helpers look into."""
    return oss2.Bucket(client.auth, cloud.oss, BUCKET, region=REGION)


def test_signed_urls_work_without_a_key(client):
    bucket = client()
    for name in AWKWARD:
        key = f"{client.prefix}/urls/{name}"
        headers = {"Content-Type": "text/plain", "x-oss-meta-a": "1"}
        put = bucket.sign_url("PUT", key, 60, headers=headers, slash_safe=True)
        assert requests.put(put, data=b"by URL", headers=headers, timeout=10).status_code == 200
        get = bucket.sign_url("GET", key, 60, params={"response-content-type": "text/x-a"}, slash_safe=True)
        got = requests.get(get, timeout=10)
        assert (got.content, got.headers["content-type"], got.headers["x-oss-meta-a"]) == (b"by URL", "text/x-a", "1")
        assert requests.get(get + "x", timeout=10).status_code == 403
        bucket.put_object_with_url(bucket.sign_url("PUT", key, 60), b"again")
        assert bucket.get_object_with_url(bucket.sign_url("GET", key, 60)).read() == b"again"


def test_what_is_processed_is_the_object_as_it_is(client):
    bucket, key = client(), f"{client.prefix}/processed"
    bucket.put_object(key, b"no image")
    assert bucket.get_object(key, process="image/resize,w_10").read() == b"no image"


def test_versions_are_kept(made):
    made.put_bucket_versioning(oss2.models.BucketVersioningConfig(oss2.BUCKET_VERSIONING_ENABLE))
    assert made.get_bucket_versioning().status == "Enabled"
    first, second = made.put_object("a", b"one").versionid, made.put_object("a", b"two").versionid
    assert first and second and first != second
    assert made.get_object("a").read() == b"two"
    assert made.get_object("a", params={"versionId": first}).read() == b"one"
    assert made.head_object("a", params={"versionId": first}).versionid == first
    marker = made.delete_object("a")
    assert marker.delete_marker and marker.versionid
    with pytest.raises(oss2.exceptions.NoSuchKey):
        made.get_object("a")
    listed = made.list_object_versions()
    assert {version.versionid for version in listed.versions} == {first, second}
    assert [marker.versionid for marker in listed.delete_marker] == [marker.versionid]
    made.delete_object("a", params={"versionId": marker.versionid})
    assert made.get_object("a").read() == b"two"
    versions = oss2.models.BatchDeleteObjectVersionList([oss2.models.BatchDeleteObjectVersion("a", first), oss2.models.BatchDeleteObjectVersion("a", second)])
    assert len(made.delete_object_versions(versions).delete_versions) == 2
    assert made.list_object_versions().versions == []
    made.put_bucket_versioning(oss2.models.BucketVersioningConfig(oss2.BUCKET_VERSIONING_SUSPEND))
    made.put_object("a", b"three")
    assert made.get_object("a").versionid == "null"
    made.delete_object("a", params={"versionId": "null"})


def test_a_cold_object_is_restored_before_it_is_read(client):
    bucket, key = client(), f"{client.prefix}/cold"
    bucket.put_object(key, b"cold", headers={"x-oss-storage-class": "Archive"})
    with pytest.raises(oss2.exceptions.ServerError) as error:
        bucket.get_object(key)
    assert code(error) == (403, "InvalidObjectState")
    assert bucket.restore_object(key).status == 202


def test_buckets_are_made_told_of_and_deleted(client):
    bucket = client(f"life-{client.prefix}")
    bucket.create_bucket(oss2.BUCKET_ACL_PRIVATE)
    assert bucket.bucket_name in [one.name for one in client.service.list_buckets(prefix="life-").buckets]
    info = bucket.get_bucket_info()
    assert (info.name, info.location, info.acl.grant) == (bucket.bucket_name, f"oss-{REGION}", "private")
    assert bucket.get_bucket_location().location == f"oss-{REGION}"
    assert bucket.get_bucket_acl().acl == "private"
    bucket.put_object("a", b"12345")
    with pytest.raises(oss2.exceptions.BucketNotEmpty):
        bucket.delete_bucket()
    bucket.delete_object("a")
    bucket.delete_bucket()
    with pytest.raises(oss2.exceptions.NoSuchBucket):
        bucket.get_bucket_info()


def test_rules_of_a_bucket_are_kept(made):
    rule = oss2.models.CorsRule(allowed_origins=["https://a.example"], allowed_methods=["PUT", "GET"], allowed_headers=["*"], expose_headers=["ETag"], max_age_seconds=60)
    made.put_bucket_cors(oss2.models.BucketCors([rule]))
    kept = made.get_bucket_cors().rules[0]
    assert (kept.allowed_origins, kept.allowed_methods, kept.max_age_seconds) == (["https://a.example"], ["PUT", "GET"], 60)
    made.delete_bucket_cors()
    with pytest.raises(oss2.exceptions.NoSuchCors):
        made.get_bucket_cors()
    expire = oss2.models.LifecycleRule("tmp", "tmp/", status="Enabled", expiration=oss2.models.LifecycleExpiration(days=7))
    made.put_bucket_lifecycle(oss2.models.BucketLifecycle([expire]))
    kept = made.get_bucket_lifecycle().rules[0]
    assert (kept.id, kept.prefix, kept.status, kept.expiration.days) == ("tmp", "tmp/", "Enabled", 7)
    made.delete_bucket_lifecycle()
    with pytest.raises(oss2.exceptions.NoSuchLifecycle):
        made.get_bucket_lifecycle()


def test_what_is_not_emulated_says_so(client):
    bucket = client()
    for call in (bucket.get_bucket_website, bucket.get_bucket_logging, bucket.get_bucket_referer, bucket.get_bucket_encryption, bucket.get_bucket_policy):
        with pytest.raises(oss2.exceptions.ServerError) as error:
            call()
        assert code(error) == (501, "NotImplemented")


def test_a_wrong_key_is_refused_as_by_oss(cloud, client):
    wrong = oss2.Bucket(type(client.auth)(ACCESS_KEY[0], "wrong"), cloud.oss, BUCKET, region=REGION)
    with pytest.raises(oss2.exceptions.SignatureDoesNotMatch):
        wrong.get_object("a")
    unknown = oss2.Bucket(type(client.auth)("LTAIunknown", "wrong"), cloud.oss, BUCKET, region=REGION)
    with pytest.raises(oss2.exceptions.ServerError) as error:
        unknown.get_object("a")
    assert code(error) == (403, "InvalidAccessKeyId")
    with cloud.clock_at(20 * 60), pytest.raises(oss2.exceptions.ServerError) as error:
        client().get_object("a")
    assert code(error) == (403, "RequestTimeTooSkewed")
