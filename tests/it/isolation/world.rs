//! A server with one layout of grants, and two callers of it: one attacks, the other has something to hide.

use std::collections::BTreeSet;

use oss_vend::dev::CONFIG;
use oss_vend::emulator::{DEV_ACCESS_KEY_ID, DEV_ACCESS_KEY_SECRET, Readings};
use oss_vend::keys::{AccessKey, Secret};
use oss_vend::signing::Request;
use oss_vend::signing::presign::{self, Presign};
use oss_vend::signing::v4::{PRODUCT, Signer};
use reqwest::Method;
use serde_json::Value;

use crate::support::{Answer, TestServer};

/// Stands in the content, the metadata and the tags of what the victim hides, and in the name of one of its objects.
pub(super) const HIDDEN: &str = "nobody-else-knows-this";

/// Grants under which a caller writes and reads, and how a caller is called there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    /// The tables of the grants, without bucket and region.
    pub(super) grants: &'static str,
    /// The grant that vends credentials, forms and URLs that upload.
    pub(super) writer: &'static str,
    /// The grant that signs URLs that read.
    pub(super) reader: &'static str,
    /// Stands before each id.
    pub(super) prefix: &'static str,
    /// The version of signed URLs.
    pub(super) signature: &'static str,
}

/// A request to OSS.
#[derive(Clone, Debug, Default)]
pub(super) struct Call {
    pub(super) method: &'static str,
    pub(super) key: Option<String>,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
}

/// The server and its cloud.
pub(super) struct World {
    pub(super) server: TestServer,
    pub(super) layout: Layout,
}

/// The caller whose objects are to be reached.
pub(super) struct Victim {
    pub(super) dir: String,
    pub(super) secret: String,
    pub(super) version: String,
    pub(super) upload: String,
    pub(super) upload_id: String,
    etag: String,
}

/// The caller that attacks.
pub(super) struct Attacker {
    pub(super) user: String,
    pub(super) dir: String,
    pub(super) access_key: AccessKey,
}

impl World {
    pub(super) async fn of(layout: Layout, readings: Readings) -> Self {
        let proxy =
            "[auth.proxy]\nid_header = \"x-user\"\nclaim_headers = { tenant = \"x-tenant\" }\nfrom = [\"127.0.0.1\"]\n";
        // What the grants of dev share with those of the layout is not what is tried here.
        let place = "\nbucket = \"examplebucket\"\nregion = \"cn-hangzhou\"\noverlaps = true\n";
        let config = CONFIG
            .replacen("[auth]\n", "[auth]\napi_key_id_prefix = \"key.\"\n", 1)
            .replacen("[grants.default]\n", "[grants.default]\noverlaps = true\n", 1)
            .replacen("[grants.avatars]\n", "[grants.avatars]\noverlaps = true\n", 1);
        let grants = layout.grants.replace("]\ndir", &format!("]{place}dir"));
        let server = TestServer::with(&format!("{config}\n{proxy}\n{grants}")).await;
        server.knobs().set_readings(readings);
        let world = Self { server, layout };
        let versioning = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
        world.as_owner(Call::new("PUT", None).query("versioning", "").body(versioning)).await;
        world
    }

    /// What the server answers to a caller of this name.
    pub(super) async fn ask(&self, user: &str, path: &str) -> Answer {
        let tenant = user.trim_start_matches(self.layout.prefix);
        let request = self.server.request(Method::GET, path).header("x-user", user).header("x-tenant", tenant);
        Answer::of(request).await
    }

    pub(super) async fn attacker(&self, id: &str) -> Attacker {
        let user = format!("{}{id}", self.layout.prefix);
        let credentials = self.credentials(&user).await;
        let of = |name: &str| credentials[name].as_str().unwrap().to_owned();
        let (secret, token) = (Secret::new(of("AccessKeySecret")), Some(Secret::new(of("SecurityToken"))));
        Attacker { user, dir: of("dir"), access_key: AccessKey { id: of("AccessKeyId"), secret, token } }
    }

    async fn credentials(&self, user: &str) -> Value {
        self.ask(user, &format!("/sts?grant={}", self.layout.writer)).await.json()
    }

    /// A caller with an object of two versions, another one of an unknown name, and an unfinished upload in parts.
    pub(super) async fn victim(&self, id: &str) -> Victim {
        let user = format!("{}{id}", self.layout.prefix);
        let dir = self.credentials(&user).await["dir"].as_str().unwrap().to_owned();
        let key = |name: &str| format!("{dir}{name}");
        let put = |name: &str| {
            let call = Call::new("PUT", Some(key(name))).header("x-oss-meta-mark", HIDDEN);
            call.header("x-oss-tagging", &format!("mark={HIDDEN}"))
        };
        let first = self.as_owner(put("secret").body(&format!("{HIDDEN}, first"))).await;
        let second = self.as_owner(put("secret").body(&format!("{HIDDEN}, second"))).await;
        self.as_owner(put(HIDDEN).body(HIDDEN)).await;
        let begun = self.as_owner(Call::new("POST", Some(key("upload"))).query("uploads", "")).await;
        let upload_id = begun.text.split_once("<UploadId>").unwrap().1.split_once('<').unwrap().0.to_owned();
        let part = Call::new("PUT", Some(key("upload"))).query("partNumber", "1").query("uploadId", &upload_id);
        self.as_owner(part.body(HIDDEN)).await;
        Victim {
            secret: key("secret"),
            version: first.header("x-oss-version-id").to_owned(),
            upload: key("upload"),
            upload_id,
            etag: second.header("etag").trim_matches('"').to_owned(),
            dir,
        }
    }

    /// Everything that there is of the victim's.
    pub(super) async fn state_of(&self, victim: &Victim) -> Vec<String> {
        let listed = |name: &'static str| Call::new("GET", None).query(name, "").query("prefix", &victim.dir);
        let of_secret = |name: &'static str| Call::new("GET", Some(victim.secret.clone())).query(name, "");
        let parts = Call::new("GET", Some(victim.upload.clone())).query("uploadId", &victim.upload_id);
        let plain = Call::new("GET", Some(victim.secret.clone()));
        let mut state = Vec::new();
        for call in [listed("versions"), listed("uploads"), of_secret("acl"), of_secret("tagging"), parts, plain] {
            state.push(self.as_owner(call).await.text);
        }
        state
    }

    /// Sends as the bucket's owner, to whom nothing is refused.
    pub(super) async fn as_owner(&self, call: Call) -> Answer {
        let key = AccessKey { id: DEV_ACCESS_KEY_ID.into(), secret: Secret::new(DEV_ACCESS_KEY_SECRET), token: None };
        let answer = self.send(&key, &call).await;
        assert!(answer.status.is_success(), "{call:?}: {}", answer.text);
        answer
    }

    /// Sends `call` by a URL that `access_key` signs whole.
    pub(super) async fn send(&self, access_key: &AccessKey, call: &Call) -> Answer {
        let query: Vec<_> = call.query.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let headers: Vec<_> = call.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let request = Request {
            method: call.method,
            bucket: Some("examplebucket"),
            key: call.key.as_deref(),
            query: &query,
            headers: &headers,
            additional_headers: &[],
        };
        let now = self.server.now();
        let base = format!("http://{}/examplebucket", self.server.addresses.oss);
        let signer = Signer::new(access_key, "cn-hangzhou", PRODUCT, now.date_naive());
        let url = presign::v4(&Presign { request, base: &base, expires_in: 60 }, &signer, now);
        let request = self.server.http.request(call.method.parse().unwrap(), url).body(call.body.clone());
        Answer::of(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
    }

    /// Sends what anyone can send.
    pub(super) async fn unsigned(&self, method: Method, key: &str) -> Answer {
        let url = format!("http://{}/examplebucket/{}", self.server.addresses.oss, encoded(key));
        Answer::of(self.server.http.request(method, url)).await
    }

    /// The keys of all objects in the bucket.
    pub(super) async fn keys(&self) -> BTreeSet<String> {
        let listing = self.as_owner(Call::new("GET", None)).await.text;
        listing.split("<Key>").skip(1).map(|rest| rest.split_once('<').unwrap().0.to_owned()).collect()
    }
}

impl Victim {
    /// Whether an answer tells anything of what is hidden.
    pub(super) fn is_told_by(&self, answer: &Answer) -> bool {
        let headers = format!("{:?}", answer.headers);
        [HIDDEN, &self.etag].iter().any(|mark| answer.text.contains(mark) || headers.contains(mark))
    }
}

impl Call {
    pub(super) fn new(method: &'static str, key: Option<String>) -> Self {
        Self { method, key, ..Self::default() }
    }

    pub(super) fn query(mut self, name: &'static str, value: &str) -> Self {
        self.query.push((name, value.to_owned()));
        self
    }

    pub(super) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(super) fn body(self, body: &str) -> Self {
        Self { body: body.to_owned(), ..self }
    }
}

/// A key as it stands in a URL or in a header that holds one.
pub(super) fn encoded(key: &str) -> String {
    oss_vend::signing::encode::path(key).into_owned()
}
