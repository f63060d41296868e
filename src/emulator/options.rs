use std::fmt::{self, Debug, Formatter};
use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::{Value, json};

/// The region of [`Options::dev`].
pub const DEV_REGION: &str = "cn-hangzhou";
/// The bucket of [`Options::dev`].
pub const DEV_BUCKET: &str = "examplebucket";
/// The account of [`Options::dev`].
pub const DEV_ACCOUNT_ID: &str = "1234567890123456";
/// The key id of the user of [`Options::dev`]. It opens nothing outside the emulator.
pub const DEV_ACCESS_KEY_ID: &str = "LTAIemulatorNotARealKey";
/// The secret that goes with [`DEV_ACCESS_KEY_ID`]; public, since it opens nothing outside the emulator.
pub const DEV_ACCESS_KEY_SECRET: &str = "emulatorSecretNotARealOne";
/// The role of [`Options::dev`].
pub const DEV_ROLE_ARN: &str = "acs:ram::1234567890123456:role/oss-vend-dev";

/// The identity provider of [`Options::dev`], whose tokens the emulator mints itself.
pub const DEV_OIDC_PROVIDER_ARN: &str = "acs:ram::1234567890123456:oidc-provider/emulator";
/// The issuer of that provider's tokens: where the emulated STS serves its keys by default.
pub const DEV_OIDC_ISSUER: &str = "http://127.0.0.1:9001/oidc";

/// What the emulated cloud contains when it starts.
#[derive(Clone, Debug)]
pub struct Options {
    /// Region of all buckets, without `oss-`, such as `cn-hangzhou`.
    pub region: String,
    /// Buckets that exist from the start.
    pub buckets: Vec<BucketOptions>,
    /// Users that own long-lived keys.
    pub users: Vec<User>,
    /// Roles that `AssumeRole` can take.
    pub roles: Vec<Role>,
    /// Identity providers whose tokens `AssumeRoleWithOIDC` takes.
    pub oidc_providers: Vec<OidcProvider>,
    /// Folder that keeps the objects over a restart; in memory when absent.
    pub data_dir: Option<PathBuf>,
    /// Whether upload callbacks may go to other machines; this one alone otherwise.
    pub callbacks_anywhere: bool,
    /// Where pages are served on this machine that may order upload callbacks.
    pub page_address: Option<SocketAddr>,
    /// Exact origins of other pages that may order upload callbacks, such as `https://app.example.com`.
    pub page_origins: Vec<String>,
    /// Where the object service listens, which callbacks name as the place of their key; the `Host` they came by if absent.
    pub oss_address: Option<SocketAddr>,
}

/// A bucket that exists from the start.
#[derive(Clone, Debug)]
pub struct BucketOptions {
    /// Bucket name.
    pub name: String,
    /// `private`, `public-read` or `public-read-write`.
    pub acl: String,
    /// Custom domains bound to the bucket, as `host` or `host:port`.
    pub domains: Vec<String>,
    /// Whether the bucket starts with a CORS rule that allows every origin.
    pub cors: bool,
    /// The region where it lies, if that is another than the emulated one: it is then refused, with its right endpoint.
    pub elsewhere: Option<String>,
}

/// A RAM user, or the root of an account, with one `AccessKey`.
#[derive(Clone)]
pub struct User {
    /// Account id, digits.
    pub account_id: String,
    /// User name.
    pub name: String,
    /// Public half of the key.
    pub access_key_id: String,
    /// The half that signs.
    pub access_key_secret: String,
    /// Attached policies, in RAM's JSON.
    pub policies: Vec<Value>,
    /// Whether the key is enabled.
    pub active: bool,
    /// Whether this is the account itself: it may do all with its own buckets but may not assume roles.
    pub root: bool,
}

impl Debug for User {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("account_id", &self.account_id)
            .field("name", &self.name)
            .field("access_key_id", &self.access_key_id)
            .field("active", &self.active)
            .field("root", &self.root)
            .finish_non_exhaustive()
    }
}

impl User {
    /// `acs:ram::<account>:user/<name>`, or `…:root`.
    pub(crate) fn arn(&self) -> String {
        let who = if self.root { "root".to_owned() } else { format!("user/{}", self.name) };
        format!("acs:ram::{}:{who}", self.account_id)
    }
}

/// A RAM role.
#[derive(Clone, Debug)]
pub struct Role {
    /// Account id, digits.
    pub account_id: String,
    /// Role name.
    pub name: String,
    /// Attached policies, in RAM's JSON.
    pub policies: Vec<Value>,
    /// Who may assume it: ARNs of users, roles and identity providers, or `acs:ram::<account>:root` for a whole account.
    pub trusted: Vec<String>,
    /// `sts:ExternalId` that the trust policy demands.
    pub external_id: Option<String>,
    /// Longest session in seconds, 3600 to 43200.
    pub max_session_seconds: u32,
}

impl Role {
    /// `acs:ram::<account>:role/<name>`.
    pub(crate) fn arn(&self) -> String {
        format!("acs:ram::{}:role/{}", self.account_id, self.name)
    }
}

/// An identity provider of RAM. All of them have the emulator's own key.
#[derive(Clone, Debug)]
pub struct OidcProvider {
    /// Account id, digits.
    pub account_id: String,
    /// Name.
    pub name: String,
    /// `iss` of its tokens.
    pub issuer: String,
    /// What `aud` of its tokens may be.
    pub client_ids: Vec<String>,
}

impl OidcProvider {
    /// `acs:ram::<account>:oidc-provider/<name>`.
    pub(crate) fn arn(&self) -> String {
        format!("acs:ram::{}:oidc-provider/{}", self.account_id, self.name)
    }
}

impl Options {
    /// One private bucket, one user who may assume the one role, use the bucket and make others, that role, and a provider
    /// whose tokens it trusts; names and keys are the constants beside this type.
    #[must_use]
    pub fn dev() -> Self {
        Self {
            region: DEV_REGION.to_owned(),
            buckets: vec![BucketOptions {
                name: DEV_BUCKET.to_owned(),
                acl: "private".to_owned(),
                domains: Vec::new(),
                cors: true,
                elsewhere: None,
            }],
            users: vec![dev_user()],
            roles: vec![dev_role()],
            oidc_providers: vec![dev_provider()],
            data_dir: None,
            callbacks_anywhere: false,
            page_address: None,
            page_origins: Vec::new(),
            oss_address: None,
        }
    }

    /// The account that owns the buckets.
    pub(super) fn owner(&self) -> String {
        let user = self.users.first().map(|user| user.account_id.clone());
        user.or_else(|| self.roles.first().map(|role| role.account_id.clone())).unwrap_or_default()
    }
}

fn dev_user() -> User {
    User {
        account_id: DEV_ACCOUNT_ID.to_owned(),
        name: "oss-vend".to_owned(),
        access_key_id: DEV_ACCESS_KEY_ID.to_owned(),
        access_key_secret: DEV_ACCESS_KEY_SECRET.to_owned(),
        policies: vec![allow(&["sts:AssumeRole"], &[DEV_ROLE_ARN]), allow(&["oss:*"], &["acs:oss:*:*:*"])],
        active: true,
        root: false,
    }
}

fn dev_role() -> Role {
    Role {
        account_id: DEV_ACCOUNT_ID.to_owned(),
        name: "oss-vend-dev".to_owned(),
        policies: vec![dev_bucket_policy()],
        trusted: vec![format!("acs:ram::{DEV_ACCOUNT_ID}:root"), DEV_OIDC_PROVIDER_ARN.to_owned()],
        external_id: None,
        max_session_seconds: 43_200,
    }
}

fn dev_provider() -> OidcProvider {
    OidcProvider {
        account_id: DEV_ACCOUNT_ID.to_owned(),
        name: "emulator".to_owned(),
        issuer: DEV_OIDC_ISSUER.to_owned(),
        client_ids: vec!["sts.aliyuncs.com".to_owned()],
    }
}

/// All actions on the bucket and on its objects; a bucket's name does not cover its objects.
fn dev_bucket_policy() -> Value {
    allow(&["oss:*"], &["acs:oss:*:*:examplebucket", "acs:oss:*:*:examplebucket/*"])
}

fn allow(actions: &[&str], resources: &[&str]) -> Value {
    json!({"Version": "1", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": resources}]})
}
