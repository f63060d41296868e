//! From the `Host` header and the raw path to bucket and key.
//!
//! A standard name carries the bucket before its first dot, a custom domain stands for one bucket, and everything else (a bare
//! address, `localhost`) is read as path style. There a path may have two readings, since some SDKs drop the bucket from the
//! path of an IP endpoint; which of them is meant is told by the signature.

use std::net::IpAddr;

use super::super::BucketOptions;
use super::super::error::OssError;
use super::super::wire::decode;

/// What an address may mean; both parts are decoded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Reading {
    pub(super) bucket: Option<String>,
    pub(super) key: Option<String>,
}

/// Which buckets an address may name.
pub(super) struct Known<'a> {
    /// The buckets of the options, with their custom domains.
    pub(super) configured: &'a [BucketOptions],
    /// Whether a bucket of that name exists.
    pub(super) exists: &'a dyn Fn(&str) -> bool,
}

impl Known<'_> {
    /// The readings of an address, the likelier first; never none.
    pub(super) fn readings(&self, host: &str, raw_path: &str) -> Result<Vec<Reading>, OssError> {
        let path = decode(raw_path).ok_or_else(|| invalid_uri(raw_path))?;
        let path = path.strip_prefix('/').unwrap_or(&path);
        let host = host.to_ascii_lowercase();
        match self.bucket_of(&host) {
            Some(bucket) => Ok(named_by_host(bucket, path)),
            None => Ok(self.path_style(path)),
        }
    }

    fn bucket_of<'h>(&'h self, host: &'h str) -> Option<&'h str> {
        let name = without_port(host);
        let bound = |domain: &String| domain.eq_ignore_ascii_case(host) || domain.eq_ignore_ascii_case(name);
        if let Some(bucket) = self.configured.iter().find(|bucket| bucket.domains.iter().any(bound)) {
            return Some(&bucket.name);
        }
        let (bucket, rest) = name.split_once('.')?;
        if name.parse::<IpAddr>().is_ok() || !is_bucket_name(bucket) {
            return None;
        }
        (is_service(rest) || (self.exists)(bucket)).then_some(bucket)
    }

    fn path_style(&self, path: &str) -> Vec<Reading> {
        let (first, key) = path.split_once('/').unwrap_or((path, ""));
        let in_path = if first.is_empty() { Reading { bucket: None, key: None } } else { Reading::at(first, key) };
        let [only] = self.configured else {
            return vec![in_path];
        };
        let dropped = Reading::at(&only.name, path);
        if (self.exists)(first) { vec![in_path, dropped] } else { vec![dropped, in_path] }
    }
}

/// With `sldEnable` and an IP endpoint, ali-oss names the bucket in both the host and the path.
fn named_by_host(bucket: &str, path: &str) -> Vec<Reading> {
    let in_path = path.strip_prefix(bucket).and_then(|rest| rest.strip_prefix('/'));
    let twice = in_path.map(|key| Reading::at(bucket, key));
    [Reading::at(bucket, path)].into_iter().chain(twice).collect()
}

impl Reading {
    fn at(bucket: &str, key: &str) -> Self {
        Self { bucket: Some(bucket.to_owned()), key: (!key.is_empty()).then(|| key.to_owned()) }
    }

    /// Refuses names that OSS refuses.
    pub(super) fn check(&self) -> Result<(), OssError> {
        if let Some(bucket) = self.bucket.as_deref().filter(|bucket| !is_bucket_name(bucket)) {
            return Err(OssError::invalid_bucket_name(bucket));
        }
        self.key.as_deref().map_or(Ok(()), check_key)
    }
}

/// Refuses a key that OSS refuses: empty, longer than 1023 bytes, or beginning with a slash of either kind.
pub(super) fn check_key(key: &str) -> Result<(), OssError> {
    if key.is_empty() || key.len() > 1023 || key.starts_with(['/', '\\']) {
        Err(OssError::invalid_object_name(key.get(..key.floor_char_boundary(1023)).unwrap_or_default()))
    } else {
        Ok(())
    }
}

/// Whether `name` is 3 to 63 lower-case letters, digits and inner hyphens.
pub(in crate::emulator) fn is_bucket_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (3..=63).contains(&name.len())
        && name.bytes().all(|byte| plain(byte) || byte == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
}

/// Whether `host` is a name of the service itself: OSS's own, or one that leads to this machine.
fn is_service(host: &str) -> bool {
    let standard = host.starts_with("oss-") && host.ends_with(".aliyuncs.com");
    let dual_stack = host.ends_with(".oss.aliyuncs.com");
    standard || dual_stack || host == "localhost" || host.ends_with(".localhost")
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name.trim_matches(['[', ']']),
        _ => host.trim_matches(['[', ']']),
    }
}

/// A path or query that cannot be decoded.
pub(super) fn invalid_uri(text: &str) -> OssError {
    OssError::bad_request("InvalidURI", "Couldn't parse the specified URI.").with("URI", text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn options(name: &str, domains: &[&str]) -> BucketOptions {
        BucketOptions {
            name: name.to_owned(),
            acl: "private".to_owned(),
            domains: domains.iter().map(|domain| (*domain).to_owned()).collect(),
            cors: false,
            elsewhere: None,
        }
    }

    fn readings(configured: &[BucketOptions], host: &str, path: &str) -> Vec<String> {
        let exists = |name: &str| configured.iter().any(|bucket| bucket.name == name);
        let readings = Known { configured, exists: &exists }.readings(host, path).expect("the path can be decoded");
        let part = |part: Option<String>| part.unwrap_or_else(|| "-".to_owned());
        readings.into_iter().map(|reading| format!("{} {}", part(reading.bucket), part(reading.key))).collect()
    }

    #[test]
    fn a_host_that_names_the_bucket_leaves_the_path_to_the_key() {
        let configured = [options("photos", &["static.example.com", "cdn.test:8001"])];
        for (host, path, expected) in [
            ("photos.oss-cn-hangzhou.aliyuncs.com", "/a/b", "photos a/b"),
            ("photos.oss-cn-hangzhou-internal.aliyuncs.com", "/", "photos -"),
            ("photos.oss-accelerate.aliyuncs.com:443", "/a", "photos a"),
            ("photos.cn-hangzhou.oss.aliyuncs.com", "/a", "photos a"),
            ("PHOTOS.localhost:8001", "/photosa", "photos photosa"),
            ("other.localhost:8001", "/a", "other a"),
            ("photos.oss.docker:8001", "/a", "photos a"),
            ("static.example.com", "/a", "photos a"),
            ("static.example.com:8001", "/a", "photos a"),
            ("cdn.test:8001", "/a", "photos a"),
        ] {
            assert_eq!(readings(&configured, host, path), [expected], "{host} {path}");
        }
    }

    #[test]
    fn a_bucket_named_twice_may_be_meant_once() {
        let configured = [options("photos", &[]), options("videos", &[])];
        let expected = ["photos photos/a", "photos a"];
        assert_eq!(readings(&configured, "photos.oss-cn-hangzhou.aliyuncs.com", "/photos/a"), expected);
    }

    #[test]
    fn any_other_host_is_read_as_path_style() {
        let configured = [options("photos", &[]), options("videos", &[])];
        for (host, path, expected) in [
            ("127.0.0.1:8001", "/photos/a/b", "photos a/b"),
            ("localhost", "/photos/", "photos -"),
            ("[::1]:8001", "/photos", "photos -"),
            ("127.0.0.1", "/", "- -"),
            ("", "/new-one/", "new-one -"),
            ("oss-cn-hangzhou.aliyuncs.com", "/photos/a", "photos a"),
            ("cn-hangzhou.oss.aliyuncs.com", "/photos/a", "photos a"),
            ("cdn.test", "/photos/a", "photos a"),
        ] {
            assert_eq!(readings(&configured, host, path), [expected], "{host} {path}");
        }
    }

    #[test]
    fn the_only_bucket_may_be_left_out_of_the_path() {
        let configured = [options("photos", &[])];
        for (path, expected) in [
            ("/photos/a", ["photos a", "photos photos/a"]),
            ("/photos", ["photos -", "photos photos"]),
            ("/a/b", ["photos a/b", "a b"]),
            ("/", ["photos -", "- -"]),
        ] {
            assert_eq!(readings(&configured, "127.0.0.1:8001", path), expected, "{path}");
        }
    }

    #[test]
    fn a_key_is_decoded_once_and_never_tidied() {
        let configured = [options("photos", &[])];
        for (path, expected) in [
            ("/a+b", "photos a+b"),
            ("/a%2Fb%2B", "photos a/b+"),
            ("/a%252F", "photos a%2F"),
            ("/a//b/../c/./d", "photos a//b/../c/./d"),
            ("/%E4%BD%A0", "photos 你"),
        ] {
            assert_eq!(readings(&configured, "photos.localhost", path), [expected], "{path}");
        }
    }

    #[test]
    fn names_that_oss_refuses_are_refused() {
        for key in ["/a", "\\a", &"x".repeat(1024), &"é".repeat(600)] {
            assert_eq!(check_key(key).map_err(|error| error.code), Err("InvalidObjectName"), "{key}");
        }
        for bucket in ["ab", "Abc", "a_b", "-abc", "abc-", "a.bc", &"a".repeat(64)] {
            assert!(!is_bucket_name(bucket), "{bucket}");
        }
    }

    proptest! {
        #[test]
        fn no_address_makes_the_parser_panic(host in ".*", path in ".*") {
            let configured = [options("photos", &[])];
            for known in [&configured[..], &[]] {
                if let Ok(readings) = (Known { configured: known, exists: &|_| true }).readings(&host, &path) {
                    prop_assert!(!readings.is_empty());
                    for reading in readings {
                        let _ = reading.check();
                    }
                }
            }
        }
    }
}
