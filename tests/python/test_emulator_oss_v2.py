"""`alibabacloud-oss-v2` as a client of the emulator: every call that an application would make, in both signature versions."""

import base64
import datetime
import hashlib
import urllib.parse

import alibabacloud_oss_v2 as oss
import pytest
import requests

from cloud import ACCESS_KEY, AWKWARD, BUCKET, MIB, REGION, noise


def client_of(cloud, signature_version, access_key=ACCESS_KEY):
    config = oss.config.load_default()
    config.credentials_provider = oss.credentials.StaticCredentialsProvider(*access_key)
    config.region, config.endpoint, config.signature_version = REGION, cloud.oss, signature_version
    return oss.Client(config)


@pytest.fixture(params=["v1", "v4"])
def version(request):
    return request.param


@pytest.fixture
def raw(cloud, version):
    return client_of(cloud, version)


@pytest.fixture
def client(raw, version, run):
    return run("alibabacloud-oss-v2", f"emulator {version.upper()}").watch(raw)


@pytest.fixture
def at(version):
    """`at(name)` is where an object of that name is."""
    return lambda name, bucket=BUCKET: {"bucket": bucket, "key": f"v2-{version}/{name}"}


@pytest.fixture
def made(client, version):
    """A bucket of the test's own, gone afterwards."""
    name = f"made-v2-{version}"
    client.put_bucket(oss.PutBucketRequest(bucket=name))
    yield name
    for page in client.list_objects_v2_paginator().iter_page(oss.ListObjectsV2Request(bucket=name)):
        for entry in page.contents or []:
            client.delete_object(oss.DeleteObjectRequest(bucket=name, key=entry.key))
    client.delete_bucket(oss.DeleteBucketRequest(bucket=name))


def refused(call):
    """Status and code with which OSS refuses `call`."""
    with pytest.raises(oss.exceptions.OperationError) as caught:
        call()
    error = caught.value.unwrap()
    assert isinstance(error, oss.exceptions.ServiceError) and error.request_id
    return error.status_code, error.code


def body_of(client, place, **options):
    with client.get_object(oss.GetObjectRequest(**place, **options)).body as body:
        return body.read()


def put(client, place, body, **options):
    return client.put_object(oss.PutObjectRequest(**place, body=body, **options))


def test_objects_are_put_got_and_deleted_under_awkward_names(client, at):
    for name in AWKWARD:
        place = at(name)
        stored = put(client, place, name.encode())
        assert stored.status_code == 200 and stored.request_id and stored.hash_crc64
        assert stored.etag.strip('"') == hashlib.md5(name.encode()).hexdigest().upper()
        assert client.is_object_exist(**place)
        assert body_of(client, place) == name.encode()
        assert client.delete_object(oss.DeleteObjectRequest(**place)).status_code == 204
        assert not client.is_object_exist(**place)
    assert refused(lambda: client.get_object(oss.GetObjectRequest(**at("nothing")))) == (404, "NoSuchKey")


def test_files_go_up_and_down(client, at, tmp_path):
    place, body = at("file.bin"), noise(3 * MIB)
    (tmp_path / "up").write_bytes(body)
    client.put_object_from_file(oss.PutObjectRequest(**place), str(tmp_path / "up"))
    client.get_object_to_file(oss.GetObjectRequest(**place), str(tmp_path / "down"))
    assert (tmp_path / "down").read_bytes() == body
    with client.open_file(**place) as file:
        file.seek(MIB)
        assert file.read(100) == body[MIB:MIB + 100]
    put(client, place, b"")
    assert body_of(client, place) == b""


def test_ranges_and_conditions_hold(client, at):
    place = at("ranges")
    etag = put(client, place, b"0123456789").etag
    for given, expected in [("bytes=2-4", b"234"), ("bytes=7-", b"789"), ("bytes=-3", b"789")]:
        assert body_of(client, place, range_header=given) == expected
    for given, status in [({"if_none_match": etag}, 304), ({"if_match": '"00"'}, 412), ({"if_unmodified_since": "Fri, 13 Nov 2015 14:47:53 GMT"}, 412)]:
        assert refused(lambda: client.get_object(oss.GetObjectRequest(**place, **given)))[0] == status
    assert body_of(client, place, if_match=etag) == b"0123456789"
    assert refused(lambda: client.get_object(oss.GetObjectRequest(**place, range_header="bytes=100-", range_behavior="standard"))) == (416, "InvalidRange")


def test_heads_carry_what_was_put(client, at):
    place, md5 = at("head"), base64.b64encode(hashlib.md5(b"hello").digest()).decode()
    put(client, place, b"hello", content_type="image/png", metadata={"author": "alice"}, cache_control="no-cache", content_md5=md5, storage_class="IA", acl="public-read")
    head = client.head_object(oss.HeadObjectRequest(**place))
    assert (head.content_type, head.content_length, head.object_type, head.storage_class) == ("image/png", 5, "Normal", "IA")
    assert (head.metadata, head.cache_control) == ({"author": "alice"}, "no-cache")
    meta = client.get_object_meta(oss.GetObjectMetaRequest(**place))
    assert (meta.content_length, meta.etag) == (5, head.etag)
    assert client.get_object_acl(oss.GetObjectAclRequest(**place)).acl == "public-read"
    assert refused(lambda: put(client, place, b"hullo", content_md5=md5)) == (400, "InvalidDigest")
    assert refused(lambda: put(client, place, b"again", forbid_overwrite="true")) == (409, "FileAlreadyExists")


def test_an_object_grows_by_appending(client, at):
    place = at("append")
    first = client.append_object(oss.AppendObjectRequest(**place, position=0, body=b"abc"))
    second = client.append_object(oss.AppendObjectRequest(**place, position=first.next_position, body=b"def"))
    assert second.next_position == 6 and second.hash_crc64
    assert refused(lambda: client.append_object(oss.AppendObjectRequest(**place, position=1, body=b"x"))) == (409, "PositionNotEqualToLength")
    with client.append_file(**place) as file:
        file.write(b"ghi")
    assert body_of(client, place) == b"abcdefghi"
    assert client.head_object(oss.HeadObjectRequest(**place)).object_type == "Appendable"
    client.delete_object(oss.DeleteObjectRequest(**place))


def test_objects_are_copied(client, at):
    for name in AWKWARD:
        source, target = at(f"from/{name}"), at(f"to/{name}")
        etag = put(client, source, name.encode(), metadata={"a": "1"}).etag
        assert client.copy_object(oss.CopyObjectRequest(**target, source_key=source["key"])).etag == etag
        assert body_of(client, target) == name.encode()
        assert client.head_object(oss.HeadObjectRequest(**target)).metadata == {"a": "1"}
    client.copy_object(oss.CopyObjectRequest(**target, source_key=source["key"], metadata_directive="REPLACE", metadata={"a": "2"}))
    assert client.head_object(oss.HeadObjectRequest(**target)).metadata == {"a": "2"}
    copied = client.copier().copy(oss.CopyObjectRequest(**target, source_key=source["key"]))
    assert copied.status_code == 200


def test_listings_are_paged_and_folded(client, made):
    keys = ["a/1", "a/2", "a/3", "b/1", "c", "目录/ +&<>.txt"]
    for key in keys:
        put(client, {"bucket": made, "key": key}, b"x")
    one = [entry.key for page in client.list_objects_paginator(limit=2).iter_page(oss.ListObjectsRequest(bucket=made)) for entry in page.contents]
    two = [entry.key for page in client.list_objects_v2_paginator(limit=2).iter_page(oss.ListObjectsV2Request(bucket=made)) for entry in page.contents]
    assert one == keys == two
    folded = client.list_objects_v2(oss.ListObjectsV2Request(bucket=made, delimiter="/"))
    assert [prefix.prefix for prefix in folded.common_prefixes] == ["a/", "b/", "目录/"] and [entry.key for entry in folded.contents] == ["c"]
    first = client.list_objects(oss.ListObjectsRequest(bucket=made, prefix="a/", max_keys=2))
    assert first.is_truncated and first.next_marker
    after = client.list_objects_v2(oss.ListObjectsV2Request(bucket=made, start_after="b/1", fetch_owner=True))
    assert [entry.key for entry in after.contents] == ["c", "目录/ +&<>.txt"] and after.contents[0].owner.id


def test_many_are_deleted_at_once(client, at):
    places = [at(f"many/{name}") for name in AWKWARD]
    for place in places:
        put(client, place, b"x")
    objects = [oss.DeleteObject(key=place["key"]) for place in places]
    gone = client.delete_multiple_objects(oss.DeleteMultipleObjectsRequest(bucket=BUCKET, objects=objects))
    assert sorted(one.key for one in gone.deleted_objects) == sorted(place["key"] for place in places)
    assert not client.is_object_exist(**places[0])


def test_access_lists_and_tags_are_kept(client, at):
    place = at("tags")
    put(client, place, b"x", tagging="a=1&b=%2B")

    def tags():
        return {tag.key: tag.value for tag in client.get_object_tagging(oss.GetObjectTaggingRequest(**place)).tag_set.tags or []}

    assert tags() == {"a": "1", "b": "+"}
    tagging = oss.Tagging(tag_set=oss.TagSet(tags=[oss.Tag(key="名", value="值 +/=")]))
    client.put_object_tagging(oss.PutObjectTaggingRequest(**place, tagging=tagging))
    assert tags() == {"名": "值 +/="}
    client.delete_object_tagging(oss.DeleteObjectTaggingRequest(**place))
    assert tags() == {}
    client.put_object_acl(oss.PutObjectAclRequest(**place, acl="public-read"))
    assert client.get_object_acl(oss.GetObjectAclRequest(**place)).acl == "public-read"


def test_symlinks_lead_to_their_object(client, at):
    target, link = at("目标 +&%.txt"), at("link")
    put(client, target, b"behind")
    encoded = urllib.parse.quote(target["key"])  # this SDK leaves that to its caller, both ways
    client.put_symlink(oss.PutSymlinkRequest(**link, symlink_target=encoded))
    assert urllib.parse.unquote(client.get_symlink(oss.GetSymlinkRequest(**link)).target) == target["key"]
    assert body_of(client, link) == b"behind"


def test_what_is_not_archived_is_not_restored(client, at):
    put(client, at("restore"), b"x")
    assert refused(lambda: client.restore_object(oss.RestoreObjectRequest(**at("restore")))) == (400, "OperationNotSupported")


def test_parts_become_an_object(client, at):
    place, body, cut = at("parts 目录"), noise(300 * 1024), 100 * 1024
    upload = client.initiate_multipart_upload(oss.InitiateMultipartUploadRequest(**place, content_type="video/mp4")).upload_id
    parts = []
    for number in (3, 1, 2):
        piece = body[(number - 1) * cut:number * cut]
        etag = client.upload_part(oss.UploadPartRequest(**place, upload_id=upload, part_number=number, body=piece)).etag
        parts.append(oss.UploadPart(part_number=number, etag=etag))
    pages = client.list_parts_paginator(limit=2).iter_page(oss.ListPartsRequest(**place, upload_id=upload))
    assert [(part.part_number, part.size) for page in pages for part in page.parts] == [(1, cut), (2, cut), (3, cut)]
    client.list_parts(oss.ListPartsRequest(**place, upload_id=upload))
    uploads = client.list_multipart_uploads(oss.ListMultipartUploadsRequest(bucket=BUCKET, prefix=place["key"])).uploads
    assert [(one.key, one.upload_id) for one in uploads] == [(place["key"], upload)]
    parts.sort(key=lambda part: part.part_number)
    whole = oss.CompleteMultipartUpload(parts=parts)
    done = client.complete_multipart_upload(oss.CompleteMultipartUploadRequest(**place, upload_id=upload, complete_multipart_upload=whole))
    assert done.etag.strip('"').endswith("-3") and done.hash_crc64
    assert body_of(client, place) == body


def test_parts_are_copied_and_uploads_given_up(client, at):
    source, place, half = at("source +"), at("copied"), 125 * 1024
    body = noise(2 * half)
    put(client, source, body)
    upload = client.initiate_multipart_upload(oss.InitiateMultipartUploadRequest(**place)).upload_id
    for number, span in [(1, f"bytes=0-{half - 1}"), (2, f"bytes={half}-{2 * half - 1}")]:
        copy = oss.UploadPartCopyRequest(**place, upload_id=upload, part_number=number, source_bucket=BUCKET, source_key=source["key"], source_range=span)
        assert client.upload_part_copy(copy).etag
    client.complete_multipart_upload(oss.CompleteMultipartUploadRequest(**place, upload_id=upload, complete_all="yes"))
    assert body_of(client, place) == body
    given_up = client.initiate_multipart_upload(oss.InitiateMultipartUploadRequest(**place)).upload_id
    client.abort_multipart_upload(oss.AbortMultipartUploadRequest(**place, upload_id=given_up))
    assert refused(lambda: client.list_parts(oss.ListPartsRequest(**place, upload_id=given_up))) == (404, "NoSuchUpload")


def test_an_upload_that_broke_off_is_resumed(client, cloud, at, tmp_path):
    place, body = at("resumed"), noise(5 * MIB)
    (tmp_path / "file").write_bytes(body)
    uploader = client.uploader(part_size=MIB, parallel_num=2, enable_checkpoint=True, checkpoint_dir=str(tmp_path), leave_parts_on_error=True)
    before = cloud.count("UploadPart")
    cloud.knob("POST", "/failures", operation="CompleteMultipartUpload", times=1, status=403, code="AccessDenied")
    with pytest.raises(oss.exceptions.BaseError):
        uploader.upload_file(oss.PutObjectRequest(**place), str(tmp_path / "file"))
    assert cloud.count("UploadPart") - before == 5
    uploader.upload_file(oss.PutObjectRequest(**place), str(tmp_path / "file"))
    assert cloud.count("UploadPart") - before == 5, "no part goes up twice"
    client.downloader(part_size=MIB).download_file(oss.GetObjectRequest(**place), str(tmp_path / "down"))
    assert (tmp_path / "down").read_bytes() == body


def test_signed_urls_work_without_a_key(client, at):
    for name in AWKWARD:
        place = at(f"urls/{name}")
        signed = client.presign(oss.PutObjectRequest(**place, content_type="text/plain", metadata={"a": "1"}), expires=datetime.timedelta(seconds=60))
        assert requests.put(signed.url, data=b"by URL", headers=signed.signed_headers, timeout=10).status_code == 200
        signed = client.presign(oss.GetObjectRequest(**place, response_content_type="text/x-a"), expires=datetime.timedelta(seconds=60))
        got = requests.get(signed.url, timeout=10)
        assert (got.content, got.headers["content-type"], got.headers["x-oss-meta-a"]) == (b"by URL", "text/x-a", "1")
        assert requests.get(signed.url + "x", timeout=10).status_code == 403


def test_versions_are_kept(client, made):
    def version_status(status):
        configuration = oss.VersioningConfiguration(status=status)
        client.put_bucket_versioning(oss.PutBucketVersioningRequest(bucket=made, versioning_configuration=configuration))
        return client.get_bucket_versioning(oss.GetBucketVersioningRequest(bucket=made)).version_status

    place = {"bucket": made, "key": "a"}
    assert version_status("Enabled") == "Enabled"
    first, second = put(client, place, b"one").version_id, put(client, place, b"two").version_id
    assert first and second and first != second
    assert body_of(client, place) == b"two" and body_of(client, place, version_id=first) == b"one"
    marker = client.delete_object(oss.DeleteObjectRequest(**place))
    assert marker.delete_marker and marker.version_id
    assert refused(lambda: client.get_object(oss.GetObjectRequest(**place))) == (404, "NoSuchKey")
    listed = client.list_object_versions(oss.ListObjectVersionsRequest(bucket=made))
    assert {one.version_id for one in listed.version} == {first, second}
    assert [one.version_id for one in listed.delete_marker] == [marker.version_id]
    client.delete_object(oss.DeleteObjectRequest(**place, version_id=marker.version_id))
    assert body_of(client, place) == b"two"
    copied = client.copy_object(oss.CopyObjectRequest(bucket=made, key="b", source_key="a", source_version_id=first))
    assert copied.version_id and body_of(client, {"bucket": made, "key": "b"}) == b"one"
    objects = [oss.DeleteObject(key="a", version_id=first), oss.DeleteObject(key="a", version_id=second), oss.DeleteObject(key="b", version_id=copied.version_id)]
    client.delete_multiple_objects(oss.DeleteMultipleObjectsRequest(bucket=made, objects=objects))
    assert not client.list_object_versions(oss.ListObjectVersionsRequest(bucket=made)).version
    assert version_status("Suspended") == "Suspended"


def test_buckets_are_made_told_of_and_deleted(client, version):
    name = f"life-v2-{version}"
    client.put_bucket(oss.PutBucketRequest(bucket=name, acl="private", create_bucket_configuration=oss.CreateBucketConfiguration(storage_class="IA")))
    assert client.is_bucket_exist(bucket=name)
    assert name in [one.name for one in client.list_buckets(oss.ListBucketsRequest(prefix="life-")).buckets]
    info = client.get_bucket_info(oss.GetBucketInfoRequest(bucket=name)).bucket_info
    assert (info.name, info.location, info.acl) == (name, f"oss-{REGION}", "private")
    assert client.get_bucket_location(oss.GetBucketLocationRequest(bucket=name)).location == f"oss-{REGION}"
    assert client.get_bucket_acl(oss.GetBucketAclRequest(bucket=name)).acl == "private"
    place = {"bucket": name, "key": "a"}
    put(client, place, b"12345")
    assert refused(lambda: client.delete_bucket(oss.DeleteBucketRequest(bucket=name))) == (409, "BucketNotEmpty")
    client.delete_object(oss.DeleteObjectRequest(**place))
    client.delete_bucket(oss.DeleteBucketRequest(bucket=name))
    assert not client.is_bucket_exist(bucket=name)
    assert refused(lambda: client.get_bucket_info(oss.GetBucketInfoRequest(bucket=name))) == (404, "NoSuchBucket")


def test_rules_of_a_bucket_are_kept(client, made):
    rule = oss.CORSRule(allowed_origins=["https://a.example"], allowed_methods=["PUT"], allowed_headers=["*"], expose_headers=["ETag"], max_age_seconds=60)
    client.put_bucket_cors(oss.PutBucketCorsRequest(bucket=made, cors_configuration=oss.CORSConfiguration(cors_rules=[rule])))
    kept = client.get_bucket_cors(oss.GetBucketCorsRequest(bucket=made)).cors_configuration.cors_rules[0]
    assert (kept.allowed_origins, kept.allowed_methods, kept.max_age_seconds) == (["https://a.example"], ["PUT"], 60)
    asked = oss.OptionObjectRequest(bucket=made, key="a", origin="https://a.example", access_control_request_method="PUT")
    assert client.option_object(asked).access_control_allow_origin == "https://a.example"
    client.delete_bucket_cors(oss.DeleteBucketCorsRequest(bucket=made))
    assert refused(lambda: client.get_bucket_cors(oss.GetBucketCorsRequest(bucket=made))) == (404, "NoSuchCORSConfiguration")
    expire = oss.LifecycleRule(id="tmp", prefix="tmp/", status="Enabled", expiration=oss.LifecycleRuleExpiration(days=7))
    client.put_bucket_lifecycle(oss.PutBucketLifecycleRequest(bucket=made, lifecycle_configuration=oss.LifecycleConfiguration(rules=[expire])))
    kept = client.get_bucket_lifecycle(oss.GetBucketLifecycleRequest(bucket=made)).lifecycle_configuration.rules[0]
    assert (kept.id, kept.prefix, kept.status, kept.expiration.days) == ("tmp", "tmp/", "Enabled", 7)
    client.delete_bucket_lifecycle(oss.DeleteBucketLifecycleRequest(bucket=made))
    assert refused(lambda: client.get_bucket_lifecycle(oss.GetBucketLifecycleRequest(bucket=made))) == (404, "NoSuchLifecycle")


def test_what_is_not_emulated_says_so(client):
    for call, request in [
        (client.get_bucket_website, oss.GetBucketWebsiteRequest(bucket=BUCKET)),
        (client.get_bucket_logging, oss.GetBucketLoggingRequest(bucket=BUCKET)),
        (client.get_bucket_policy, oss.GetBucketPolicyRequest(bucket=BUCKET)),
    ]:
        assert refused(lambda: call(request)) == (501, "NotImplemented")


def test_a_wrong_key_is_refused_as_by_oss(cloud, raw, version, at):
    get = oss.GetObjectRequest(**at("a"))
    assert refused(lambda: client_of(cloud, version, (ACCESS_KEY[0], "wrong")).get_object(get)) == (403, "SignatureDoesNotMatch")
    assert refused(lambda: client_of(cloud, version, ("LTAIunknown", "wrong")).get_object(get)) == (403, "InvalidAccessKeyId")



def test_a_clock_that_is_20_minutes_off_is_refused(cloud, client, at):
    """This SDK tries again after the refusal, with the same time: its `clock_offset` is set by nobody."""
    with cloud.clock_at(20 * 60):
        assert refused(lambda: put(client, at("skewed"), b"x")) == (403, "RequestTimeTooSkewed")
