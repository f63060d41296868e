"""Uploads a file with `alibabacloud-oss-v2` and credentials from the server, and reads it back."""

import datetime
import json
import os
import sys
import urllib.request

import alibabacloud_oss_v2 as oss

SERVER = os.environ.get("OSS_VEND", "http://127.0.0.1:8000")


class FromServer(oss.credentials.CredentialsProvider):
    """Asks the server for credentials, and for new ones a minute before they end."""

    def __init__(self, url):
        self.url, self.answer, self.refresh_at = url, None, None

    def get_credentials(self):
        now = datetime.datetime.now(datetime.timezone.utc)
        if self.answer is None or now > self.refresh_at:
            with urllib.request.urlopen(self.url, timeout=10) as answer:
                self.answer = json.load(answer)
            ends = datetime.datetime.fromisoformat(self.answer["Expiration"].replace("Z", "+00:00"))
            self.refresh_at = ends - datetime.timedelta(minutes=1)
        return oss.credentials.Credentials(self.answer["AccessKeyId"], self.answer["AccessKeySecret"], self.answer["SecurityToken"])


def main():
    provider = FromServer(f"{SERVER}/sts")
    provider.get_credentials()
    place = provider.answer

    config = oss.config.load_default()
    config.credentials_provider = provider
    config.region = place["region"]
    config.endpoint = place["endpoint"]
    client = oss.Client(config)

    file = sys.argv[1] if len(sys.argv) > 1 else __file__
    where = {"bucket": place["bucket"], "key": place["dir"] + os.path.basename(file)}
    client.put_object_from_file(oss.PutObjectRequest(**where), file)
    print("put", where["key"], client.head_object(oss.HeadObjectRequest(**where)).content_length, "bytes")

    # Large files go up in parts, several at once.
    client.uploader(part_size=1024 * 1024, parallel_num=3).upload_file(oss.PutObjectRequest(**where), file)

    listing = oss.ListObjectsV2Request(bucket=place["bucket"], prefix=place["dir"])
    for page in client.list_objects_v2_paginator().iter_page(listing):
        for entry in page.contents or []:
            print("there is", entry.key, entry.size)
    with client.get_object(oss.GetObjectRequest(**where)).body as body:
        print("got", len(body.read()), "bytes")
    signed = client.presign(oss.GetObjectRequest(**where), expires=datetime.timedelta(hours=1))
    print("for an hour:", signed.url)


if __name__ == "__main__":
    main()
