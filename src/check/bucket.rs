//! The bucket: is it there, where it is said to be, and is the custom domain its own?

use quick_xml::de::from_str;
use serde::Deserialize;

use super::cloud::{Ask, Cloud, NoAnswer, Place, Reply};
use super::report::Outcome;
use crate::keys::AccessKey;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Info {
    bucket: Described,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Described {
    location: Option<String>,
    versioning: Option<String>,
}

const INFO: Ask<'static> = Ask { method: "GET", key: None, query: &[("bucketInfo", "")], headers: &[], body: b"" };

/// Whether the bucket is at `place`, in its region, and takes a V4 signature.
pub(super) async fn there(cloud: &Cloud, place: &Place, key: &AccessKey) -> Outcome {
    match cloud.signed(place, INFO, key).await {
        Ok(reply) if reply.status.is_success() => described(place, &reply),
        Ok(reply) if reply.is_denied() && !is_anothers(&reply) => {
            Outcome::ok(format!("{} takes V4 signatures in {}", place.bucket, place.region))
        }
        Ok(reply) => refused(place, &reply),
        Err(no_answer) => no_answer.outcome(&format!("the bucket {}", place.bucket)),
    }
}

/// Whether the custom domain is bound to the same bucket: a signature holds the bucket's name, whatever the address.
pub(super) async fn custom_domain(cloud: &Cloud, place: &Place, key: &AccessKey) -> Outcome {
    const BIND: &str =
        "bind the domain of `grants.*.public_host` to this bucket: OSS console, the bucket, Domain Names";
    match cloud.signed(place, INFO, key).await {
        Ok(reply) if reply.status.is_success() || (reply.is_denied() && !is_anothers(&reply)) => {
            Outcome::ok(format!("{} is bound to {}", place.base, place.bucket))
        }
        Ok(reply) => {
            let outcome = reply.refused(&format!("a request through {}", place.base));
            let elsewhere = matches!(
                outcome.code.as_deref(),
                Some("SignatureDoesNotMatch" | "NoSuchBucket" | "NonStandardHostForbidden" | "InvalidBucketName")
            );
            if elsewhere {
                Outcome::failed(format!("{} is not bound to the bucket {}", place.base, place.bucket))
                    .code(outcome.code.as_deref())
                    .hint(BIND)
            } else {
                outcome
            }
        }
        Err(NoAnswer(why)) => Outcome::failed(format!("{} does not answer: {why}", place.base)).hint(BIND),
    }
}

fn described(place: &Place, reply: &Reply) -> Outcome {
    let Ok(Info { bucket: Described { location, versioning } }) = from_str(&reply.text()) else {
        return Outcome::warning(format!("{} answers, but its description cannot be read", place.bucket));
    };
    let region = location.unwrap_or_default();
    let region = region.strip_prefix("oss-").unwrap_or(&region);
    if !region.is_empty() && region != place.region {
        let says = format!("{} lies in {region}, not in {}", place.bucket, place.region);
        return Outcome::failed(says).hint(format!("set `grants.*.region` to \"{region}\""));
    }
    let versions = versioning.map(|status| format!(", versioning {status}")).unwrap_or_default();
    Outcome::ok(format!("{} in {}, V4 signatures taken{versions}", place.bucket, place.region))
}

fn is_anothers(reply: &Reply) -> bool {
    reply.error().is_some_and(|error| error.message().contains("does not belong to you"))
}

fn refused(place: &Place, reply: &Reply) -> Outcome {
    let outcome = reply.refused(&format!("the bucket {}", place.bucket));
    let named = reply.error().and_then(|error| error.field("Endpoint").map(str::to_owned));
    let region = named.as_deref().and_then(|host| host.strip_prefix("oss-")?.strip_suffix(".aliyuncs.com"));
    match (region, named.as_deref()) {
        (Some(region), _) => outcome.hint(format!("set `grants.*.region` to \"{region}\": the bucket lies there")),
        (None, Some(host)) => outcome.hint(format!("set `grants.*.endpoint` to \"https://{host}\": OSS names it")),
        (None, None) => outcome,
    }
}
