// The server signs a form for this one file; the page fills it in and posts it to the bucket.

async function upload(file) {
  const query = new URLSearchParams({ filename: file.name, contentType: file.type || "application/octet-stream", size: file.size });
  const signed = await fetch(`/post-signature?${query}`);
  if (!signed.ok) throw new Error((await signed.json()).detail);
  const { url, fields } = await signed.json();

  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("file", file); // last: OSS reads nothing after it
  const stored = await fetch(url, { method: "POST", body: form });
  if (!stored.ok) throw new Error(await stored.text());
  return fields.key;
}

const status = document.querySelector("#status");
document.querySelector("#file").addEventListener("change", async ({ target }) => {
  try {
    status.value = `stored as ${await upload(target.files[0])}`;
  } catch (error) {
    status.value = `failed: ${error.message}`;
  }
});
