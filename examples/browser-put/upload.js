// The server signs a URL for this one file; the page puts the file there, with the headers that were signed.

async function upload(file) {
  const query = new URLSearchParams({ filename: file.name, contentType: file.type || "application/octet-stream", size: file.size });
  const signed = await fetch(`/presigned-url?${query}`);
  if (!signed.ok) throw new Error((await signed.json()).detail);
  const { method, url, headers, key } = await signed.json();

  const stored = await fetch(url, { method, headers, body: file });
  if (!stored.ok) throw new Error(await stored.text());
  return key;
}

const status = document.querySelector("#status");
document.querySelector("#file").addEventListener("change", async ({ target }) => {
  try {
    status.value = `stored as ${await upload(target.files[0])}`;
  } catch (error) {
    status.value = `failed: ${error.message}`;
  }
});
