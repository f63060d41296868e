// The SDK does the upload, in parts where the file is large; the page fetches its credentials.

async function vended() {
  const answer = await fetch("/sts");
  if (!answer.ok) throw new Error((await answer.json()).detail);
  return answer.json();
}

const named = (given) => ({
  accessKeyId: given.AccessKeyId,
  accessKeySecret: given.AccessKeySecret,
  stsToken: given.SecurityToken,
});

async function upload(file, progress) {
  const given = await vended();
  const client = new OSS({
    region: `oss-${given.region}`,
    endpoint: given.endpoint,
    bucket: given.bucket,
    authorizationV4: true,
    ...named(given),
    refreshSTSToken: async () => named(await vended()),
    refreshSTSTokenInterval: 300_000,
  });
  const key = `${given.dir}${file.name}`;
  await client.multipartUpload(key, file, { progress });
  return key;
}

const status = document.querySelector("#status");
document.querySelector("#file").addEventListener("change", async ({ target }) => {
  try {
    const key = await upload(target.files[0], (share) => (status.value = `${Math.round(share * 100)} %`));
    status.value = `stored as ${key}`;
  } catch (error) {
    status.value = `failed: ${error.message}`;
  }
});
