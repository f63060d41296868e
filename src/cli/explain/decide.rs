//! Asks the grant what a server would ask it.

use chrono::{DateTime, Utc};
use oss_vend::api::{self, Problem};
use oss_vend::caller::Caller;
use oss_vend::policy::{Denied, FormAsk, FormKey, Grant, Method, Naming, Session, UrlAsk, document};
use serde::Serialize;
use serde_json::{Map, Value};

use super::Arguments;

/// Stands where a server puts a new UUID.
const UUID: &str = "00000000-0000-4000-8000-000000000000";

/// Everything there is to say.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Explanation<'a> {
    pub(super) grant: &'a str,
    /// Absent for an anonymous caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) caller: Option<&'a str>,
    /// What of the grant's `callers` and `require` is not met. The caller is never told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unmet: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dir: Option<String>,
    /// Who names uploads: `caller` or `server`.
    pub(super) keys: &'static str,
    pub(super) answers: Vec<Answer>,
}

/// What would be answered to one request.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer {
    pub(super) method: String,
    pub(super) allowed: bool,
    /// Why not, as the caller would be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) problem: Option<Value>,
    #[serde(flatten)]
    pub(super) handed: Option<Handed>,
}

/// What would be handed out.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Handed {
    pub(super) session: SessionView,
    /// The one key that it is good for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<String>,
    /// Of a URL that reads: whether the session is `confined` to the caller's directory or `shared` by all callers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reads: Option<&'static str>,
    /// The longest that it lives, in seconds.
    pub(super) seconds: u32,
    /// What OSS checks of a form, beside what its signature adds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) conditions: Option<Value>,
    /// What has to be sent with a URL as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) headers: Option<Map<String, Value>>,
    /// The processing operations that a URL of a download may name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) process_allow: Option<String>,
    /// What is signed into a URL beside the signature's own parameters.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub(super) query: Map<String, Value>,
}

/// The session that is opened for it.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionView {
    pub(super) name: String,
    pub(super) role_arn: String,
    /// In seconds.
    pub(super) duration: u32,
    /// Exactly as STS gets it; absent, the session has all rights of the role.
    pub(super) policy: Option<String>,
    pub(super) policy_bytes: usize,
    pub(super) policy_limit: usize,
}

/// The grant, who asks, and for what.
#[derive(Clone, Copy)]
pub(super) struct Decision<'a, 'c> {
    pub(super) grant: &'a Grant,
    pub(super) caller: &'c Caller,
    pub(super) arguments: &'a Arguments,
    pub(super) now: DateTime<Utc>,
}

impl<'a> Decision<'a, '_> {
    /// Explains it all; `turned_away` is why the server would not even ask the grant.
    pub(super) fn explain(self, turned_away: Option<&Problem>) -> Explanation<'a> {
        let answers = self.methods().into_iter().map(|method| {
            let handed =
                turned_away.map_or_else(|| self.handed(&method).map_err(Problem::from), |problem| Err(problem.clone()));
            let problem = handed.as_ref().err().map(Problem::to_json);
            Answer { method, allowed: problem.is_none(), problem, handed: handed.ok() }
        });
        Explanation {
            grant: &self.grant.name,
            caller: self.arguments.caller.as_deref(),
            unmet: self.grant.audience.unmet(self.caller),
            dir: self.grant.offer(self.caller, self.now).ok(),
            keys: self.grant.keys.name(),
            answers: answers.collect(),
        }
    }

    /// The method asked for, or those of the grant that can be shown.
    fn methods(self) -> Vec<String> {
        if let Some(method) = &self.arguments.method {
            return vec![method.to_uppercase()];
        }
        let named = self.arguments.key.is_some() || self.arguments.filename.is_some();
        let shown = |method: &Method| match method {
            Method::Sts | Method::Post => true,
            Method::Put => named,
            Method::Get | Method::Head | Method::Delete => self.arguments.key.is_some(),
            Method::GetVersion | Method::List => false,
        };
        self.grant.methods.iter().filter(shown).map(|method| method.name().to_uppercase()).collect()
    }

    fn handed(self, method: &str) -> Result<Handed, Denied> {
        match method {
            "STS" => self.credentials(),
            "POST" => self.form(),
            _ => self.url(method),
        }
    }

    fn credentials(self) -> Result<Handed, Denied> {
        let permit = self.grant.credentials(self.caller, None, self.now)?;
        Ok(Handed {
            seconds: permit.session.duration(),
            session: SessionView::of(&permit.session),
            ..Handed::default()
        })
    }

    fn form(self) -> Result<Handed, Denied> {
        let Arguments { content_type, size, .. } = self.arguments;
        let (naming, content_type) = (self.naming(), content_type.as_deref());
        let ask = FormAsk { naming, content_type, size: *size, ..FormAsk::default() };
        let permit = self.grant.form(self.caller, &ask, UUID, self.now)?;
        Ok(Handed {
            session: SessionView::of(&permit.session),
            key: match &permit.key {
                FormKey::Exact(key) => Some(key.as_str().to_owned()),
                FormKey::Below(_) => None,
            },
            seconds: self.grant.max_expires,
            conditions: Some(api::form_conditions(self.grant, &permit)),
            ..Handed::default()
        })
    }

    fn url(self, method: &str) -> Result<Handed, Denied> {
        let upload = method == "PUT";
        let Arguments { content_type, size, process, .. } = self.arguments;
        let ask = UrlAsk {
            method: Some(method),
            naming: self.naming(),
            content_type: content_type.as_deref().filter(|_| upload),
            size: size.filter(|_| upload),
            process: process.as_deref().filter(|_| method == "GET"),
            ..UrlAsk::default()
        };
        let permit = self.grant.url(self.caller, &ask, UUID, self.now)?;
        let length = permit.content_length.map(|length| length.to_string());
        let headers = permit.headers.iter().chain(length.as_deref().map(|length| ("Content-Length", length)));
        Ok(Handed {
            session: SessionView::of(&permit.session),
            seconds: self.grant.max_expires,
            reads: matches!(method, "GET" | "HEAD").then(|| self.grant.reads().name()),
            process_allow: (method == "GET").then(|| self.grant.processing.to_string()),
            conditions: None,
            headers: Some(headers.map(|(name, value)| (name.to_owned(), value.into())).collect()),
            query: permit.query.into_iter().map(|(name, value)| (name.to_owned(), value.into_owned().into())).collect(),
            key: Some(permit.key.into_string()),
        })
    }

    fn naming(self) -> Naming<'a> {
        Naming { key: self.arguments.key.as_deref(), filename: self.arguments.filename.as_deref() }
    }
}

impl SessionView {
    fn of(session: &Session) -> Self {
        let policy = session.policy().map(String::from);
        Self {
            name: session.name().to_owned(),
            role_arn: session.role().arn.clone(),
            duration: session.duration(),
            policy_bytes: policy.as_ref().map_or(0, String::len),
            policy,
            policy_limit: document::MAX_BYTES,
        }
    }
}

impl Explanation<'_> {
    /// Whether nothing is denied.
    pub(super) fn is_allowed(&self) -> bool {
        !self.answers.is_empty() && self.answers.iter().all(|answer| answer.allowed)
    }
}
