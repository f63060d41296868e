//! Who may turn the knobs: this machine, and no page.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request};
use axum::http::StatusCode;
use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::Authority;

use super::super::loopback;
use super::answer::Problem;

const PATH: &str = "/-/emulator";

/// Whether a request means the control route. Under the name of a bucket the same path is that of an object.
pub(super) fn is_addressed(request: &Request) -> bool {
    let below = request.uri().path().strip_prefix(PATH).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    below && loopback::is_this_machine(loopback::without_port(host(request)))
}

/// Refuses what did not come from this machine, and what a page sent: its origin could be any.
pub(super) fn check(request: &Request) -> Result<(), Problem> {
    let sender = request.extensions().get::<ConnectInfo<SocketAddr>>();
    if !sender.is_some_and(|ConnectInfo(sender)| sender.ip().to_canonical().is_loopback()) {
        return Err(forbidden("Only this machine may turn the knobs."));
    }
    let fetched = request.headers().get("sec-fetch-site").is_some_and(|site| site != "none");
    if fetched || request.headers().contains_key(ORIGIN) {
        return Err(forbidden("A page may not turn the knobs."));
    }
    if request.headers().contains_key("x-oss-pub-key-url") {
        return Err(forbidden("An upload callback may not turn the knobs."));
    }
    Ok(())
}

fn forbidden(detail: &str) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "NotLoopback", detail)
}

fn host(request: &Request) -> &str {
    let header = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    header.or_else(|| request.uri().authority().map(Authority::as_str)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn request(host: &str, path: &str) -> Request {
        Request::builder().uri(path).header(HOST, host).body(Body::empty()).unwrap()
    }

    #[test]
    fn only_this_machine_by_its_own_names_is_meant() {
        for (host, path, expected) in [
            ("127.0.0.1:9000", "/-/emulator", true),
            ("127.0.0.1", "/-/emulator/calls", true),
            ("[::1]:9000", "/-/emulator/calls", true),
            ("localhost:9000", "/-/emulator/calls", true),
            ("examplebucket.localhost:9000", "/-/emulator/calls", false),
            ("evil.example", "/-/emulator/calls", false),
            ("127.0.0.1.evil.example", "/-/emulator/calls", false),
            ("10.0.0.1:9000", "/-/emulator/calls", false),
            ("127.0.0.1:9000", "/-/emulators", false),
            ("127.0.0.1:9000", "/examplebucket/-/emulator", false),
            ("", "/-/emulator", false),
        ] {
            assert_eq!(is_addressed(&request(host, path)), expected, "{host} {path}");
        }
    }

    #[test]
    fn another_machine_and_a_page_are_turned_away() {
        let mut unknown = request("127.0.0.1", "/-/emulator");
        assert!(check(&unknown).is_err());
        for (sender, expected) in
            [("127.0.0.1:5", true), ("[::1]:5", true), ("[::ffff:127.0.0.1]:5", true), ("10.0.0.1:5", false)]
        {
            unknown.extensions_mut().insert(ConnectInfo::<SocketAddr>(sender.parse().unwrap()));
            assert_eq!(check(&unknown).is_ok(), expected, "{sender}");
        }
        let mut page = request("127.0.0.1", "/-/emulator");
        page.extensions_mut().insert(ConnectInfo::<SocketAddr>("127.0.0.1:5".parse().unwrap()));
        page.headers_mut().insert(ORIGIN, "http://127.0.0.1:8000".parse().unwrap());
        assert!(check(&page).is_err());
        for (name, value, expected) in [
            ("sec-fetch-site", "none", true),
            ("sec-fetch-site", "same-origin", false),
            ("sec-fetch-site", "cross-site", false),
            ("x-oss-pub-key-url", "aHR0cDovL2E=", false),
        ] {
            let mut request = request("127.0.0.1", "/-/emulator/calls");
            request.extensions_mut().insert(ConnectInfo::<SocketAddr>("127.0.0.1:5".parse().unwrap()));
            request.headers_mut().insert(name, value.parse().unwrap());
            assert_eq!(check(&request).is_ok(), expected, "{name}: {value}");
        }
    }
}
