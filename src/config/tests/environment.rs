//! Variables over the file, and a start from variables alone.

use std::path::Path;
use std::time::Duration;

use super::{Folder, LEAST, PLAIN, load, load_plain};
use crate::config::{ByteSize, PolicySource, Rate, SignatureVersion, StsSignature};
use crate::policy::Method;

#[test]
fn a_variable_of_every_type_wins_over_the_file() {
    let text = format!(
        "listen = \"127.0.0.1:1\"\n[limits]\nbody = 1\n{LEAST}methods = [\"get\"]\nexpires = 1\ncontent_types = [\"a/b\"]\nsession_name = \"file\"\n"
    );
    let loaded = load(
        &text,
        &[
            ("OSS_VEND__LISTEN", "0.0.0.0:80"),
            ("OSS_VEND__STATIC_DIR", "public"),
            ("OSS_VEND__STS__VPC", "TRUE"),
            ("OSS_VEND__STS__REGION", "cn-beijing"),
            ("OSS_VEND__STS__SIGNATURE", "v1"),
            ("OSS_VEND__STS__EXTERNAL_ID", "12345"),
            ("OSS_VEND__STS__TIMEOUT", "500ms"),
            ("OSS_VEND__LIMITS__BODY", "2 KiB"),
            ("OSS_VEND__LIMITS__CONNECTIONS", "7"),
            ("OSS_VEND__LIMITS__PER_CALLER", "off"),
            ("OSS_VEND__PROXY__TRUSTED", "10.0.0.0/8, ::1"),
            ("OSS_VEND__CORS__CREDENTIALS", "true"),
            ("OSS_VEND__CORS__ORIGINS", "https://a.example, https://b.example"),
            ("OSS_VEND__GRANTS__DEFAULT__METHODS", "[\"sts\", \"list\"]"),
            ("OSS_VEND__GRANTS__DEFAULT__CONTENT_TYPES", "[]"),
            ("OSS_VEND__GRANTS__DEFAULT__EXPIRES", "60"),
            ("OSS_VEND__GRANTS__DEFAULT__DURATION", "2h"),
            ("OSS_VEND__GRANTS__DEFAULT__POLICY", "role"),
            ("OSS_VEND__GRANTS__DEFAULT__SIGNATURE_VERSIONS", "v4,v1"),
        ],
    );
    let settings = loaded.settings;
    assert_eq!(settings.listen, "0.0.0.0:80");
    assert_eq!(settings.static_dir.as_deref(), Some(Path::new("public")));
    assert!(settings.sts.vpc);
    assert_eq!(settings.sts.signature, StsSignature::V1);
    assert_eq!(settings.sts.external_id.as_deref(), Some("12345"));
    assert_eq!(settings.sts.timeout, Duration::from_millis(500));
    assert_eq!(settings.limits.body, ByteSize::new(2048));
    assert_eq!(settings.limits.connections, 7);
    assert_eq!(settings.limits.per_caller, Rate::OFF);
    assert_eq!(settings.proxy.trusted, ["10.0.0.0/8", "::1"]);
    assert!(settings.cors.credentials);
    assert_eq!(settings.cors.origins, ["https://a.example", "https://b.example"]);
    let grant = &settings.grants["default"];
    assert_eq!(grant.methods, [Method::Sts, Method::List]);
    assert!(grant.content_types.is_empty());
    assert_eq!(grant.expires, Duration::from_mins(1));
    assert_eq!(grant.duration, Some(Duration::from_hours(2)));
    assert_eq!(grant.policy, PolicySource::Role);
    assert_eq!(grant.signature_versions, [SignatureVersion::V4, SignatureVersion::V1]);
    assert_eq!(grant.session_name, "file");
}

#[test]
fn api_keys_come_as_json() {
    let hash = format!("sha256:{}", "0".repeat(64));
    let text = format!("[{{\"id\":\"supplier-b\",\"hash\":\"{hash}\"}}]");
    let keys = load(LEAST, &[("OSS_VEND__AUTH__API_KEYS", &text)]).settings.auth.api_keys;
    assert_eq!((keys[0].id.as_str(), keys[0].hash.as_str()), ("supplier-b", hash.as_str()));
}

#[test]
fn an_empty_variable_counts_as_absent() {
    let settings =
        load(LEAST, &[("OSS_VEND__STS__ROLE_ARN", ""), ("OSS_VEND__LISTEN", ""), ("OSS_VEND__NO_SUCH", "")]).settings;
    assert_eq!(settings.sts.role_arn.as_deref(), Some("acs:ram::1:role/r"));
    assert_eq!(settings.listen, "127.0.0.1:8000");
}

#[test]
fn a_grant_is_found_by_its_name_in_capitals_or_else_made() {
    let text = LEAST.replace("grants.default", "grants.eu-west");
    let variables = [
        ("OSS_VEND__GRANTS__EU_WEST__DIR", "a/"),
        ("OSS_VEND__GRANTS__IN_BOX__BUCKET", "inbox"),
        ("OSS_VEND__GRANTS__IN_BOX__REGION", "cn-beijing"),
    ];
    let grants = load(&text, &variables).settings.grants;
    assert_eq!(grants["eu-west"].dir, "a/");
    assert_eq!(grants["in_box"].bucket, "inbox");
    assert_eq!(grants.len(), 2);
}

#[test]
fn a_variable_that_two_grants_could_mean_is_refused() {
    let both = "[grants.a-b]\nbucket = \"abc\"\nregion = \"cn-a\"\n[grants.a_b]\nbucket = \"abc\"\nregion = \"cn-a\"\n";
    let text = format!("[sts]\nrole_arn = \"acs:ram::1:role/r\"\n{both}");
    let faults = Folder::with(&text).faults(&[("OSS_VEND__GRANTS__A_B__DIR", "x/")]);
    assert_eq!(faults, "OSS_VEND__GRANTS__A_B__DIR stands for more than one grant: a-b, a_b");
}

#[test]
fn an_unknown_variable_is_refused_with_the_nearest_name() {
    let table = [
        ("OSS_VEND__STS__REGOIN", "no such setting; did you mean OSS_VEND__STS__REGION?"),
        ("OSS_VEND__ST__REGION", "no such setting; did you mean OSS_VEND__STS__REGION?"),
        ("OSS_VEND__GRANTS__DEFAULT__BUKCET", "no such setting; did you mean OSS_VEND__GRANTS__DEFAULT__BUCKET?"),
        ("OSS_VEND__listen", "no such setting; did you mean OSS_VEND__LISTEN?"),
        ("OSS_VEND__LISTEN__PORT", "no such setting"),
        ("OSS_VEND__XYZ", "no such setting"),
        ("OSS_VEND__", "no such setting"),
    ];
    for (name, expected) in table {
        let text = format!("listen = \"127.0.0.1:1\"\n{LEAST}");
        assert_eq!(Folder::with(&text).faults(&[(name, "hush")]), format!("{name}: {expected}"));
    }
}

#[test]
fn variables_of_kubernetes_and_others_are_let_be() {
    load(LEAST, &[("OSS_VEND_PORT", "tcp://10.0.0.1:80"), ("OSS_VEND_SERVICE_HOST", "10.0.0.1"), ("HOME", "/")]);
}

#[test]
fn a_bad_value_is_told_with_its_variable() {
    let table = [
        ("OSS_VEND__STS__VPC", "maybe", "must be true or false, not \"maybe\""),
        ("OSS_VEND__LIMITS__BODY", "big", "must be a size such as \"5 MiB\", not \"big\""),
        ("OSS_VEND__STS__SIGNATURE", "v2", "must be one of \"v3\", \"v1\", not \"v2\""),
        ("OSS_VEND__CORS__ORIGINS", "[", "must be a JSON list, or names with commas between"),
        (
            "OSS_VEND__CORS__ORIGINS",
            "null",
            "must be an origin as a browser sends it, such as \"https://app.example.com\", or \"*\" alone, not \"null\"",
        ),
        ("OSS_VEND__AUTH__API_KEYS", "hush", "must be a table"),
        ("OSS_VEND__LIMITS", "x", "must be a table, not \"x\""),
        ("OSS_VEND__LISTEN", "\u{fffd}", "must be UTF-8"),
    ];
    for (name, value, expected) in table {
        assert_eq!(load_plain(&[(name, value)]).unwrap_err().to_string(), format!("{name} {expected}"));
    }
    let error = load_plain(&[("OSS_VEND__GRANTS__DEFAULT__METHODS", "post,pots")]).unwrap_err().to_string();
    assert!(
        error.starts_with("OSS_VEND__GRANTS__DEFAULT__METHODS must be one of") && error.ends_with("not \"pots\""),
        "{error}"
    );
}

#[test]
fn three_variables_make_a_grant() {
    let settings = load_plain(&[]).unwrap().settings;
    let grant = &settings.grants["default"];
    assert_eq!(
        (grant.bucket.as_str(), grant.region.as_str(), grant.dir.as_str()),
        ("examplebucket", "cn-hangzhou", "uploads/")
    );
    assert_eq!(grant.methods, [Method::Sts, Method::Post, Method::Put]);
    assert_eq!(settings.sts.role_arn.as_deref(), Some("acs:ram::1:role/r"));
}

#[test]
fn a_grant_of_the_environment_answers_all_three_routes_and_one_of_a_file_keeps_its_default() {
    let of = |loaded: crate::config::Loaded, grant: &str| loaded.settings.grants[grant].methods.clone();
    let all = [Method::Sts, Method::Post, Method::Put];
    let photos = [("OSS_VEND__GRANTS__PHOTOS__BUCKET", "photos"), ("OSS_VEND__GRANTS__PHOTOS__REGION", "cn-beijing")];
    assert_eq!(of(load_plain(&photos).unwrap(), "photos"), all);
    assert_eq!(of(load("[sts]\nrole_arn = \"acs:ram::1:role/r\"", &[PLAIN[0], PLAIN[1]]), "default"), all);
    assert_eq!(of(load_plain(&[("OSS_VEND__GRANTS__DEFAULT__METHODS", "get")]).unwrap(), "default"), [Method::Get]);
    assert_eq!(of(load(LEAST, &photos), "default"), [Method::Post, Method::Put]);
    assert_eq!(of(load(LEAST, &photos), "photos"), [Method::Post, Method::Put]);
}

#[test]
fn one_api_key_comes_from_two_variables() {
    let hash = format!("sha256:{}", "0".repeat(64));
    let keys = |variables: &[(&str, &str)]| {
        let keys = load_plain(variables).unwrap().settings.auth.api_keys;
        keys.into_iter().map(|key| (key.id, key.hash)).collect::<Vec<_>>()
    };
    assert_eq!(keys(&[("API_KEY_HASH", &hash)]), [("app".to_owned(), hash.clone())]);
    assert_eq!(keys(&[("API_KEY_HASH", &hash), ("API_KEY_ID", "shop")]), [("shop".to_owned(), hash.clone())]);
    assert_eq!(keys(&[("API_KEY_ID", "shop")]), []);
    let listed = format!("[{{\"id\":\"listed\",\"hash\":\"{hash}\"}}]");
    let both = [("API_KEY_HASH", hash.as_str()), ("OSS_VEND__AUTH__API_KEYS", &listed)];
    assert_eq!(keys(&both), [("listed".to_owned(), hash.clone())]);
    let in_file = format!("[auth]\napi_keys = [{{ id = \"file\", hash = \"{hash}\" }}]\n{LEAST}");
    let loaded = load(&in_file, &[("API_KEY_HASH", &hash)]);
    assert_eq!(loaded.settings.auth.api_keys.len(), 1);
    assert_eq!(loaded.settings.auth.api_keys[0].id, "file");
    for (name, value, expected) in [
        ("API_KEY_HASH", "hush", "API_KEY_HASH must be \"sha256:\""),
        ("API_KEY_ID", "a/b", "API_KEY_ID must be 1 to 128"),
    ] {
        let variables = [("API_KEY_HASH", hash.as_str()), (name, value)];
        let error = load_plain(&variables).unwrap_err().to_string();
        assert!(error.starts_with(expected) && !error.contains("hush"), "{error}");
    }
}

#[test]
fn well_known_names_win_in_the_order_that_is_documented() {
    let variables = [
        ("ALIBABA_CLOUD_ROLE_ARN", "acs:ram::3:role/r"),
        ("OSS_STS_ROLE_ARN", "acs:ram::2:role/r"),
        ("ALIBABA_CLOUD_STS_REGION", "cn-beijing"),
        ("ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED", "true"),
        ("ALIBABA_CLOUD_ROLE_SESSION_NAME", "shop"),
        ("OSS_BUCKET", "ossbucket"),
        ("OSS_REGION", "oss-cn-shanghai"),
        ("OSS_ENDPOINT", "oss-cn-shanghai.aliyuncs.com"),
        ("OSS_VEND__GRANTS__DEFAULT__DIR", "mine/"),
    ];
    let loaded = load_plain(&variables).unwrap();
    let (sts, grant) = (&loaded.settings.sts, &loaded.settings.grants["default"]);
    assert_eq!(sts.role_arn.as_deref(), Some("acs:ram::3:role/r"));
    assert_eq!((sts.region.as_deref(), sts.vpc), (Some("cn-beijing"), true));
    assert_eq!((grant.bucket.as_str(), grant.region.as_str()), ("ossbucket", "cn-shanghai"));
    assert_eq!((grant.dir.as_str(), grant.session_name.as_str()), ("mine/", "shop"));
    assert_eq!(grant.endpoint.as_deref(), Some("https://oss-cn-shanghai.aliyuncs.com"));
    assert_eq!(loaded.notes, ["grants.default.region is read as \"cn-shanghai\", from \"oss-cn-shanghai\""]);
}

#[test]
fn the_file_wins_over_well_known_names() {
    let variables = [("RAM_ROLE_ARN", "acs:ram::9:role/r"), ("BUCKET", "otherbucket"), ("REGION", "cn-beijing")];
    let settings = load(LEAST, &variables).settings;
    assert_eq!(settings.sts.role_arn.as_deref(), Some("acs:ram::1:role/r"));
    assert_eq!(
        (settings.grants["default"].bucket.as_str(), settings.grants["default"].dir.as_str()),
        ("examplebucket", "uploads/")
    );
}

#[test]
fn a_bucket_without_a_region_is_told_with_the_missing_name() {
    let error = load_plain(&[("REGION", "")]).unwrap_err();
    assert_eq!(error.to_string(), "BUCKET is set, but grants.default has no \"region\"; set REGION");
}

#[test]
fn the_region_follows_from_the_endpoint_or_from_sts() {
    let text = LEAST.replace("region = \"cn-hangzhou\"", "endpoint = \"https://oss-cn-beijing.aliyuncs.com\"");
    assert_eq!(load(&text, &[]).settings.grants["default"].region, "cn-beijing");
    let text = LEAST.replace("region = \"cn-hangzhou\"", "");
    let variables = [("ALIBABA_CLOUD_STS_REGION", "cn-qingdao")];
    assert_eq!(load(&text, &variables).settings.grants["default"].region, "cn-qingdao");
}

#[test]
fn paths_of_the_file_start_at_its_folder() {
    let folder = Folder::with(&format!("static_dir = \"public\"\n{LEAST}"));
    assert_eq!(folder.load(&[]).unwrap().settings.static_dir, Some(folder.path("public")));
}
