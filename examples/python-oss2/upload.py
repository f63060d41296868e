"""Uploads a file with `oss2` and credentials from the server, and reads it back."""

import datetime
import os
import sys
import time

import oss2
import requests
from oss2.credentials import Credentials, CredentialsProvider

SERVER = os.environ.get("OSS_VEND", "http://127.0.0.1:8000")


class FromServer(CredentialsProvider):
    """Asks the server for credentials, and for new ones a minute before they end."""

    def __init__(self, url):
        self.url, self.answer, self.ends = url, None, 0

    def get_credentials(self):
        if time.time() > self.ends - 60:
            self.answer = requests.get(self.url, timeout=10)
            self.answer.raise_for_status()
            self.answer = self.answer.json()
            self.ends = datetime.datetime.fromisoformat(self.answer["Expiration"].replace("Z", "+00:00")).timestamp()
        return Credentials(self.answer["AccessKeyId"], self.answer["AccessKeySecret"], self.answer["SecurityToken"])


def main():
    provider = FromServer(f"{SERVER}/sts")
    provider.get_credentials()
    place = provider.answer
    bucket = oss2.Bucket(oss2.ProviderAuthV4(provider), place["endpoint"], place["bucket"], region=place["region"])

    file = sys.argv[1] if len(sys.argv) > 1 else __file__
    key = place["dir"] + os.path.basename(file)
    bucket.put_object_from_file(key, file)
    print("put", key, bucket.head_object(key).content_length, "bytes")

    # Large files go up in parts, several at once, and go on where they broke off.
    oss2.resumable_upload(bucket, key, file, multipart_threshold=1024 * 1024, num_threads=3)

    for entry in oss2.ObjectIteratorV2(bucket, prefix=place["dir"]):
        print("there is", entry.key, entry.size)
    print("got", len(bucket.get_object(key).read()), "bytes")
    print("for an hour:", bucket.sign_url("GET", key, 3600, slash_safe=True))


if __name__ == "__main__":
    main()
