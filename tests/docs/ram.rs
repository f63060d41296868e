//! The policies and the table of `docs/ram.md` are those that the program writes for its sessions.

use std::collections::BTreeSet;

use oss_vend::policy::Method;
use serde_json::Value;

use super::pages::{block, page};
use super::support::run;

#[tokio::test]
async fn the_policy_of_the_role_is_what_the_readme_s_grant_needs() {
    let shown: Value = serde_json::from_str(&block("role-policy", "")).unwrap();
    assert_eq!(policy_of_sessions("").await, shown);
}

#[tokio::test]
async fn each_method_needs_what_its_row_says() {
    let text = page("docs/ram.md").text;
    for method in Method::ALL.into_iter().filter(|method| *method != Method::Sts) {
        let row =
            text.lines().find(|line| line.starts_with('|') && before_the_bar(line).contains(&&*format!("`{method}`")));
        let row = row.unwrap_or_else(|| panic!("docs/ram.md has no row for {method}"));
        let shown: BTreeSet<_> = row.split('`').filter(|text| text.starts_with("oss:")).map(str::to_owned).collect();
        let policy = policy_of_sessions(&format!("OSS_VEND__GRANTS__DEFAULT__METHODS=sts,{method}")).await;
        let statements = policy["Statement"].as_array().unwrap();
        let allowed = statements.iter().filter(|statement| statement["Effect"] == "Allow");
        let actions = allowed.flat_map(|statement| statement["Action"].as_array().unwrap());
        assert_eq!(shown, actions.map(|action| action.as_str().unwrap().to_owned()).collect(), "{method}");
    }
}

/// The words of the row's first cell.
fn before_the_bar(row: &str) -> Vec<&str> {
    row.split('|').nth(1).unwrap_or_default().split([' ', ',']).collect()
}

/// What `explain` says of the configuration in the README, with this variable.
async fn policy_of_sessions(variable: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("oss-vend.toml"), block("config", "served")).unwrap();
    let printed = run(&format!("{variable} oss-vend explain --config oss-vend.toml --caller app"), folder.path()).await;
    let policy = printed.lines().find(|line| line.trim_start().starts_with("{\"Version\"")).unwrap();
    serde_json::from_str(policy).unwrap()
}
