//! Is a service there, and what does its clock say? Where it is not: is it the name, the connection, or TLS?

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use url::Url;

use super::cloud::{Ask, Cloud, NoAnswer, Place, Reply};
use super::report::Outcome;
use crate::diagnose::Answer;

/// The longest for a name to resolve or a connection to open, when the reason of a failure is looked for.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is no error of a clock: `Date` has whole seconds, and an answer takes a while.
const TOLERANCE: TimeDelta = TimeDelta::seconds(5);

/// Beyond this STS and OSS refuse signatures.
const SKEW: TimeDelta = TimeDelta::minutes(15);

/// Whether STS answers at `endpoint`; with its time.
pub(super) async fn sts(cloud: &Cloud, endpoint: &Url) -> (Outcome, Option<DateTime<Utc>>) {
    const KEYS: &str = "`sts.endpoint` (or `sts.region` and `sts.vpc`)";
    match cloud.knock(endpoint.as_str()).await {
        Err(why) => (unreachable("STS", endpoint, KEYS, &why).await, None),
        Ok(reply) if Answer::read(&reply.text()).is_some() => {
            (Outcome::ok(format!("{} answers", endpoint.host_str().unwrap_or_default())), reply.date())
        }
        Ok(reply) => (not_the_service("STS", &reply, KEYS), None),
    }
}

/// Whether OSS answers where browsers reach the bucket; with its time.
pub(super) async fn oss(cloud: &Cloud, place: &Place) -> (Outcome, Option<DateTime<Utc>>) {
    const KEYS: &str = "`grants.*.endpoint`, `grants.*.region` or `grants.*.public_host`";
    let Ok(url) = Url::parse(&place.base) else {
        return (Outcome::failed("the bucket's address is no URL").hint(KEYS), None);
    };
    match cloud.unsigned(place, Ask { method: "GET", ..Ask::default() }).await {
        Err(why) => (unreachable("OSS", &url, KEYS, &why).await, None),
        Ok(reply) if reply.header("x-oss-request-id").is_some() => (
            Outcome::ok(format!("{} answers", url.host_str().unwrap_or_default())),
            Some(reply.date().unwrap_or_else(|| cloud.machine_time())),
        ),
        Ok(reply) => (not_the_service("OSS", &reply, KEYS), None),
    }
}

/// Compares the machine's clock with that of a service.
pub(super) fn clock(service: &str, machine: DateTime<Utc>, theirs: Option<DateTime<Utc>>) -> (Outcome, TimeDelta) {
    let Some(theirs) = theirs else {
        return (Outcome::skipped(format!("{service} told no time")), TimeDelta::zero());
    };
    let offset = theirs - machine;
    let seconds = offset.num_seconds().abs();
    let side = if offset < TimeDelta::zero() { "ahead of" } else { "behind" };
    let says = format!("this machine's clock is {seconds} s {side} that of {service}");
    let hint = "set this machine's clock by NTP";
    let outcome = match offset.abs() {
        off if off <= TOLERANCE => return (Outcome::ok(format!("right by that of {service}")), TimeDelta::zero()),
        off if off <= SKEW => Outcome::warning(says).hint(hint),
        _ => Outcome::failed(format!("{says}: beyond 15 minutes signatures are refused")).hint(hint),
    };
    (outcome, offset)
}

fn not_the_service(service: &str, reply: &Reply, keys: &str) -> Outcome {
    let how = if reply.status.is_redirection() { "it redirects" } else { "its answer has another form" };
    let says = format!("what answers is not {service}: HTTP {}, {how}", reply.status.as_u16());
    Outcome::failed(says)
        .hint(format!("compare {keys}: a mistyped host, or a proxy or a login page in between, answers like this"))
}

/// Why there was no answer, from the name on.
async fn unreachable(service: &str, url: &Url, keys: &str, why: &NoAnswer) -> Outcome {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or(443);
    let says = match timeout(PATIENCE, resolved(host, port)).await {
        Ok(Err(error)) => format!("DNS: the name {host} does not resolve: {error}"),
        Err(_) => format!("DNS: no answer about the name {host} within {} s", PATIENCE.as_secs()),
        Ok(Ok(address)) => match timeout(PATIENCE, TcpStream::connect(address)).await {
            Ok(Err(error)) => format!("TCP: {address} cannot be connected to: {error}"),
            Err(_) => format!("TCP: no connection to {address} within {} s", PATIENCE.as_secs()),
            Ok(Ok(_)) if url.scheme() == "https" => format!("TLS or HTTP: {host} listens, but fails: {}", why.0),
            Ok(Ok(_)) => format!("HTTP: {host} listens, but fails: {}", why.0),
        },
    };
    let hint = format!(
        "{keys} must name a host that this machine reaches over HTTPS: its name must resolve, a firewall must let the \
         connection out (`HTTPS_PROXY` is used), and the system's CA certificates must be installed"
    );
    Outcome::failed(format!("{service} cannot be reached. {says}")).hint(hint)
}

async fn resolved(host: &str, port: u16) -> std::io::Result<std::net::SocketAddr> {
    let host = host.trim_matches(['[', ']']);
    let mut found = lookup_host((host, port)).await?;
    found.next().ok_or_else(|| std::io::Error::other("it has no address"))
}

#[cfg(test)]
mod tests {
    use super::super::report::Verdict;
    use super::*;

    #[test]
    fn a_clock_is_judged_by_what_it_breaks() {
        let now = DateTime::UNIX_EPOCH;
        for (seconds, verdict, corrected) in [
            (0, Verdict::Ok, 0),
            (-5, Verdict::Ok, 0),
            (60, Verdict::Warning, 60),
            (-900, Verdict::Warning, -900),
            (1200, Verdict::Failed, 1200),
        ] {
            let (outcome, offset) = clock("STS", now, Some(now + TimeDelta::seconds(seconds)));
            assert_eq!((outcome.verdict, offset.num_seconds()), (verdict, corrected), "{seconds}");
        }
        assert_eq!(clock("STS", now, None).0.verdict, Verdict::Skipped);
    }
}
