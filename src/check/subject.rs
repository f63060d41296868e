//! A grant under check: what it opens for a made-up caller, and the keys that are probed.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::cloud::Place;
use crate::caller::Caller;
use crate::keys::SessionKey;
use crate::policy::{Grant, Inspection, Method, Session, Unfillable};

/// A grant and what is asked for in its name.
pub(super) struct Subject<'g> {
    pub(super) grant: &'g Grant,
    pub(super) inspection: Inspection,
    /// Where browsers reach the bucket.
    pub(super) place: Place,
    /// Tells this check's objects from all others.
    nonce: String,
}

/// The opened sessions of a grant.
#[derive(Default)]
pub(super) struct Keys {
    /// What a caller of `/sts` would get.
    pub(super) credentials: Option<SessionKey>,
    /// What signs forms and URLs that upload or delete.
    pub(super) signing: Option<SessionKey>,
    /// What signs URLs that read.
    pub(super) reading: Option<SessionKey>,
    /// What may look at the bucket and clean up, as far as the role may.
    pub(super) keeper: Option<SessionKey>,
}

/// The end of the key that is uploaded with a public ACL.
pub(super) const PUBLIC: &str = "public";

/// The shortest session that STS gives.
const SHORTEST: u32 = 900;

/// The most claims that are made up for a grant's templates.
const MAX_CLAIMS: usize = 32;

impl<'g> Subject<'g> {
    /// The grant for a made-up caller `id`, whose claims are all `id` too.
    pub(super) fn new(grant: &'g Grant, id: &str, now: DateTime<Utc>) -> Result<Self, Unfillable> {
        Ok(Self {
            grant,
            inspection: inspect(grant, id, now)?,
            place: Place {
                base: grant.address.base.clone(),
                bucket: grant.bucket.clone(),
                region: grant.region.clone(),
            },
            nonce: Uuid::new_v4().simple().to_string(),
        })
    }

    pub(super) fn has(&self, method: Method) -> bool {
        self.grant.methods.contains(method)
    }

    pub(super) fn uploads(&self) -> bool {
        self.has(Method::Put) || self.has(Method::Post)
    }

    pub(super) fn reads(&self) -> bool {
        self.has(Method::Get) || self.has(Method::Head)
    }

    /// Whether a page can upload in parts, for which it needs credentials.
    pub(super) fn uploads_in_parts(&self) -> bool {
        self.has(Method::Sts) && self.uploads()
    }

    /// A key below the directory that nobody else has.
    pub(super) fn key(&self, what: &str) -> String {
        format!("{}{}-{what}", self.inspection.dir, self.name())
    }

    /// A key that the session handed out must not reach; `None` where it may reach the whole bucket.
    pub(super) fn outside(&self) -> Option<String> {
        let prefix = self.narrow_prefix();
        let beside = match prefix.strip_suffix('/') {
            Some(dir) => format!("{dir}-{}", self.name()),
            None => self.name(),
        };
        (!beside.starts_with(prefix)).then_some(beside)
    }

    /// The session that is looked at for what it must not do: what a caller gets, else what signs.
    pub(super) fn narrow<'k>(&self, keys: &'k Keys) -> Option<&'k SessionKey> {
        if self.has(Method::Sts) { keys.credentials.as_ref() } else { keys.signing.as_ref() }
    }

    /// What a session of the same role may have that looks at the bucket, tries to make one of this check's objects public,
    /// and removes what this check made.
    pub(super) fn keeper(&self) -> Session {
        let bucket = &self.grant.bucket;
        let object = |key: String| format!("acs:oss:*:*:{bucket}/{key}*");
        let objects: Vec<_> = [Some(self.key("")), self.outside()].into_iter().flatten().map(object).collect();
        let public = object(self.key(PUBLIC));
        let policy = json!({ "Version": "1", "Statement": [
            { "Effect": "Allow", "Action": ["oss:GetBucketInfo", "oss:GetBucketCors", "oss:GetBucketLifecycle"],
              "Resource": [format!("acs:oss:*:*:{bucket}")] },
            { "Effect": "Allow", "Action": ["oss:DeleteObject", "oss:DeleteObjectVersion"], "Resource": objects },
            { "Effect": "Allow", "Action": ["oss:PutObject", "oss:PutObjectAcl"], "Resource": [public] },
        ]});
        self.inspection.signing.with_policy(&policy.to_string()).lasting(SHORTEST)
    }

    fn narrow_prefix(&self) -> &str {
        if self.has(Method::Sts) { &self.inspection.dir } else { &self.inspection.signing_prefix }
    }

    fn name(&self) -> String {
        format!("oss-vend-check-{}", self.nonce)
    }
}

/// Makes up whatever claim the templates ask for.
fn inspect(grant: &Grant, id: &str, now: DateTime<Utc>) -> Result<Inspection, Unfillable> {
    let mut claims = Map::new();
    loop {
        match grant.inspect(&Caller::known(id, claims.clone()), now) {
            Err(Unfillable::NoClaim(name)) if claims.len() < MAX_CLAIMS => {
                claims.insert(name, Value::String(id.to_owned()));
            }
            outcome => return outcome,
        }
    }
}
