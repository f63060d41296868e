// Uppy's plugin for S3 takes the answer of /post-signature as it is.

import AwsS3 from "@uppy/aws-s3";
import Uppy from "@uppy/core";

const keys = new Map();
const uppy = new Uppy({ autoProceed: true }).use(AwsS3, {
  shouldUseMultipart: false,
  async getUploadParameters(file) {
    const query = new URLSearchParams({ filename: file.name, contentType: file.type, size: file.size });
    const signed = await fetch(`/post-signature?${query}`);
    if (!signed.ok) throw new Error((await signed.json()).detail);
    const answer = await signed.json();
    keys.set(file.id, answer.fields.key);
    return answer;
  },
});

const status = document.querySelector("#status");
uppy.on("upload-progress", (_, { bytesUploaded, bytesTotal }) => (status.value = `${bytesUploaded} of ${bytesTotal} bytes`));
uppy.on("upload-success", (file) => (status.value = `stored as ${keys.get(file.id)}`));
uppy.on("upload-error", (_, error) => (status.value = `failed: ${error.message}`));

document.querySelector("#file").addEventListener("change", ({ target }) => {
  for (const file of target.files) uppy.addFile({ name: file.name, type: file.type, data: file });
});
