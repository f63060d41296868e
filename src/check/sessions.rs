//! The AccessKey, and the sessions that it opens.

use std::sync::Arc;

use super::cloud::Cloud;
use super::report::{Outcome, Steps};
use super::subject::{Keys, Subject};
use crate::access_key::AccessKeys;
use crate::clock::CorrectedClock;
use crate::keys::{AccessKey, SessionKey};
use crate::policy::{Method, Session};
use crate::sts::{self, StsError};

const WHERE_FROM: &str = "set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET (or `access_key.id` and \
                          `access_key.secret`) to those of a RAM user that may call sts:AssumeRole";

/// Whether there is an AccessKey, and from where.
pub(super) async fn access_key(
    keys: Option<&AccessKeys>,
    clock: &Arc<CorrectedClock>,
) -> (Outcome, Option<Arc<AccessKey>>) {
    let Some(keys) = keys else {
        return (Outcome::failed("there is no AccessKey").hint(WHERE_FROM), None);
    };
    match keys.current(clock).await {
        Ok(key) => (Outcome::ok(format!("{} from {}", masked(&key.id), keys.source())), Some(key)),
        Err(error) => {
            let says = format!("the source {} has no AccessKey: {error}", keys.source());
            (Outcome::failed(says).hint(error.hint()), None)
        }
    }
}

/// Enough of an id to know it again.
fn masked(id: &str) -> String {
    let characters: Vec<char> = id.chars().filter(|c| !c.is_control()).collect();
    match characters.len() {
        0..=8 => "****".to_owned(),
        length => format!(
            "{}****{}",
            characters[..4].iter().collect::<String>(),
            characters[length - 4..].iter().collect::<String>()
        ),
    }
}

/// Opens the sessions of a grant, each once for all grants; that of the keeper is no promise of the grant, so its failure
/// is none either.
pub(super) async fn open(
    steps: &mut Steps<'_>,
    cloud: &Cloud,
    opened: &mut Opened,
    subject: &Subject<'_>,
    access_key: &AccessKey,
) -> Keys {
    let grant = &subject.grant.name;
    let mut keys = Keys::default();
    if subject.has(Method::Sts) {
        keys.credentials = assume(steps, cloud, opened, grant, &subject.inspection.credentials, access_key).await;
    }
    keys.signing = assume(steps, cloud, opened, grant, &subject.inspection.signing, access_key).await;
    if subject.reads() {
        keys.reading = assume(steps, cloud, opened, grant, &subject.inspection.reading, access_key).await;
    }
    if keys.signing.is_some() {
        keys.keeper = cloud.open(&subject.keeper(), access_key).await.ok();
    }
    keys
}

/// The sessions that were asked for, with those that were granted.
#[derive(Default)]
pub(super) struct Opened(Vec<(Session, Option<SessionKey>)>);

async fn assume(
    steps: &mut Steps<'_>,
    cloud: &Cloud,
    opened: &mut Opened,
    grant: &str,
    session: &Session,
    access_key: &AccessKey,
) -> Option<SessionKey> {
    if let Some((_, key)) = opened.0.iter().find(|(known, _)| known == session) {
        return key.clone();
    }
    let work = async {
        match cloud.open(session, access_key).await {
            Ok(key) => (granted(session), Some(key)),
            Err(error) => (refused(&error, session).of_grant(grant), None),
        }
    };
    let key = steps.with("assume-role", Some(grant), work).await.flatten();
    opened.0.push((session.clone(), key.clone()));
    key
}

fn granted(session: &Session) -> Outcome {
    let policy = session.policy().map_or_else(
        || "with all rights of the role".to_owned(),
        |policy| format!("with a policy of {} of 2,048 bytes", policy.len()),
    );
    Outcome::ok(format!("{} for {} s, {policy}", session.role().arn, session.duration()))
}

fn refused(error: &StsError, session: &Session) -> Outcome {
    let mut says = error.to_string();
    if error.code() == Some("InvalidParameter.DurationSeconds") {
        says = format!("{says}: {} s were asked for", session.duration());
    }
    if error.code() == Some("EntityNotExist.Role") {
        says = format!("{says}: {}", session.role().arn);
    }
    if let Some(message) = error.message().filter(|message| !message.is_empty()) {
        says = format!("{says}. STS says: {message}");
    }
    let of_code = || sts::hint(error.code()?, error.message().unwrap_or_default());
    let unknown = "this passes by itself, or it is a code that is not known here: see what STS says";
    Outcome::failed(says.trim_end()).code(error.code()).hint(error.hint().or_else(of_code).unwrap_or(unknown))
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn an_id_is_shown_in_part() {
        assert_eq!(masked("LTAI5tExampleId1234"), "LTAI****1234");
        for short in ["", "LTAI1234"] {
            assert_eq!(masked(short), "****");
        }
    }
}
