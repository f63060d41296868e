//! The requests of the probes, signed as what we hand out is.

use chrono::TimeDelta;

use super::Probes;
use crate::check::cloud::{Ask, NoAnswer, Reply};
use crate::keys::AccessKey;
use crate::signing::Request;
use crate::signing::post::{self, Conditions};
use crate::signing::presign::{self, Presign};
use crate::signing::v4::{PRODUCT, Signer};

/// What the probes write.
pub(super) const BODY: &[u8] = b"written by oss-vend check; it may be removed\n";

/// The life of a probe's signature, in seconds.
const LIFE: u32 = 300;

/// The edge between the fields of a form.
pub(super) const EDGE: &str = "oss-vend-check-edge";

impl Probes<'_> {
    pub(super) async fn with_headers(
        &self,
        method: &'static str,
        key: &str,
        body: &[u8],
        access_key: &AccessKey,
    ) -> Result<Reply, NoAnswer> {
        let ask = Ask { method, key: Some(key), body, ..Ask::default() };
        self.cloud.signed(&self.subject.place, ask, access_key).await
    }

    pub(super) async fn by_url(
        &self,
        method: &'static str,
        key: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        signing: &AccessKey,
        by_v1: bool,
    ) -> Result<Reply, NoAnswer> {
        let (place, now) = (&self.subject.place, self.cloud.now());
        let request = Request {
            method,
            bucket: Some(&place.bucket),
            key: Some(key),
            query: &[],
            headers,
            additional_headers: &[],
        };
        let presign = Presign { request, base: &place.base, expires_in: LIFE };
        let url = if by_v1 {
            presign::v1(&presign, signing, now)
        } else {
            presign::v4(&presign, &Signer::new(signing, &place.region, PRODUCT, now.date_naive()), now)
        };
        self.cloud.send(&url, Ask { method, headers, body, ..Ask::default() }).await
    }

    pub(super) async fn listing(&self, prefix: &str, key: &AccessKey) -> Result<Reply, NoAnswer> {
        let query = [("list-type", "2"), ("max-keys", "1"), ("prefix", prefix)];
        let query = if prefix.is_empty() { &query[..2] } else { &query[..] };
        self.cloud.signed(&self.subject.place, Ask { method: "GET", query, ..Ask::default() }, key).await
    }

    /// A form with `key` and a small file.
    pub(super) fn form(&self, key: &str, signing: &AccessKey) -> Vec<u8> {
        let now = self.cloud.now();
        let place = &self.subject.place;
        let conditions = Conditions::new()
            .exact("bucket", &place.bucket)
            .exact("key", key)
            .content_length(0..=BODY.len() as u64)
            .exact("success_action_status", "200");
        let signer = Signer::new(signing, &place.region, PRODUCT, now.date_naive());
        let form = post::sign_v4(conditions, now + TimeDelta::seconds(LIFE.into()), &signer, now);
        let fields = [("key", key.into()), ("success_action_status", "200".into())].into_iter().chain(form.fields());
        let mut body = String::new();
        for (name, value) in fields {
            let lines = ["--", EDGE, "\r\ncontent-disposition: form-data; name=\"", name, "\"\r\n\r\n", &value, "\r\n"];
            body.extend(lines);
        }
        body.extend(["--", EDGE, "\r\ncontent-disposition: form-data; name=\"file\"; filename=\"probe\"\r\n\r\n"]);
        [body.as_bytes(), BODY, b"\r\n--", EDGE.as_bytes(), b"--\r\n"].concat()
    }

    pub(super) fn content_type(&self) -> &str {
        self.subject.grant.content_types.first().map_or("text/plain", String::as_str)
    }
}
