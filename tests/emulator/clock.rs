//! Time moved: whatever has an end is refused after it, each with its own code.

use chrono::TimeDelta;

use crate::sessions::{POLICY, assume_role};
use crate::support::{Answer as _, Cloud, form, sign, signed_fields, signed_url};

#[tokio::test]
async fn a_token_dies_at_the_second_it_was_given() {
    let cloud = Cloud::start().await;
    let (key, token) = assume_role(&cloud, POLICY).await;
    let path = "examplebucket/u1/a";
    let put = || {
        let request = cloud.anonymous("PUT", path).body("x");
        sign(&key, request, "PUT", path, &[("x-oss-security-token", token.as_str())]).send()
    };
    for (seconds, expected) in [(0, ""), (3600, "SecurityTokenExpired"), (-3600, "RequestTimeTooSkewed")] {
        cloud.emulator.knobs().clock_offset(TimeDelta::seconds(seconds));
        assert_eq!(put().await.expect("an answer").refusal().await.1, expected, "{seconds}");
    }
}

#[tokio::test]
async fn a_url_dies_when_its_life_is_over() {
    let cloud = Cloud::start().await;
    cloud.signed("PUT", "examplebucket/a", &[]).body("x").send().await.expect("an answer");
    let url = signed_url("GET", "examplebucket/a", 600);
    for (seconds, expected) in [
        (0, (200, "")),
        (600, (200, "")),
        (601, (403, "AuthorizationArgumentError")),
        (-600, (200, "")),
        (-1200, (403, "RequestTimeTooSkewed")),
    ] {
        cloud.emulator.knobs().clock_offset(TimeDelta::seconds(seconds));
        let answer = cloud.anonymous("GET", &url).send().await.expect("an answer").refusal().await;
        assert_eq!((answer.0, answer.1.as_str()), expected, "{seconds}");
    }
}

#[tokio::test]
async fn a_form_dies_with_its_policy() {
    let cloud = Cloud::start().await;
    let mut fields = signed_fields(r#",["starts-with","$key",""]"#);
    fields.push(("key", "a".to_owned()));
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    // The policy ends at 09:00, fifty minutes and fifty seconds from now.
    for (seconds, expected) in [(0, (204, "")), (3050, (204, "")), (3051, (403, "AccessDenied"))] {
        cloud.emulator.knobs().clock_offset(TimeDelta::seconds(seconds));
        let request = form(cloud.anonymous("POST", "examplebucket/"), &fields, b"x");
        let answer = request.send().await.expect("an answer").refusal().await;
        assert_eq!((answer.0, answer.1.as_str()), expected, "{seconds}");
    }
}

#[tokio::test]
async fn a_skew_of_twenty_minutes_is_refused_and_the_answer_tells_the_time() {
    let cloud = Cloud::start().await;
    for (minutes, expected, date) in [
        (15, (404, "NoSuchKey"), "Fri, 14 Feb 2025 08:24:10 GMT"),
        (20, (403, "RequestTimeTooSkewed"), "Fri, 14 Feb 2025 08:29:10 GMT"),
        (-20, (403, "RequestTimeTooSkewed"), "Fri, 14 Feb 2025 07:49:10 GMT"),
    ] {
        cloud.emulator.knobs().clock_offset(TimeDelta::minutes(minutes));
        let answer = cloud.signed("GET", "examplebucket/none", &[]).send().await.expect("an answer");
        assert_eq!(answer.head("date"), date);
        let answer = answer.refusal().await;
        assert_eq!((answer.0, answer.1.as_str()), expected, "{minutes}");
    }
}
