//! Who there is: users with their keys, roles, and the sessions that STS opened.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, TimeDelta, Utc};
use subtle::ConstantTimeEq;

use super::access::Policy;
use super::options::{Role, User};

/// Who signed a request.
#[derive(Clone)]
pub(crate) enum Identity {
    /// Nobody: the request carries no signature.
    Anonymous,
    /// A long-lived key.
    User(Arc<RamUser>),
    /// A temporary key.
    Session(Arc<TokenSession>),
}

impl Identity {
    /// The key that signed.
    pub(crate) fn access_key_id(&self) -> Option<&str> {
        match self {
            Self::Anonymous => None,
            Self::User(user) => Some(&user.user.access_key_id),
            Self::Session(session) => Some(&session.access_key_id),
        }
    }

    /// The account the key belongs to.
    pub(crate) fn account_id(&self) -> Option<&str> {
        match self {
            Self::Anonymous => None,
            Self::User(user) => Some(&user.user.account_id),
            Self::Session(session) => Some(&session.role.role.account_id),
        }
    }

    /// The secret half of the key.
    pub(crate) fn secret(&self) -> &str {
        match self {
            Self::Anonymous => "",
            Self::User(user) => &user.user.access_key_secret,
            Self::Session(session) => &session.secret,
        }
    }
}

/// A user with its policies read.
pub(crate) struct RamUser {
    pub(crate) user: User,
    pub(crate) policies: Vec<Policy>,
    /// The number by which answers name the user; the account's own for its root.
    pub(crate) id: String,
}

/// A role with its policies read.
pub(crate) struct RamRole {
    pub(crate) role: Role,
    pub(crate) policies: Vec<Policy>,
    /// The number by which answers name the role.
    pub(crate) id: String,
}

/// A temporary key that `AssumeRole` handed out.
pub(crate) struct TokenSession {
    pub(crate) access_key_id: String,
    pub(crate) secret: String,
    pub(crate) token: String,
    pub(crate) role: Arc<RamRole>,
    /// The inline policy; without one the session has all rights of the role.
    pub(crate) policy: Option<Policy>,
    pub(crate) name: String,
    /// Set by the first `AssumeRole` of a chain, and kept along it.
    pub(crate) source_identity: Option<String>,
    pub(crate) expiration: DateTime<Utc>,
    /// Set by the knobs: the token is dead before its time.
    pub(crate) expired: AtomicBool,
}

impl TokenSession {
    /// Whether the token is dead at `now`.
    pub(crate) fn is_expired(&self, now: DateTime<Utc>) -> bool {
        now >= self.expiration || self.expired.load(Ordering::Relaxed)
    }

    /// `acs:ram::<account>:assumed-role/<role>/<session>`.
    pub(crate) fn arn(&self) -> String {
        format!("acs:ram::{}:assumed-role/{}/{}", self.role.role.account_id, self.role.role.name, self.name)
    }
}

/// Dead sessions are remembered this long, so that their use is answered with "expired", not with "unknown key".
const REMEMBERED: TimeDelta = TimeDelta::hours(1);

/// Dead sessions are looked for whenever this many more have been opened.
const SWEEP_EVERY: usize = 4096;

/// All users, roles and sessions.
pub(crate) struct Accounts {
    users: HashMap<String, Arc<RamUser>>,
    roles: HashMap<String, Arc<RamRole>>,
    sessions: RwLock<HashMap<String, Arc<TokenSession>>>,
}

impl Accounts {
    /// Reads the policies of `users` and `roles`.
    pub(crate) fn new(users: Vec<User>, roles: Vec<Role>) -> io::Result<Self> {
        let mut accounts = Self { users: HashMap::new(), roles: HashMap::new(), sessions: RwLock::default() };
        for user in users {
            accounts.add_user(user)?;
        }
        for role in roles {
            accounts.add_role(role)?;
        }
        Ok(accounts)
    }

    /// The user or session that `access_key_id` belongs to.
    pub(crate) fn holder(&self, access_key_id: &str) -> Option<Identity> {
        if let Some(user) = self.users.get(access_key_id) {
            return Some(Identity::User(Arc::clone(user)));
        }
        let sessions = self.sessions.read().unwrap_or_else(PoisonError::into_inner);
        sessions.get(access_key_id).map(|session| Identity::Session(Arc::clone(session)))
    }

    /// The role of that ARN; RAM compares role names without regard to case.
    pub(crate) fn role(&self, arn: &str) -> Option<&Arc<RamRole>> {
        self.roles.get(&arn.to_ascii_lowercase())
    }

    /// Keeps a session that was just opened.
    pub(crate) fn open(&self, session: TokenSession, now: DateTime<Utc>) -> Arc<TokenSession> {
        let session = Arc::new(session);
        let mut sessions = self.sessions.write().unwrap_or_else(PoisonError::into_inner);
        sessions.insert(session.access_key_id.clone(), Arc::clone(&session));
        if sessions.len().is_multiple_of(SWEEP_EVERY) {
            sessions.retain(|_, kept| now - kept.expiration < REMEMBERED);
        }
        session
    }

    /// Whether the token belongs to some session.
    pub(crate) fn handed_out(&self, token: &str) -> bool {
        let sessions = self.sessions.read().unwrap_or_else(PoisonError::into_inner);
        sessions.values().any(|session| session.token.as_bytes().ct_eq(token.as_bytes()).into())
    }

    /// Ends the token of a temporary key now. Whether there is such a key.
    pub(crate) fn expire_token(&self, access_key_id: &str) -> bool {
        let sessions = self.sessions.read().unwrap_or_else(PoisonError::into_inner);
        let session = sessions.get(access_key_id);
        session.inspect(|session| session.expired.store(true, Ordering::Relaxed)).is_some()
    }

    fn add_user(&mut self, user: User) -> io::Result<()> {
        let policies = read_policies(&user.policies, &user.name)?;
        let key_id = user.access_key_id.clone();
        let id = if user.root { user.account_id.clone() } else { format!("2{:017}", self.users.len() + 1) };
        match self.users.insert(key_id.clone(), Arc::new(RamUser { user, policies, id })) {
            None => Ok(()),
            Some(_) => Err(invalid(format!("two users have the key id {key_id}"))),
        }
    }

    fn add_role(&mut self, role: Role) -> io::Result<()> {
        let policies = read_policies(&role.policies, &role.name)?;
        let arn = role.arn();
        let id = format!("3{:017}", self.roles.len() + 1);
        match self.roles.insert(arn.to_ascii_lowercase(), Arc::new(RamRole { role, policies, id })) {
            None => Ok(()),
            Some(_) => Err(invalid(format!("two roles are named {arn}"))),
        }
    }
}

fn read_policies(policies: &[serde_json::Value], owner: &str) -> io::Result<Vec<Policy>> {
    let read = policies.iter().map(Policy::from_value).collect::<Result<_, _>>();
    read.map_err(|error| invalid(format!("a policy of {owner}: {error}")))
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}
