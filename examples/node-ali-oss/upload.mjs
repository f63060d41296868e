// Uploads a file with ali-oss, with credentials that oss-vend hands out.

import { basename } from "node:path";
import OSS from "ali-oss";

const server = process.env.OSS_VEND_URL ?? "http://127.0.0.1:8000";
const file = process.argv[2] ?? new URL(import.meta.url).pathname;

async function vended() {
  const answer = await fetch(`${server}/sts`);
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

const given = await vended();
const client = new OSS({
  region: `oss-${given.region}`,
  endpoint: given.endpoint,
  bucket: given.bucket,
  authorizationV4: true,
  accessKeyId: given.AccessKeyId,
  accessKeySecret: given.AccessKeySecret,
  stsToken: given.SecurityToken,
  // Every five minutes the SDK asks for the credentials anew; the server renews them in time.
  refreshSTSTokenInterval: 300_000,
  refreshSTSToken: async () => {
    const { AccessKeyId, AccessKeySecret, SecurityToken } = await vended();
    return { accessKeyId: AccessKeyId, accessKeySecret: AccessKeySecret, stsToken: SecurityToken };
  },
});

const key = `${given.dir}${basename(file)}`;
await client.multipartUpload(key, file, { progress: (share) => console.log(`${Math.round(share * 100)} %`) });
const { res } = await client.head(key);
console.log(`stored ${key}, ${res.headers["content-length"]} bytes`);
